"""Reading certificates of other authorities from a file: PEM, DER, P7B, a ZIP of those, or a list as CSV.

Nothing in a file is trusted: sizes are bounded before anything is unpacked, and what cannot be read is told
with its place and stops nothing else.
"""

import csv
import io
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

from ca.der import NOT_PARSABLE
from provisioner.days import beginning_of
from provisioner.errors import Invalid, Text

LARGEST: Final = 32 * 1024 * 1024
MEMBER: Final = 1024 * 1024
MOST: Final = 50_000

DEVICES: Final = {"token": "token", "sim": "sim", "hsm": "hsm", "tap_trung": "central", "central": "central"}
"""What stands in a list, and what it is here."""

NO_END: Final = datetime(9999, 12, 30, tzinfo=UTC)
"""The latest end that is recorded. Certificates without one say 99991231235959Z (RFC 5280 4.1.2.5), which is no day in Vietnam."""

NOT_READABLE: Final = (
    *NOT_PARSABLE,
    OverflowError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises for a file, and for a field of a certificate only when it is looked at."""

_BEGIN: Final = b"-----BEGIN CERTIFICATE-----"

_NO_CERTIFICATE: Final = Text(vi="không phải chứng thư đọc được", en="is no certificate that can be read")

COLUMNS: Final = {
    "so_hieu": "serial",
    "don_vi_cap": "issuer",
    "ho_va_ten": "name",
    "ten": "name",
    "dia_chi_thu": "mail",
    "ma_can_bo": "code",
    "ma_co_quan": "code",
    "hieu_luc_tu": "not_before",
    "hieu_luc_den": "not_after",
    "thiet_bi": "device",
}
"""The columns of a list; `ma_can_bo` goes before `ma_co_quan` where a row has both."""


@dataclass(frozen=True, slots=True)
class Found:
    """One certificate as its file tells of it."""

    issuer: str
    serial: str
    name: str
    mail: str | None
    code: str | None
    not_before: datetime
    not_after: datetime
    device: str | None = None
    der: bytes | None = None


@dataclass(frozen=True, slots=True)
class Unread:
    """A place in the file that could not be read, and why."""

    place: str
    why: Text


def read_foreign(content: bytes, *, name: str) -> list[Found | Unread]:
    """Everything the file holds, in its order. Raises `Invalid` for a file that is too large or of no such kind."""
    if len(content) > LARGEST:
        raise _invalid("file-too-large", "Tệp lớn hơn 32 MiB.", "The file is larger than 32 MiB.")
    if content.startswith(b"PK\x03\x04"):
        return _zip(content)
    found = _certificates(content)
    if found is not None:
        return [_of(each, place=str(number)) for number, each in enumerate(found, start=1)]
    if name.lower().endswith(".csv"):
        return _list(content)
    raise _invalid(
        "file-unreadable",
        "Tệp không phải là chứng thư (PEM, DER, P7B), tệp ZIP hay danh sách CSV.",
        "The file is no certificate (PEM, DER, P7B), no ZIP and no list as CSV.",
    )


def _certificates(content: bytes) -> Sequence[x509.Certificate | None] | None:
    """The certificates of one file that is no ZIP and no list; None for what is none."""
    _, *blocks = content.split(_BEGIN)
    if len(blocks) > 1:
        return [each for block in blocks for each in _certificates(_BEGIN + block) or (None,)]
    for read in (
        x509.load_pem_x509_certificates,
        lambda data: [x509.load_der_x509_certificate(data)],
        pkcs7.load_pem_pkcs7_certificates,
        pkcs7.load_der_pkcs7_certificates,
    ):
        try:
            return read(content)
        except NOT_READABLE:
            continue
    return None


def _zip(content: bytes) -> list[Found | Unread]:
    told: list[Found | Unread] = []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as bundle:
            members = [member for member in bundle.infolist() if not member.is_dir()]
            if len(members) > MOST:
                raise _invalid("file-too-large", "Tệp ZIP có quá nhiều tệp.", "The ZIP holds too many files.")
            for member in members:
                told += _member(bundle, member)
    except (zipfile.BadZipFile, OSError) as error:
        raise _invalid("file-unreadable", "Không đọc được tệp ZIP.", "The ZIP cannot be read.") from error
    return told


def _member(bundle: zipfile.ZipFile, member: zipfile.ZipInfo) -> list[Found | Unread]:
    try:
        with bundle.open(member) as file:
            content = file.read(MEMBER + 1)  # whatever the ZIP says of its size
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError):
        content = b""
    found = _certificates(content) if 0 < len(content) <= MEMBER else None
    if found is None:
        return [Unread(member.filename, _NO_CERTIFICATE)]
    return [_of(each, place=member.filename) for each in found]


def _of(certificate: x509.Certificate | None, *, place: str) -> Found | Unread:
    try:
        return _read(certificate) if certificate is not None else Unread(place, _NO_CERTIFICATE)
    except NOT_READABLE:
        return Unread(place, _NO_CERTIFICATE)


def _read(certificate: x509.Certificate) -> Found:
    def first(oid: x509.ObjectIdentifier) -> str | None:
        values = certificate.subject.get_attributes_for_oid(oid)
        return _clean(str(values[0].value)) if values else None

    mails = _alternative_addresses(certificate)
    mail = mails[0] if mails else first(NameOID.EMAIL_ADDRESS)
    return Found(
        issuer=certificate.issuer.rfc4514_string()[:255],
        serial=f"{certificate.serial_number:x}"[:64],
        name=(first(NameOID.COMMON_NAME) or first(NameOID.ORGANIZATION_NAME) or "")[:255],
        mail=mail.lower()[:254] if mail else None,
        code=(first(NameOID.SERIAL_NUMBER) or "")[:64] or None,
        not_before=certificate.not_valid_before_utc,
        not_after=min(certificate.not_valid_after_utc, NO_END),
        der=certificate.public_bytes(Encoding.DER),
    )


def _alternative_addresses(certificate: x509.Certificate) -> list[str]:
    """None where the extensions cannot be read: the subject still says whose certificate it is."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, *NOT_READABLE):
        return []
    return [_clean(address) for address in names.get_values_for_type(x509.RFC822Name)]


def _clean(text: str) -> str:
    """Without what PostgreSQL keeps in no text."""
    return text.replace("\x00", "").strip()


def _list(content: bytes) -> list[Found | Unread]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid(
            "file-unreadable", "Danh sách phải ở dạng UTF-8.", "The list has to be in UTF-8."
        ) from error
    head = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text), delimiter=";" if head.count(";") > head.count(",") else ",")
    told: list[Found | Unread] = []
    try:
        for number, row in enumerate(rows, start=2):
            if number > MOST:
                raise _invalid("file-too-large", "Danh sách quá dài.", "The list is too long.")
            told.append(
                _row(
                    number,
                    {k.strip().lower(): _clean(v) for k, v in row.items() if k and isinstance(v, str)},
                )
            )
    except csv.Error as error:
        raise _invalid(
            "file-unreadable", f"Không đọc được danh sách: {error}.", f"The list cannot be read: {error}."
        ) from error
    return told


def _row(number: int, cells: dict[str, str]) -> Found | Unread:
    values: dict[str, str] = {}
    for column, field in COLUMNS.items():
        if cells.get(column) and field not in values:
            values[field] = cells[column]
    try:
        return Found(
            issuer=values["issuer"][:255],
            serial=f"{int(values['serial'].replace(':', '').replace(' ', ''), 16):x}"[:64],
            name=values["name"][:255],
            mail=values["mail"].lower()[:254] if "mail" in values else None,
            code=values["code"][:64] if "code" in values else None,
            not_before=_day(values["not_before"]),
            # The list names the last day; the certificate is good until its end.
            not_after=min(_day(values["not_after"]), NO_END - timedelta(days=1)) + timedelta(days=1),
            device=DEVICES[values["device"]] if "device" in values else None,
        )
    except (KeyError, ValueError, OverflowError) as error:
        why = error.args[0] if error.args else ""
        return Unread(str(number), Text(vi=f"thiếu hoặc sai: {why}", en=f"missing or wrong: {why}"))


def _day(text: str) -> datetime:
    """A day as 2026-11-21 or 21/11/2026, at its beginning in Vietnam."""
    day, _, rest = text.partition("/")
    written = "-".join(reversed([day, *rest.split("/")])) if rest else text
    year, month, number = (int(part) for part in written.split("-"))
    return beginning_of(date(year, month, number)).astimezone(UTC)


def _invalid(code: str, vi: str, en: str) -> Invalid:
    return Invalid(Text(vi=vi, en=en), code=code)

"""Probing what is published: lists and OCSP answers as a verifier fetches and reads them, and what is wrong with them.

Shares no code with whatever makes and serves them, and an import contract says so: a mistake there must not
hide itself here. Only the standard library and cryptography.
"""

import base64
import secrets
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPException
from typing import Final
from urllib.parse import quote

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from provisioner.errors import Text

SPREAD: Final = timedelta(minutes=2)
"""How long a revocation may take to be on the list as it is served: a minute to sign, a minute in caches."""

OLDEST: Final = timedelta(hours=25)
"""The age of an issuing authority's list: it is signed anew every day."""

ROOT_LEFT: Final = timedelta(days=30)
"""What has to be left of a root's list: the next one takes a ceremony."""

RESPONDER_LEFT: Final = timedelta(days=7)
"""What has to be left of a responder's certificate: its successor is due weeks before."""

SKEW: Final = timedelta(minutes=5)
"""How far another clock may be ahead of ours."""

LARGEST: Final = 64 * 1024 * 1024
TIMEOUT: Final = 10.0

_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What cryptography raises for bytes that are not what they should be, often only when a field is looked at."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the books say of an authority; its publications are held against it.

    `revoked` are the serials of its certificates that have not expired, with the moment of revocation;
    `live` is one that is good, if there is any.
    """

    label: str
    certificate: x509.Certificate
    number: int
    revoked: Mapping[int, datetime]
    live: int | None

    @property
    def is_root(self) -> bool:
        return self.certificate.subject == self.certificate.issuer


class Wrong(Exception):  # a finding on its way up, never shown as an error
    """Something that is published is not as it should be; nothing behind it can be looked at."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def probe(expected: Expected, *, url: str, now: datetime) -> list[Text]:
    """What is wrong with what this authority has published below the address; empty when nothing is."""
    parts = [_probe_lists(expected, url, now)]
    if not expected.is_root:  # the root's key is not at hand for delegating; its list is short and enough
        parts.append(_probe_answers(expected, url, now))
    wrong: list[Text] = []
    for part in parts:
        try:
            for text in part:
                wrong.append(text)  # noqa: PERF402 - what was found before something could not be fetched stays
        except Wrong as found:
            wrong.append(found.text)
        except _UNREADABLE as error:
            wrong.append(
                Text(
                    vi=f"không đọc được danh sách hoặc câu trả lời OCSP của {expected.label}: {error}",
                    en=f"a list or an OCSP answer of {expected.label} cannot be read: {error}",
                )
            )
    return wrong


def _probe_lists(expected: Expected, url: str, now: datetime) -> Iterator[Text]:
    label = expected.label
    full = _list(expected, f"{url}/crl/{label}.crl")
    number = _number(full)
    yield from _times(f"{label}.crl", full, now, oldest=None if expected.is_root else OLDEST)
    if expected.is_root and _end(full) - now < ROOT_LEFT:
        yield Text(
            vi=f"{label}.crl hết hạn ngày {_end(full):%d/%m/%Y}; cần ký danh sách mới ở lễ ký của CA gốc",
            en=f"{label}.crl ends on {_end(full):%Y-%m-%d}; the next one takes a ceremony",
        )
    if number < expected.number:
        yield Text(
            vi=f"{label}.crl được phát là số {number}, sổ có số {expected.number}",
            en=f"{label}.crl is served as number {number}, the books have {expected.number}",
        )
    listed = {entry.serial_number for entry in full}
    missing = [n for n, since in expected.revoked.items() if since <= now - SPREAD and n not in listed]
    if missing:
        yield Text(
            vi=f"{label}.crl thiếu {len(missing)} chứng thư đã thu hồi, ví dụ {missing[0]:x}",
            en=f"{label}.crl lacks {len(missing)} revoked certificates, {missing[0]:x} for one",
        )
    if expected.is_root:
        return
    delta = _list(expected, f"{url}/crl/{label}-delta.crl")
    yield from _times(f"{label}-delta.crl", delta, now, oldest=OLDEST)
    base = _base(delta)
    if base is None or not base <= number or _number(delta) < number:
        yield Text(
            vi=f"{label}-delta.crl (số {_number(delta)}, từ số {base}) không nối được với danh sách số {number}",
            en=f"{label}-delta.crl (number {_number(delta)}, from {base}) does not follow the list {number}",
        )


def _list(expected: Expected, url: str) -> x509.CertificateRevocationList:
    """The list at this address, signed by the authority. Raises Wrong."""
    content = _fetch(url)
    try:
        crl = x509.load_der_x509_crl(content)
        key = expected.certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey)
        is_theirs = crl.issuer == expected.certificate.subject and crl.is_signature_valid(key)
    except _UNREADABLE as error:
        raise Wrong(
            Text(vi=f"{url} không phải danh sách thu hồi", en=f"{url} is no list: {error}")
        ) from error
    if not is_theirs:
        raise Wrong(
            Text(vi=f"{url} không do {expected.label} ký", en=f"{url} is not signed by {expected.label}")
        )
    return crl


def _times(
    name: str, crl: x509.CertificateRevocationList, now: datetime, *, oldest: timedelta | None
) -> Iterator[Text]:
    if _end(crl) <= now:
        yield Text(
            vi=f"{name} đã hết hạn lúc {_end(crl).isoformat()}", en=f"{name} ended at {_end(crl).isoformat()}"
        )
    age = now - crl.last_update_utc
    if age < -SKEW or (oldest is not None and age > oldest):
        hours = age / timedelta(hours=1)
        yield Text(vi=f"{name} đã ký {hours:.1f} giờ trước", en=f"{name} was signed {hours:.1f} hours ago")


def _end(crl: x509.CertificateRevocationList) -> datetime:
    return crl.next_update_utc or crl.last_update_utc


def _number(crl: x509.CertificateRevocationList) -> int:
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return -1


def _base(crl: x509.CertificateRevocationList) -> int | None:
    """The number that a delta adds to; None unless it says so critically, as it must (RFC 5280 5.2.4)."""
    try:
        indicator = crl.extensions.get_extension_for_class(x509.DeltaCRLIndicator)
    except x509.ExtensionNotFound:
        return None
    return indicator.value.crl_number if indicator.critical else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question, how to call it, and the status that has to come back: with none, anything but "good"."""

    serial: int
    words: Text
    status: ocsp.OCSPCertStatus | None
    nonce: bytes | None = None


def _probe_answers(expected: Expected, url: str, now: datetime) -> Iterator[Text]:
    """A serial that nobody issued, and one that is revoked, by GET; one that is good by GET and POST."""
    place = f"{url}/ocsp/{expected.label}"
    for asked in _questions(expected, now):
        body = _request(expected, asked)
        by_get = f"{place}/{quote(base64.b64encode(body).decode(), safe='')}"
        content = _fetch(by_get) if asked.nonce is None else _fetch(place, body)
        yield from _judge(expected, asked, content, now)


def _questions(expected: Expected, now: datetime) -> Iterator[_Asked]:
    never = secrets.randbits(158) | 1 << 157
    yield _Asked(never, Text(vi="chưa từng cấp", en="never issued"), None)
    due = {serial: since for serial, since in expected.revoked.items() if since <= now - SPREAD}
    if due:
        newest = max(due, key=lambda serial: due[serial])
        words = Text(vi=f"đã thu hồi {newest:x}", en=f"revoked {newest:x}")
        yield _Asked(newest, words, ocsp.OCSPCertStatus.REVOKED)
    if expected.live is not None:
        words = Text(vi=f"còn hiệu lực {expected.live:x}", en=f"live {expected.live:x}")
        for nonce in (None, secrets.token_bytes(16)):
            yield _Asked(expected.live, words, ocsp.OCSPCertStatus.GOOD, nonce)


def _judge(expected: Expected, asked: _Asked, content: bytes, now: datetime) -> Iterator[Text]:
    response = _response(content, expected.label)
    is_answer = response.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
    found = response.certificate_status if is_answer else None
    if found is not asked.status and (asked.status is not None or found is ocsp.OCSPCertStatus.GOOD):
        said = found.name if found is not None else response.response_status.name
        yield Text(
            vi=f"OCSP của {expected.label} trả lời {said} cho chứng thư {asked.words.vi}",
            en=f"OCSP of {expected.label} says {said} for a certificate that is {asked.words.en}",
        )
    for fault in _faults(expected, asked, response, now) if is_answer else ():
        yield Text(
            vi=f"câu trả lời OCSP của {expected.label} cho chứng thư {asked.words.vi}: {fault.vi}",
            en=f"the OCSP answer of {expected.label} for a certificate that is {asked.words.en}: {fault.en}",
        )


def _faults(expected: Expected, asked: _Asked, response: ocsp.OCSPResponse, now: datetime) -> Iterator[Text]:
    """Whether an answer is signed by somebody that the authority delegated, is of now, and is to our question."""
    if not _is_delegated(expected, response, now):
        yield Text(vi="chữ ký hoặc ủy quyền không đúng", en="its signature or delegation does not hold")
    elif response.certificates[0].not_valid_after_utc - now < RESPONDER_LEFT:
        yield Text(vi="chứng thư máy trả lời sắp hết hạn", en="the responder's certificate ends soon")
    if response.serial_number != asked.serial:
        yield Text(vi="trả lời cho chứng thư khác", en="it is to another question")
    end = response.next_update_utc
    if response.this_update_utc > now + SKEW or end is None or end <= now:
        yield Text(vi="không có hiệu lực lúc này", en="it is not for this moment")
    if asked.nonce is not None and not any(
        isinstance(one.value, x509.OCSPNonce) and one.value.nonce == asked.nonce
        for one in response.extensions
    ):
        yield Text(vi="không trả lại nonce", en="the nonce did not come back")


def _is_delegated(expected: Expected, response: ocsp.OCSPResponse, now: datetime) -> bool:
    if not response.certificates or response.signature_hash_algorithm is None:
        return False
    responder = response.certificates[0]
    key, algorithm = responder.public_key(), response.signature_hash_algorithm
    try:
        responder.verify_directly_issued_by(expected.certificate)
        purposes = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        else:
            return False
    except (*_UNREADABLE, InvalidSignature, x509.ExtensionNotFound):
        return False
    is_valid = responder.not_valid_before_utc <= now + SKEW and now < responder.not_valid_after_utc
    return is_valid and ExtendedKeyUsageOID.OCSP_SIGNING in purposes


def _response(content: bytes, label: str) -> ocsp.OCSPResponse:
    try:
        return ocsp.load_der_ocsp_response(content)
    except _UNREADABLE as error:
        raise Wrong(
            Text(
                vi=f"Không đọc được câu trả lời OCSP của {label}",
                en=f"the OCSP answer of {label} cannot be read: {error}",
            )
        ) from error


def _request(expected: Expected, asked: _Asked) -> bytes:
    issuer, sha1 = expected.certificate, hashes.SHA1()  # noqa: S303 - it names the issuer, no more (RFC 5019 2.1.1)
    name = hashes.Hash(sha1)
    name.update(issuer.subject.public_bytes())
    # The bits of the key without the algorithm around them (RFC 6960 4.1.1), as RFC 5280 4.2.1.2 (1) hashes them too.
    key = x509.SubjectKeyIdentifier.from_public_key(issuer.public_key()).digest
    builder = ocsp.OCSPRequestBuilder().add_certificate_by_hash(name.finalize(), key, asked.serial, sha1)
    if asked.nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(asked.nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def _fetch(url: str, body: bytes | None = None) -> bytes:
    """What is served at this address, by POST when there is a body. Raises Wrong."""
    headers = {"Content-Type": "application/ocsp-request"} if body is not None else {}
    asked = urllib.request.Request(url, data=body, headers=headers)  # noqa: S310 - http or https, by the settings
    place = url if len(url) <= 100 else f"{url[:100]}..."
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT) as answer:  # noqa: S310 - see above
            content: bytes = answer.read(LARGEST)
            return content
    except (OSError, HTTPException, ValueError) as error:
        raise Wrong(
            Text(vi=f"Không tải được {place}: {error}", en=f"{place} cannot be fetched: {error}")
        ) from error

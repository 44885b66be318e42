"""Certificates of other authorities: read from what an office has, matched, followed, and counted apart."""

import base64
import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.certificates import foreign
from provisioner.certificates.foreign import Imported
from provisioner.certificates.foreign_due import due
from provisioner.certificates.foreign_life import (
    Deadlines,
    Ending,
    Step,
    device_due_on,
    last_day,
    note,
    state_of,
)
from provisioner.certificates.foreign_reading import Found, Unread, read_foreign
from provisioner.certificates.models import ForeignCertificate, Match
from provisioner.days import Calendar
from provisioner.db import Database
from provisioner.errors import Conflict, Invalid, NotFound
from tests.books import NOW
from tests.certificates.holders import address_of, agency_address, certified, ordered
from tests.province import an_official, the_person, trail

CLERK = Who("lan")
COMMITTEE = "CN=CA phuc vu cac co quan Nha nuoc G2,O=Ban Co yeu Chinh phu,C=VN"
ANH = "Nguyễn Thị Ánh"


def a_certificate(
    name: str = ANH,
    *,
    mail: str = "",
    code: str = "",
    issuer: str = "Ban Cơ yếu Chính phủ",
    end: datetime = datetime(2031, 1, 1),  # noqa: DTZ001 - cryptography's way to say UTC
    extensions: Sequence[x509.UnrecognizedExtension] = (),
) -> x509.Certificate:
    """One as the Committee issues it: the address in the subject, no alternative name."""
    key = ec.generate_private_key(ec.SECP256R1())
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if mail:
        attributes.append(x509.NameAttribute(NameOID.EMAIL_ADDRESS, mail))
    if code:
        attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, code))
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]),
        subject_name=x509.Name(attributes),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=datetime(2026, 1, 1),  # noqa: DTZ001 - cryptography's way to say UTC
        not_valid_after=end,
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256())


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def found(name: str = ANH, **more: str) -> Found:
    (read,) = read_foreign(der(a_certificate(name, **more)), name="a.cer")
    assert isinstance(read, Found)
    return read


def imported(database: Database, *read: Found | Unread) -> Imported:
    with database.transaction() as session:
        return foreign.import_foreign(
            session, list(read), our_issuers=frozenset({"CN=ours"}), who=CLERK, now=NOW
        )


def rows(database: Database) -> list[ForeignCertificate]:
    with database.reading() as session:
        return list(session.scalars(select(ForeignCertificate).order_by(ForeignCertificate.id)))


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as bundle:
        for name, content in files.items():
            bundle.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    "packed",
    [
        der,
        lambda certificate: certificate.public_bytes(Encoding.PEM),
        lambda certificate: pkcs7.serialize_certificates([certificate], Encoding.DER),
        lambda certificate: pkcs7.serialize_certificates([certificate], Encoding.PEM),
        lambda certificate: zipped(a=der(certificate)),
    ],
    ids=["DER", "PEM", "P7B", "P7B in PEM", "ZIP"],
)
def test_every_kind_of_file_tells_the_same(packed: Callable[[x509.Certificate], bytes]) -> None:
    certificate = a_certificate(mail="AnhNT@lamdong.gov.vn", code="CB1")

    (read,) = read_foreign(packed(certificate), name="a.bin")

    assert isinstance(read, Found)
    assert (read.name, read.mail, read.code) == (ANH, "anhnt@lamdong.gov.vn", "CB1")
    assert read.serial == f"{certificate.serial_number:x}"
    assert (read.not_before, read.der) == (datetime(2026, 1, 1, tzinfo=UTC), der(certificate))


def test_a_list_tells_what_it_has_and_what_is_wrong_with_a_row(database: Database) -> None:
    content = (
        "so_hieu;don_vi_cap;ho_va_ten;dia_chi_thu;ma_can_bo;hieu_luc_tu;hieu_luc_den;thiet_bi\n"
        f"00:AB:12;{COMMITTEE};{ANH};anhnt@lamdong.gov.vn;CB1;2026-01-01;31/12/2030;token\n"
        f"AB13;{COMMITTEE};{ANH};;;2026-01-01;2030-12-31;tap_trung\n"
        f"AB14;{COMMITTEE};{ANH};;;hôm qua;2030-12-31;\n"
        f"AB15;{COMMITTEE};{ANH};;;2026-01-01;2030-12-31;tablet\n"
    ).encode("utf-8-sig")

    first, second, third, fourth = read_foreign(content, name="danh_sach.CSV")

    assert isinstance(first, Found)
    assert isinstance(second, Found)
    assert (first.serial, first.device, first.code) == ("ab12", "token", "CB1")
    assert (second.device, second.mail) == ("central", None)
    assert first.not_after == datetime(2030, 12, 31, 17, tzinfo=UTC)
    assert [each.place for each in (third, fourth) if isinstance(each, Unread)] == ["4", "5"]


def test_one_bad_file_in_a_zip_stops_no_other() -> None:
    bundle = zipped(junk=b"junk", good=der(a_certificate()), large=b"0" * 2_000_000, empty=b"")

    read = read_foreign(bundle, name="a.zip")

    assert [isinstance(each, Found) for each in read] == [False, True, False, False]


def an_odd_one(oid: str, content: bytes = b"\x05\x00", **more: str) -> x509.Certificate:
    """One with an extension of this name and, whatever the name promises, this content."""
    return a_certificate(extensions=[x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), content)], **more)


def of_another_version() -> bytes:
    """Bytes that a certificate of version 8 would have."""
    return der(a_certificate()).replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", 1)


def with_an_extension_twice() -> bytes:
    extensions = [
        x509.UnrecognizedExtension(x509.ObjectIdentifier(f"1.2.3.{n}"), b"\x05\x00") for n in (4, 5)
    ]
    encoded = der(a_certificate(mail="anhnt@lamdong.gov.vn", extensions=extensions))
    return encoded.replace(b"\x06\x03\x2a\x03\x05", b"\x06\x03\x2a\x03\x04", 1)


@pytest.mark.parametrize(
    "odd",
    [
        with_an_extension_twice(),
        der(
            an_odd_one("2.5.29.17", bytes.fromhex("3004a3023000"), mail="anhnt@lamdong.gov.vn")
        ),  # an X.400 address
        der(an_odd_one("2.5.29.17", b"junk", mail="anhnt@lamdong.gov.vn")),
    ],
    ids=["an extension twice", "a name of an unknown kind", "no extension"],
)
def test_extensions_that_cannot_be_read_leave_the_subject(odd: bytes) -> None:
    (read,) = read_foreign(odd, name="a.cer")

    assert isinstance(read, Found)
    assert (read.name, read.mail) == (ANH, "anhnt@lamdong.gov.vn")


@pytest.mark.parametrize(
    "odd",
    [of_another_version(), bytes.fromhex("300b06092a864886f70d010701")],
    ids=["version 8", "P7B without"],
)
def test_an_odd_certificate_is_told_and_stops_no_other(odd: bytes) -> None:
    good = a_certificate()
    pem = b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(odd) + b"-----END CERTIFICATE-----\n"

    with pytest.raises(Invalid):
        read_foreign(odd, name="a.cer")
    for file in (zipped(odd=odd, good=der(good)), pem + good.public_bytes(Encoding.PEM)):
        first, second = read_foreign(file, name="a.bin")
        assert isinstance(first, Unread)
        assert isinstance(second, Found)


def test_one_without_an_end_can_be_recorded_and_followed(database: Database) -> None:
    """RFC 5280 4.1.2.5: 99991231235959Z, which is no day in Vietnam any more."""
    content = f"so_hieu;don_vi_cap;ten;hieu_luc_tu;hieu_luc_den\nAB;{COMMITTEE};{ANH};2026-01-01;31/12/9999\n"
    endless = a_certificate(end=datetime(9999, 12, 31, 23, 59, 59))  # noqa: DTZ001

    imported(database, *read_foreign(der(endless), name="a.cer"))
    imported(database, *read_foreign(content.encode(), name="a.csv"))

    assert [state_of(row, today=A_DAY, deadlines=LAW) for row in rows(database)] == ["issued", "issued"]
    assert {last_day(row).year for row in rows(database)} == {9999}
    assert to_do(database, A_DAY) == []


def test_a_day_that_no_clock_has_costs_its_row() -> None:
    content = f"so_hieu;don_vi_cap;ten;hieu_luc_tu;hieu_luc_den\nAB;{COMMITTEE};{ANH};01/01/0001;2030-12-31\n"

    (read,) = read_foreign(content.encode(), name="a.csv")

    assert isinstance(read, Unread)


def test_what_no_text_of_the_books_can_hold_is_left_out(database: Database) -> None:
    name = f"{ANH}\x00"
    content = (
        f"so_hieu;don_vi_cap;ten;hieu_luc_tu;hieu_luc_den\nAB;{COMMITTEE};{name};2026-01-01;2030-12-31\n"
    )

    imported(database, *read_foreign(der(a_certificate(name)), name="a.cer"))
    imported(database, *read_foreign(content.encode(), name="a.csv"))

    assert [row.name for row in rows(database)] == [ANH, ANH]


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04junk", b"\xff" * 40])
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        read_foreign(content, name="a.bin")


@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a.cer", "a.zip"]))
def test_no_bytes_do_more_harm_than_a_refusal(content: bytes, name: str) -> None:
    try:
        told = read_foreign(content, name=name)
    except Invalid:
        told = []

    assert all(isinstance(each, Found | Unread) for each in told)


ONE = der(a_certificate(mail="anhnt@lamdong.gov.vn", code="CB1"))


@given(st.lists(st.tuples(st.integers(0, len(ONE) - 1), st.integers(0, 255)), min_size=1, max_size=3))
@example([(ONE.index(b"CB1") - 2, 0x03)])  # a text that would be bits
def test_no_changed_certificate_does_more_harm_than_a_refusal(changes: list[tuple[int, int]]) -> None:
    content = bytearray(ONE)
    for place, value in changes:
        content[place] = value

    try:
        (told,) = read_foreign(bytes(content), name="a.cer")
    except Invalid:
        return
    if isinstance(told, Found):
        last_day(ForeignCertificate(not_after=told.not_after))


@pytest.mark.parametrize(
    ("name", "mail", "code", "expected"),
    [
        (ANH, "its", "", Match.CERTAIN),
        (ANH, "", "CB1", Match.CERTAIN),
        (ANH, "its", "CB1", Match.CERTAIN),
        ("Nguyen Thi Anh", "its", "", Match.CERTAIN),
        ("Trần Văn Khác", "its", "", Match.DOUBTFUL),
        (ANH, "its", "CB2", Match.DOUBTFUL),
        (ANH, "", "", Match.DOUBTFUL),
        ("Trần Văn Khác", "", "", Match.NOBODY),
        ("Trần Văn Khác", "khac@example.vn", "CB99", Match.NOBODY),
    ],
)
def test_a_match_is_certain_only_when_nothing_objects(
    database: Database, name: str, mail: str, code: str, expected: Match
) -> None:
    ordered(database, an_official("CB1", ANH), an_official("CB2", "Lê Văn Bình"))
    mail = address_of(database) if mail == "its" else mail

    imported(database, found(name, mail=mail, code=code))

    (row,) = rows(database)
    assert row.match is expected
    if expected is Match.CERTAIN:
        assert row.person_id == the_person(database, "CB1").id


def test_an_agency_is_matched_by_its_address_its_code_or_doubtfully_its_name(database: Database) -> None:
    certified(database)
    name = "Sở Khoa học và Công nghệ"

    imported(database, found(name, mail=agency_address(database)), found(name, code="H36.05"), found(name))

    assert [row.match for row in rows(database)] == [Match.CERTAIN, Match.CERTAIN, Match.DOUBTFUL]
    assert len({row.agency_id for row in rows(database)} - {None}) == 1


def test_importing_again_changes_nothing_and_ours_are_left_out(database: Database) -> None:
    ordered(database)
    one, ours = found(mail=address_of(database)), found(issuer="ours")

    first = imported(database, one, ours, one)
    again = imported(database, one, ours)

    assert (first.new, first.known, first.ours) == (1, 0, 1)
    assert (again.new, again.known, again.ours) == (0, 1, 1)
    assert len(rows(database)) == 1


def test_a_person_decides_what_is_doubtful(database: Database) -> None:
    ordered(database)
    imported(database, found(), found("Trần Văn Khác"))
    first, second = rows(database)
    with database.reading() as session:
        assert [row.id for row in foreign.undecided(session)] == [first.id, second.id]

    with database.transaction() as session:
        foreign.decide(session, first.id, staff_number="CB1", who=CLERK, now=NOW)
        foreign.decide(session, second.id, who=CLERK, now=NOW)

    first, second = rows(database)
    assert (first.match, first.person_id) == (Match.DECIDED, the_person(database, "CB1").id)
    assert (second.match, second.decided_by) == (Match.NOBODY, "lan")
    with database.reading() as session:
        assert foreign.undecided(session) == []
    assert len(trail(database, "foreign.decided")) == 2
    with pytest.raises(NotFound), database.transaction() as session:
        foreign.decide(session, first.id, agency_code="H99", who=CLERK, now=NOW)


def test_leadership_counts_the_certain_and_the_decided_and_a_person_once(database: Database) -> None:
    certified(database)
    mail, agency = address_of(database), agency_address(database)
    imported(
        database,
        found(mail=mail),
        found(mail=mail),
        found("Sở Khoa học và Công nghệ", mail=agency),
        found("Trần Văn Khác", mail=mail),
    )

    with database.reading() as session:
        agency_id = session.scalars(select(Agency.id).where(Agency.code == "H36.05")).one()
        assert foreign.valid_by_agency(session, at=NOW) == {agency_id: (1, 1)}
        assert foreign.valid_by_agency(session, at=NOW + timedelta(days=3000)) == {}


def test_a_revocation_counts_from_the_beginning_of_its_day_in_vietnam(database: Database) -> None:
    certified(database)
    imported(database, found(mail=address_of(database)))
    with database.transaction() as session:
        session.get_one(ForeignCertificate, rows(database)[0].id).revoked_on = date(2026, 11, 23)
    midnight = datetime(2026, 11, 22, 17, tzinfo=UTC)
    before, after = midnight - timedelta(seconds=1), midnight + timedelta(seconds=1)

    with database.reading() as session:
        assert len(foreign.valid_by_agency(session, at=before)) == 1
        assert foreign.valid_by_agency(session, at=midnight) == {}
        assert foreign.next_change(session, at=before) == midnight
        assert foreign.next_change(session, at=after) == datetime(2031, 1, 1, tzinfo=UTC)


A_DAY = date(2026, 11, 2)
LAW = Deadlines(
    Calendar(), timedelta(days=60), {"change": 3, "renewal": 3, "recovery": 1}, return_within=5
)  # and no holidays
LATER = datetime(2026, 12, 31, tzinfo=UTC)


def lived(database: Database, *steps: tuple[Step, date]) -> ForeignCertificate:
    """A token of the Committee's, and what happened to it."""
    if not rows(database):
        imported(database, found())
        with database.transaction() as session:
            session.get_one(ForeignCertificate, rows(database)[0].id).device = "token"
    for step, on in steps:
        with database.transaction() as session:
            note(session, rows(database)[0].id, step, on=on, who=CLERK, now=LATER, paper="BB 07")
    return rows(database)[0]


def test_a_life_from_issue_to_the_return_of_the_device(database: Database) -> None:
    seen = []
    for step, on in (
        (Step.DELIVERED, date(2026, 11, 2)),
        (Step.HANDED_OVER, date(2026, 11, 3)),
        (Step.CHANGE_ASKED, date(2026, 11, 4)),
        (Step.SETTLED, date(2026, 11, 5)),
        (Step.LOCKED, date(2026, 11, 6)),
        (Step.SETTLED, date(2026, 11, 9)),
        (Step.REVOKED, date(2026, 11, 20)),
        (Step.RETURNED, date(2026, 11, 25)),
    ):
        seen.append(state_of(lived(database, (step, on)), today=on, deadlines=LAW))

    assert seen == [
        "delivered",
        "handed-over",
        "waits-for-change",
        "handed-over",
        "waits-for-recovery",
        "handed-over",
        "device-due",
        "returned",
    ]
    assert [event.after["paper"] for event in trail(database, "foreign.step")] == ["BB 07"] * 8


def test_what_the_key_is_on_is_told_with_a_step_or_by_a_later_list(database: Database) -> None:
    """A certificate imported from its file does not say it."""
    one, other = found(mail="a@lamdong.gov.vn"), found()
    imported(database, one, other)
    first, _ = rows(database)
    with database.transaction() as session:
        note(session, first.id, Step.HANDED_OVER, on=A_DAY, who=CLERK, now=LATER, device="token")

    listed = [replace(each, device="sim", mail="b@lamdong.gov.vn") for each in (one, other)]
    done = imported(database, *listed)

    told = [(row.device, row.mail) for row in rows(database)]
    assert told == [("token", "a@lamdong.gov.vn"), ("sim", "b@lamdong.gov.vn")]
    assert (done.new, done.known, done.completed) == (0, 2, 1)
    assert trail(database, "foreign.step")[0].after["device"] == "token"
    assert imported(database, *listed, one).completed == 0


def test_the_device_is_due_five_working_days_after_the_revocation(database: Database) -> None:
    row = lived(database, (Step.HANDED_OVER, A_DAY), (Step.REVOKED, date(2026, 11, 20)))

    assert device_due_on(row, today=date(2026, 11, 20), deadlines=LAW) == date(2026, 11, 27)
    assert state_of(row, today=date(2026, 11, 27), deadlines=LAW) == "device-due"
    assert state_of(row, today=date(2026, 11, 28), deadlines=LAW) == "device-overdue"
    holiday = replace(LAW, calendar=Calendar(off={date(2026, 11, 24)}))
    assert device_due_on(row, today=date(2026, 11, 20), deadlines=holiday) == date(2026, 11, 30)


def test_the_device_of_an_expired_one_is_due_and_a_central_one_is_not(database: Database) -> None:
    row = lived(database, (Step.HANDED_OVER, A_DAY))
    end = date(2031, 1, 1)

    assert state_of(row, today=end, deadlines=LAW) == "handed-over"
    assert state_of(row, today=end + timedelta(days=1), deadlines=LAW) == "device-due"
    row.device = "central"
    assert state_of(row, today=end + timedelta(days=1), deadlines=LAW) == "expired"


@pytest.mark.parametrize(
    ("before", "step", "on"),
    [
        ([], Step.DELIVERED, date(2025, 1, 1)),
        ([], Step.DELIVERED, date(2027, 1, 1)),
        ([], Step.RETURNED, A_DAY),
        ([], Step.SETTLED, A_DAY),
        ([Step.CHANGE_ASKED], Step.RENEWAL_ASKED, A_DAY),
        ([Step.REVOKED], Step.HANDED_OVER, A_DAY),
        ([Step.REVOKED, Step.RETURNED], Step.LOST, A_DAY),
    ],
)
def test_a_step_that_cannot_be_is_refused(
    database: Database, before: list[Step], step: Step, on: date
) -> None:
    lived(database, *((each, A_DAY) for each in before))

    with pytest.raises(Conflict) as refused:
        lived(database, (step, on))

    assert refused.value.code == "step-not-now"


def to_do(database: Database, on: date, deadlines: Deadlines = LAW) -> list[tuple[str, date, bool]]:
    with database.reading() as session:
        found = due(session, now=datetime.combine(on, time(12), UTC), deadlines=deadlines)
    return [(one.duty.value, one.by, one.is_late) for one in found]


def test_nothing_is_to_be_done_about_one_that_is_in_use(database: Database) -> None:
    lived(database, (Step.HANDED_OVER, A_DAY))

    assert to_do(database, A_DAY) == []


def test_a_renewal_is_to_be_asked_for_while_it_has_sixty_days_left(database: Database) -> None:
    row = lived(database, (Step.HANDED_OVER, A_DAY))
    end = last_day(row)
    last = end - timedelta(days=60)

    assert to_do(database, end - timedelta(days=91)) == []
    assert to_do(database, end - timedelta(days=90)) == [("ask-for-renewal", last, False)]
    assert to_do(database, last) == [("ask-for-renewal", last, False)]
    assert to_do(database, last + timedelta(days=1)) == [("ask-for-renewal", last, True)]


@pytest.mark.parametrize(
    ("step", "duty", "by"),
    [
        (Step.CHANGE_ASKED, "settle-change", date(2026, 11, 5)),
        (Step.RENEWAL_ASKED, "settle-renewal", date(2026, 11, 5)),
        (Step.LOCKED, "settle-recovery", date(2026, 11, 3)),
    ],
)
def test_what_was_asked_for_is_to_be_settled_within_its_working_days(
    database: Database, step: Step, duty: str, by: date
) -> None:
    lived(database, (step, A_DAY))

    assert to_do(database, by) == [(duty, by, False)]
    assert to_do(database, by + timedelta(days=1)) == [(duty, by, True)]
    lived(database, (Step.SETTLED, by))
    assert to_do(database, by + timedelta(days=1)) == []


def test_deadlines_are_those_of_the_province(database: Database) -> None:
    row = lived(database, (Step.HANDED_OVER, A_DAY), (Step.LOCKED, A_DAY))
    ours = Deadlines(Calendar(), timedelta(days=30), {"change": 3, "renewal": 3, "recovery": 2}, 10)
    end = last_day(row)

    assert to_do(database, date(2026, 11, 4), ours) == [("settle-recovery", date(2026, 11, 4), False)]
    assert ("ask-for-renewal", end - timedelta(days=30), False) not in to_do(
        database, end - timedelta(days=61), ours
    )
    assert ("ask-for-renewal", end - timedelta(days=30), False) in to_do(
        database, end - timedelta(days=60), ours
    )
    lived(database, (Step.REVOKED, date(2026, 11, 20)))
    assert to_do(database, date(2026, 11, 27), ours) == [("return-device", date(2026, 12, 4), False)]


def test_a_device_is_to_be_returned_until_it_is_returned_or_lost(database: Database) -> None:
    lived(database, (Step.HANDED_OVER, A_DAY), (Step.REVOKED, date(2026, 11, 20)))

    assert to_do(database, date(2026, 11, 27)) == [("return-device", date(2026, 11, 27), False)]
    assert to_do(database, date(2026, 11, 28)) == [("return-device", date(2026, 11, 27), True)]
    lived(database, (Step.LOST, date(2026, 11, 28)))
    assert to_do(database, date(2026, 11, 28)) == []


def test_what_is_to_be_done_names_the_holders_agency(database: Database) -> None:
    certified(database)
    imported(database, found(mail=address_of(database)), found("Sở Khoa học và Công nghệ", code="H36.05"))
    for row in rows(database):
        with database.transaction() as session:
            note(session, row.id, Step.LOCKED, on=A_DAY, who=CLERK, now=LATER)

    with database.reading() as session:
        found_ = due(session, now=LATER, deadlines=LAW)

    assert [one.agency for one in found_] == ["H36.05", "H36.05"]


def test_a_revocation_keeps_its_reason(database: Database) -> None:
    lived(database)
    with database.transaction() as session:
        note(
            session,
            rows(database)[0].id,
            Step.REVOKED,
            on=A_DAY,
            who=CLERK,
            now=LATER,
            ending=Ending.LEFT,
        )

    assert rows(database)[0].revoked_for == "left"
    assert trail(database, "foreign.step")[0].after["ending"] == "left"

"""Lists of revoked certificates: what goes in, what may never leave, and in which order they appear."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ReasonFlags as Reason

from ca.crl import Revocation, build_crl, check_successor, crl_number, lint_crl, read_crl
from ca.errors import AuthorityMismatch, LintFailure, Unreadable
from tests.ca.world import A_DAY, NOW, mail_authority, world

MAIL = world()[0].certificates["mail-g1"]
ROOT = world()[0].root
EARLIER = NOW - timedelta(hours=1)


def a_list(*revoked: Revocation, number: int = 2, now: datetime = NOW, days: int = 7):
    return mail_authority().sign_crl(revoked, number=number, now=now, days=days)


def a_root_list(*revoked: Revocation, days: int = 180):
    return build_crl(ROOT, world()[1].load("root-g1"), revoked, number=2, now=NOW, days=days)


def codes(crl: x509.CertificateRevocationList, issuer: x509.Certificate = MAIL) -> list[str]:
    return [finding.code for finding in lint_crl(crl, issuer=issuer)]


def test_a_list_says_who_was_revoked_when_and_why():
    crl = a_list(Revocation(17, EARLIER, Reason.key_compromise))

    entry = crl.get_revoked_certificate_by_serial_number(17)
    assert entry.revocation_date_utc == EARLIER.replace(microsecond=0)
    assert entry.extensions.get_extension_for_class(x509.CRLReason).value.reason is Reason.key_compromise
    assert crl.get_revoked_certificate_by_serial_number(18) is None


def test_a_list_is_valid_for_whole_days_and_numbered():
    crl = a_list(number=42)

    assert crl.last_update_utc == NOW.replace(microsecond=0)
    assert crl.next_update_utc - crl.last_update_utc == timedelta(days=7, seconds=-1)
    assert crl_number(crl) == 42
    assert codes(crl) == []


@pytest.mark.parametrize("reason", [None, Reason.unspecified])
def test_no_reason_is_said_by_saying_nothing(reason):
    (entry,) = a_list(Revocation(17, EARLIER, reason))

    assert list(entry.extensions) == []


def test_the_same_list_is_the_same_bytes():
    first, second = (
        a_list(Revocation(17, EARLIER)).public_bytes(serialization.Encoding.DER) for _ in range(2)
    )

    assert first == second


@pytest.mark.parametrize("encoding", [serialization.Encoding.DER, serialization.Encoding.PEM])
def test_our_own_list_can_be_read(encoding):
    crl = a_list(Revocation(17, EARLIER))

    assert read_crl(crl.public_bytes(encoding), issuer=MAIL) == crl


def test_a_list_of_somebody_else_is_refused():
    with pytest.raises(Unreadable) as refused:
        read_crl(a_root_list().public_bytes(serialization.Encoding.DER), issuer=MAIL)

    assert refused.value.code == "crl.not-ours"


def test_a_list_with_a_wrong_signature_is_refused():
    der = bytearray(a_list().public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1

    with pytest.raises(Unreadable) as refused:
        read_crl(bytes(der), issuer=MAIL)

    assert refused.value.code == "crl.not-ours"


@pytest.mark.parametrize("data", [b"", b"junk", b"-----BEGIN X509 CRL-----\n"])
def test_bytes_that_are_no_list_are_refused(data):
    with pytest.raises(Unreadable) as refused:
        read_crl(data, issuer=MAIL)

    assert refused.value.code == "crl.unreadable"


def test_a_list_needs_the_authoritys_own_key():
    with pytest.raises(AuthorityMismatch):
        build_crl(MAIL, world()[1].load("root-g1"), (), number=2, now=NOW, days=7)


def refused_code(make) -> str:
    with pytest.raises(LintFailure) as refused:
        make()
    return refused.value.code


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: a_list(number=0), "crl.number"),
        (lambda: a_list(number=2**159), "crl.number"),
        (lambda: a_list(days=11), "crl.window"),
        (lambda: a_root_list(days=366), "crl.window"),
        (lambda: a_list(days=0), "validity.reversed"),
        (lambda: a_list(Revocation(17, NOW + A_DAY)), "crl.future-entry"),
        (lambda: a_list(Revocation(17, EARLIER), Revocation(17, EARLIER)), "crl.repeated-serial"),
        (lambda: a_list(Revocation(17, EARLIER, Reason.ca_compromise)), "crl.reason-forbidden"),
        (lambda: a_list(Revocation(17, EARLIER, Reason.remove_from_crl)), "crl.reason-forbidden"),
        (lambda: a_root_list(Revocation(17, EARLIER)), "crl.reason-missing"),
        (lambda: a_root_list(Revocation(17, EARLIER, Reason.certificate_hold)), "crl.reason-forbidden"),
        (lambda: a_list(now=NOW + 4000 * A_DAY), "crl.outlives-issuer"),
    ],
)
def test_a_list_that_breaks_a_rule_is_never_signed(make, code):
    assert refused_code(make) == code


def test_the_root_says_why_it_revoked_an_authority():
    crl = a_root_list(Revocation(17, EARLIER, Reason.superseded))

    assert codes(crl, ROOT) == []


def forged(
    *entries: x509.RevokedCertificate, change=lambda extensions: extensions, algorithm=None, issuer=None
):
    good = a_list()
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=issuer or good.issuer,
        last_update=good.last_update_utc.replace(tzinfo=None),
        next_update=good.next_update_utc.replace(tzinfo=None),
        extensions=change(list(good.extensions)),
        revoked_certificates=list(entries),
    )
    return builder.sign(ec.generate_private_key(ec.SECP256R1()), algorithm or hashes.SHA384())


def an_entry(*extensions: x509.ExtensionType, critical: bool = False) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder(17, EARLIER.replace(tzinfo=None, microsecond=0))
    for extension in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.build()


def test_reason_zero_is_found():
    assert codes(forged(an_entry(x509.CRLReason(Reason.unspecified)))) == ["crl.reason-unspecified"]


def test_an_unexpected_or_critical_entry_extension_is_found():
    invalid_since = x509.InvalidityDate(EARLIER.replace(tzinfo=None))

    assert codes(forged(an_entry(invalid_since))) == ["crl.entry-extension"]
    assert codes(forged(an_entry(x509.CRLReason(Reason.superseded), critical=True))) == [
        "crl.entry-extension"
    ]


def test_missing_and_critical_extensions_are_found():
    assert codes(forged(change=lambda extensions: extensions[:1])) == ["crl.extensions"]
    assert codes(
        forged(change=lambda extensions: [x509.Extension(e.oid, True, e.value) for e in extensions])
    ) == ["crl.extensions"]


def test_another_key_identifier_is_found():
    wrong = x509.AuthorityKeyIdentifier(b"\x01" * 20, None, None)

    def change(extensions):
        return [x509.Extension(wrong.oid, False, wrong), extensions[1]]

    assert codes(forged(change=change)) == ["identifier.authority"]


def test_number_zero_is_found():
    zero = x509.CRLNumber(0)

    assert codes(forged(change=lambda e: [e[0], x509.Extension(zero.oid, False, zero)])) == ["crl.number"]


def test_another_issuer_and_another_algorithm_are_found():
    assert codes(forged(issuer=ROOT.subject)) == ["crl.issuer"]
    assert codes(forged(algorithm=hashes.SHA512())) == ["signature.algorithm"]


def successor_codes(previous, new, **known) -> list[str]:
    return [finding.code for finding in check_successor(previous, new, NOW + A_DAY, **known)]


def test_a_later_list_with_more_entries_may_follow():
    first = a_list(Revocation(17, EARLIER), number=2)
    second = a_list(Revocation(17, EARLIER), Revocation(18, NOW), number=3, now=NOW + A_DAY)

    assert successor_codes(first, second) == []


def test_numbers_rise():
    assert successor_codes(a_list(number=3), a_list(number=3)) == ["crl.number-not-rising"]
    assert successor_codes(a_list(number=3), a_list(number=2)) == ["crl.number-not-rising"]


def test_time_rises():
    assert successor_codes(a_list(number=2, now=NOW + A_DAY), a_list(number=3)) == ["crl.time-not-rising"]


def test_no_entry_disappears_before_its_certificate_expires():
    first, second = a_list(Revocation(17, EARLIER), number=2), a_list(number=3)

    assert successor_codes(first, second) == ["crl.entry-vanished"]
    assert successor_codes(first, second, not_after={17: NOW + 2 * A_DAY}) == ["crl.entry-vanished"]
    assert successor_codes(first, second, not_after={17: NOW}) == []


def test_a_certificate_on_hold_may_be_released():
    first = a_list(Revocation(17, EARLIER, Reason.certificate_hold), number=2)

    assert successor_codes(first, a_list(number=3)) == []


def test_a_revocation_date_does_not_change():
    first, second = a_list(Revocation(17, EARLIER), number=2), a_list(Revocation(17, NOW), number=3)

    assert successor_codes(first, second) == ["crl.entry-changed"]


def test_another_authoritys_list_is_no_successor():
    later = build_crl(ROOT, world()[1].load("root-g1"), (), number=3, now=NOW, days=7)

    assert successor_codes(a_list(number=2), later) == ["crl.issuer"]


def test_moments_without_a_time_zone_are_refused():
    with pytest.raises(ValueError, match="time zone"):
        a_list(Revocation(17, datetime(2026, 1, 1)))  # noqa: DTZ001


def test_the_time_for_a_list_grows_with_its_length_and_not_with_its_square():
    """Six times the entries take about six times as long; the builder's add method takes thirty-six."""

    def seconds(count: int) -> float:
        revoked = [Revocation(2**150 + n, datetime(2026, 1, 1, tzinfo=UTC)) for n in range(count)]
        started = time.process_time()
        mail_authority().sign_crl(revoked, number=2, now=NOW, days=7)
        return time.process_time() - started

    seconds(10)
    assert seconds(12_000) < 15 * seconds(2_000)

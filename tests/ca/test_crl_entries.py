"""Entries as bytes: the very bytes that cryptography would write, and read back as it reads them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from ca.crl_entries import differing, encode_entry, entries_of, with_entries
from ca.crl_reading import Reason, reason_of, stated_reason
from tests.ca.world import NOW, mail_authority

KEY = ec.generate_private_key(ec.SECP256R1())
REASONS = [None, *(reason for reason in Reason if reason is not Reason.unspecified)]

serials = st.integers(1, 2**159 - 1)
moments = st.integers(0, 90 * 365 * 86_400).map(
    lambda s: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(seconds=s)
)
entries = st.tuples(serials, moments, st.sampled_from(REASONS))
lists = st.lists(entries, max_size=40, unique_by=lambda one: one[0])


def by_cryptography(serial: int, moment: datetime, reason: Reason | None) -> x509.RevokedCertificate:
    extensions = [] if reason is None else [x509.Extension(x509.CRLReason.oid, False, x509.CRLReason(reason))]
    at = moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    return x509.RevokedCertificateBuilder(serial, at, extensions).build()


def a_list(*told, number: int = 7) -> x509.CertificateRevocationList:
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=mail_authority().certificate.subject,
        last_update=NOW.replace(tzinfo=None, microsecond=0),
        next_update=NOW.replace(tzinfo=None, microsecond=0) + timedelta(days=7),
        extensions=[x509.Extension(x509.CRLNumber.oid, False, x509.CRLNumber(number))],
        revoked_certificates=[by_cryptography(*one) for one in told],
    )
    return builder.sign(KEY, hashes.SHA256())


@given(lists)
def test_a_list_is_the_one_that_cryptography_writes(told) -> None:
    ours = with_entries(a_list().tbs_certlist_bytes, [encode_entry(*one) for one in told])

    assert ours == a_list(*told).tbs_certlist_bytes


@given(lists)
def test_entries_are_read_back_by_their_serials(told) -> None:
    assert entries_of(a_list(*told)) == {one[0]: encode_entry(*one) for one in told}


@given(lists, lists)
def test_what_differs_is_what_cryptography_sees_to_differ(before, after) -> None:
    previous, new = a_list(*before), a_list(*after, number=8)

    def said(crl: x509.CertificateRevocationList):
        return {e.serial_number: (e.revocation_date_utc, reason_of(e)) for e in crl}

    stand = said(new)
    expected = {serial for serial, told in said(previous).items() if stand.get(serial) != told}
    found = list(differing(previous, new))

    assert [entry.serial_number for entry, _ in found] == [one[0] for one in before if one[0] in expected]
    assert all((other is not None) == (entry.serial_number in stand) for entry, other in found)
    assert all(other is None or other.serial_number == entry.serial_number for entry, other in found)


def test_a_list_of_thousands_is_written_with_its_long_lengths() -> None:
    told = [(2**157 + n, NOW, Reason.superseded) for n in range(2_000)]
    tbs = with_entries(a_list().tbs_certlist_bytes, [encode_entry(*one) for one in told])

    assert len(tbs) > 2**16
    assert tbs == a_list(*told).tbs_certlist_bytes


def test_every_reason_has_its_bytes() -> None:
    for reason in Reason:
        stated = stated_reason(reason)
        assert encode_entry(5, NOW, stated) == entries_of(a_list((5, NOW, stated)))[5]


def test_moments_are_written_in_utc_and_whole_seconds() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=7)))

    assert encode_entry(5, local, None) == encode_entry(5, NOW.replace(microsecond=0), None)
    with pytest.raises(ValueError, match="time zone"):
        encode_entry(5, NOW.replace(tzinfo=None), None)

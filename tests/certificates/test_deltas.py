"""Delta lists: under the number of the full list, with the same news, for whoever has one of the last days."""

from datetime import datetime, timedelta

from cryptography import x509

from ca.crl import Reason, base_number, crl_number, lint_crl
from ca.crl_reading import reason_of
from provisioner.audit import Who
from provisioner.certificates.models import Certificate
from provisioner.certificates.recovering import recover
from provisioner.certificates.revoking import release
from provisioner.db import Database
from tests.books import LATER, NOW
from tests.ca import second_opinion
from tests.ca.world import mail_authority
from tests.certificates.backups import backup, restore
from tests.certificates.holders import certified, every_certificate, many_officials
from tests.certificates.test_listing import published, revoked, the_issuer, the_list
from tests.province import journal_of

A_DAY, AN_HOUR = timedelta(days=1), timedelta(hours=1)
MAIL = mail_authority().certificate


class Reader:
    """Fetches the full list once and deltas from then on (RFC 5280 5.2.4); knows whom it may not trust."""

    def __init__(self, database: Database) -> None:
        self._database = database
        full = the_list(database)
        self.number = crl_number(full)
        self.revoked = {entry.serial_number: reason_of(entry) for entry in full}

    def refresh(self) -> "Reader":
        delta = the_delta(self._database)
        assert (base_number(delta) or 0) <= self.number
        if crl_number(delta) > self.number:
            self.number = crl_number(delta)
            self.revoked |= {entry.serial_number: reason_of(entry) for entry in delta}
            self.revoked = {n: why for n, why in self.revoked.items() if why is not Reason.remove_from_crl}
        return self

    def agrees(self) -> bool:
        full = {entry.serial_number: reason_of(entry) for entry in the_list(self._database)}
        return (self.number, self.revoked) == (crl_number(the_list(self._database)), full)


def the_delta(database: Database) -> x509.CertificateRevocationList:
    return x509.load_der_x509_crl(the_issuer(database).delta or b"")


def ready(database: Database) -> list[Certificate]:
    """Three certificates, and a first list without any of them."""
    certified(database, *many_officials(3))
    published(database, now=NOW)
    return every_certificate(database)


def released(database: Database, row: Certificate, *, now: datetime) -> None:
    with database.transaction() as session:
        release(session, row.id, who=Who("lan"), now=now)


def test_a_reader_of_deltas_knows_what_a_reader_of_full_lists_knows(database: Database) -> None:
    first, second, third = ready(database)
    reader, hours = Reader(database), iter(range(1, 9))

    def step() -> bool:
        assert published(database, now=LATER + next(hours) * AN_HOUR)
        return reader.refresh().agrees()

    revoked(database, first, reason=Reason.key_compromise)
    assert step()
    revoked(database, second, reason=Reason.certificate_hold)
    assert step()
    released(database, second, now=LATER)
    assert step()
    revoked(database, second, third, reason=Reason.certificate_hold)
    assert step()
    revoked(database, third, reason=Reason.key_compromise)
    released(database, second, now=LATER)
    assert step()
    assert set(reader.revoked) == {int(first.serial or "", 16), int(third.serial or "", 16)}


def test_a_delta_and_its_full_list_have_one_number_and_meet_the_requirements(database: Database) -> None:
    first, second, _ = ready(database)
    revoked(database, first, reason=Reason.certificate_hold)
    published(database, now=LATER)
    released(database, first, now=LATER)
    revoked(database, second)
    published(database, now=LATER + AN_HOUR)

    full, delta = the_list(database), the_delta(database)

    assert crl_number(full) == crl_number(delta) == 3
    assert base_number(delta) == 1
    assert {entry.serial_number: reason_of(entry) for entry in delta} == {
        int(first.serial or "", 16): Reason.remove_from_crl,
        int(second.serial or "", 16): Reason.superseded,
    }
    assert delta.next_update_utc == LATER + AN_HOUR + A_DAY - timedelta(seconds=1)
    freshest = full.extensions.get_extension_for_class(x509.FreshestCRL).value
    assert freshest[0].full_name[0].value == "http://pki.lamdong.gov.vn/crl/mail-g1-delta.crl"
    for crl in (full, delta):
        assert lint_crl(crl, issuer=MAIL) == ()
        assert second_opinion.crl_findings(crl, "CRL", baseline=False) == []


def test_the_base_is_the_same_for_half_a_lists_life_and_then_the_last_one_published(
    database: Database,
) -> None:
    ready(database)
    bases = []
    for day in range(1, 7):
        assert published(database, now=NOW + day * A_DAY)
        bases.append(base_number(the_delta(database)))

    assert bases == [1, 1, 1, 4, 4, 4]


def test_a_reader_whose_full_list_is_one_old_keeps_up_by_deltas_across_a_new_base(database: Database) -> None:
    first, second, third = ready(database)
    revoked(database, first, reason=Reason.certificate_hold)
    published(database, now=NOW + 3 * A_DAY)
    reader = Reader(database)
    revoked(database, second, now=NOW + 3 * A_DAY)
    released(database, first, now=NOW + 3 * A_DAY)
    published(database, now=NOW + 4 * A_DAY)
    assert base_number(the_delta(database)) == 2
    assert reader.refresh().agrees()

    revoked(database, third, now=NOW + 4 * A_DAY)
    published(database, now=NOW + 4 * A_DAY + AN_HOUR)

    assert reader.refresh().agrees()


def test_after_a_restore_deltas_add_to_the_newest_list_that_was_published(database: Database) -> None:
    first, second, _ = ready(database)
    kept = backup(database)
    revoked(database, first, reason=Reason.certificate_hold)
    published(database)
    reader = Reader(database)
    restore(database, kept)
    recover(database, journal_of(database), who=Who("quantri"), now=LATER)
    released(database, first, now=LATER)
    revoked(database, second)

    assert published(database, now=LATER + AN_HOUR)

    assert base_number(the_delta(database)) == 2
    assert reader.refresh().agrees()

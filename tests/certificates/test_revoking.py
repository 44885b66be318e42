"""Revocations: by the rules, in the books at once, out of the directory, and rung for."""

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from ca.crl import Reason
from provisioner.audit import Who
from provisioner.certificates.handing_over import hand_over
from provisioner.certificates.models import Certificate, Issuer
from provisioner.certificates.ordering import order_again
from provisioner.certificates.revoking import REASONS, release, revoke, revoke_one
from provisioner.db import Database
from provisioner.errors import Conflict, Forbidden, Invalid
from tests.books import LATER, NOW, Rings
from tests.ca.world import profiles
from tests.certificates.holders import (
    OFFICIAL,
    address_of,
    agency_address,
    certified,
    every_certificate,
    many_officials,
    ordered,
    published,
    the_certificate,
)
from tests.province import SEALER, a_desk, addresses, issued, provide, synced, the_mailbox, trail

CLERK = Who("lan")


def revoked(
    database: Database, *certificates: Certificate, reason: Reason = Reason.superseded, now: datetime = LATER
) -> dict[int, Conflict | Invalid]:
    with database.transaction() as session:
        wanted = {certificate.id: reason for certificate in certificates}
        return revoke(session, wanted, who=CLERK, profiles=profiles(), now=now)


def one(
    database: Database,
    certificate: Certificate,
    *,
    reason: Reason = Reason.superseded,
    by: str = "lan",
    per_hour: int = 2,
    now: datetime = LATER,
) -> None:
    """Revoke one, as one person may: two an hour unless told otherwise."""
    with database.transaction() as session:
        revoke_one(
            session,
            certificate.id,
            reason=reason,
            who=Who(by),
            profiles=profiles(),
            per_hour=per_hour,
            now=now,
        )


def released(database: Database, certificate: Certificate) -> None:
    with database.transaction() as session:
        release(session, certificate.id, who=CLERK, now=LATER)


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.value)
def test_a_revoked_certificate_leaves_the_directory_and_rings_for_a_list(
    database: Database, rings: Rings, reason: Reason
) -> None:
    directory = certified(database)
    mine, theirs = (the_certificate(database, a(database)) for a in (address_of, agency_address))
    rings.clear()

    assert revoked(database, mine, reason=reason) == {}

    assert set(rings) >= {"lists", "directory"}
    synced(database, directory, now=LATER)
    assert published(directory) == {theirs.der}
    after = the_certificate(database, address_of(database))
    assert (after.revoked_at, after.revocation_reason, after.revoked_by) == (LATER, reason.value, "lan")


def test_only_ours_leaves_the_directory(database: Database) -> None:
    directory = certified(database)
    mine = the_certificate(database, address_of(database))
    entry = next(e for e in directory.entries.values() if mine.der in e.get("userCertificate;binary", ()))
    foreign = the_certificate(database, agency_address(database)).der
    entry["userCertificate;binary"] += (foreign,)

    revoked(database, mine)
    synced(database, directory, now=LATER)

    assert entry is not None
    shown = directory.read([dn for dn, e in directory.entries.items() if e["uid"] == entry["uid"]])
    assert [found.attributes["userCertificate;binary"] for found in shown.values()] == [(foreign,)]


def test_a_key_that_was_never_handed_over_is_destroyed_with_its_certificate(database: Database) -> None:
    certified(database)
    mine = the_certificate(database, address_of(database))
    assert mine.key_sealed

    revoked(database, mine)

    assert the_certificate(database, address_of(database)).key_sealed is None


def test_the_first_reason_stays_except_for_a_compromised_key(database: Database) -> None:
    certified(database)
    mine = the_certificate(database, address_of(database))
    revoked(database, mine, reason=Reason.superseded)

    assert revoked(database, mine, reason=Reason.superseded) == {}
    again = revoked(database, mine, reason=Reason.cessation_of_operation, now=LATER + timedelta(days=1))
    assert [error.code for error in again.values()] == ["revoked-already"]
    assert revoked(database, mine, reason=Reason.key_compromise, now=LATER + timedelta(days=1)) == {}

    after = the_certificate(database, address_of(database))
    assert (after.revoked_at, after.revocation_reason) == (LATER, "keyCompromise")
    assert [event.after["reason"] for event in trail(database, "certificate.revoked")] == [
        "superseded",
        "keyCompromise",
    ]


def test_a_hold_is_taken_back_and_a_revocation_is_not(database: Database) -> None:
    directory = certified(database)
    mine = the_certificate(database, address_of(database))
    revoked(database, mine, reason=Reason.certificate_hold)
    synced(database, directory, now=LATER)
    assert mine.der not in published(directory)

    released(database, mine)
    synced(database, directory, now=LATER)

    assert mine.der in published(directory)
    assert the_certificate(database, address_of(database)).key_sealed
    revoked(database, mine, reason=Reason.superseded)
    with pytest.raises(Conflict) as refused:
        released(database, mine)
    assert refused.value.code == "not-on-hold"


def test_a_hold_is_not_taken_back_beside_a_newer_certificate(database: Database) -> None:
    directory = certified(database)
    mine = the_certificate(database, address_of(database))
    revoked(database, mine, reason=Reason.certificate_hold)
    provide(database, OFFICIAL, now=LATER)
    synced(database, directory, now=LATER)
    assert issued(database, now=LATER) == 1

    with pytest.raises(Conflict) as refused:
        released(database, mine)

    assert refused.value.code == "another-is-live"


def test_the_strict_generation_knows_no_hold(database: Database) -> None:
    certified(database)
    mine = the_certificate(database, address_of(database))
    with database.transaction() as session:
        session.get_one(Certificate, mine.id).profile = "person-mail-strict"

    refused = revoked(database, mine, reason=Reason.certificate_hold)

    assert [error.code for error in refused.values()] == ["reason-not-allowed"]


@pytest.mark.parametrize("reason", [Reason.ca_compromise, Reason.unspecified, Reason.remove_from_crl])
def test_reasons_of_others_are_refused(database: Database, reason: Reason) -> None:
    certified(database)

    refused = revoked(database, the_certificate(database, address_of(database)), reason=reason)

    assert [error.code for error in refused.values()] == ["reason-not-allowed"]
    assert the_certificate(database, address_of(database)).revoked_at is None


def test_what_is_not_issued_or_has_expired_is_not_revoked(database: Database) -> None:
    ordered(database)
    mine = the_certificate(database, address_of(database))
    assert [e.code for e in revoked(database, mine).values()] == ["not-issued"]
    assert issued(database) == 2

    refused = revoked(database, mine, now=NOW + timedelta(days=731))

    assert [error.code for error in refused.values()] == ["expired"]


def test_one_person_revokes_so_many_within_an_hour_and_no_more(database: Database) -> None:
    certified(database, *many_officials(5))
    certificates = every_certificate(database)

    one(database, certificates[0])
    one(database, certificates[1])
    with pytest.raises(Forbidden) as refused:
        one(database, certificates[2])
    assert refused.value.code == "revocations-too-many"
    one(database, certificates[3], by="hoa")
    one(database, certificates[2], now=LATER + timedelta(minutes=61))

    assert [c.revoked_by for c in every_certificate(database)] == ["lan", "lan", "lan", "hoa", None]


def test_what_a_hand_over_ends_does_not_count_against_whom_its_officer_may_revoke(database: Database) -> None:
    """Who hands out renewals all morning can still revoke a compromised key."""
    certified(database, *many_officials(3))
    with database.transaction() as session:
        for row in session.scalars(select(Certificate).order_by(Certificate.id).limit(2)).all():
            order_again(session, row, by="renewal", now=LATER)
    assert issued(database, now=LATER) == 2
    with database.transaction() as session:
        for number in range(2):
            address = addresses(database)[f"CB{number}"]
            hand_over(session, address, sealer=SEALER, who=CLERK, now=LATER)
    *earlier, third, _, _ = every_certificate(database)
    assert [row.revocation_reason for row in earlier] == ["superseded"] * 2
    (event, _) = trail(database, "certificate.revoked")
    assert (event.actor, event.on_behalf_of) == ("hand-over", "lan")

    one(database, third, reason=Reason.key_compromise)


def test_a_hold_of_yesterday_that_is_made_final_counts(database: Database) -> None:
    certified(database, *many_officials(4))
    held = every_certificate(database)
    revoked(database, *held, reason=Reason.certificate_hold, now=LATER - timedelta(days=1))

    one(database, held[0])
    one(database, held[1])
    with pytest.raises(Forbidden):
        one(database, held[2])

    assert [row.revocation_reason for row in every_certificate(database)] == [
        "superseded", "superseded", "certificateHold", "certificateHold"
    ]  # fmt: skip


@pytest.mark.parametrize("label", ["mail-g1", "document-g1"])
def test_of_two_revocations_at_once_the_later_counts_the_other(database: Database, label: str) -> None:
    """Also when the two certificates are for two purposes, and so of two authorities."""
    certified(database, *many_officials(2))
    first, other = every_certificate(database)
    with database.transaction() as session:
        issuer = session.scalars(select(Issuer.id).where(Issuer.label == label)).one()
        row = session.get_one(Certificate, other.id)
        row.issuer_id, row.purpose = issuer, label.removesuffix("-g1")
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as session:
            revoke_one(
                session,
                first.id,
                reason=Reason.superseded,
                who=CLERK,
                profiles=profiles(),
                per_hour=1,
                now=LATER,
            )
            waiting = pool.submit(one, database, other, per_hour=1)
            wait([waiting], timeout=1)
        with pytest.raises(Forbidden):
            waiting.result()

    assert [row.revoked_by for row in every_certificate(database)] == ["lan", None]


def test_each_set_of_revocations_raises_the_authority_once(database: Database) -> None:
    certified(database)

    revoked(database, *every_certificate(database))

    with database.reading() as session:
        issuer = session.query(Issuer).filter_by(label=a_desk(database).authority.label).one()
    assert (issuer.revocations, issuer.revocations_listed) == (1, 0)
    assert the_mailbox(database, address_of(database)).revision > 1

"""Issuing anew what was lost: nothing good is left of it, and exactly one other is on order."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import update

from ca.crl import Reason
from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.certificates.issuing import issue
from provisioner.certificates.models import Certificate, Purpose, State
from provisioner.certificates.ordering import order_again, order_for
from provisioner.certificates.reissuing import reissue
from provisioner.certificates.revoking import revoke
from provisioner.days import day_of
from provisioner.db import Database
from provisioner.errors import Conflict
from provisioner.mailboxes.models import Mailbox
from tests.books import LATER, NOW
from tests.ca.world import profiles
from tests.certificates.holders import (
    address_of,
    agency_address,
    all_certificates,
    certified,
    every_certificate,
    ordered,
    the_certificate,
)
from tests.province import a_desk, issued, trail

ANH = "anhnt@lamdong.gov.vn"
CLERK = Who("lan")


def reissued(
    database: Database, address: str = ANH, *, reason: Reason = Reason.key_compromise
) -> Sequence[str]:
    with database.transaction() as session:
        return reissue(
            session,
            address,
            purpose=Purpose.MAIL,
            reason=reason,
            who=CLERK,
            profiles=profiles(),
            per_hour=20,
            now=LATER,
        )


def renewal_ordered(database: Database) -> None:
    with database.transaction() as session:
        mine = session.get_one(Certificate, the_certificate(database, ANH).id)
        order_again(session, mine, by="renewal", now=LATER)


def of_mine(database: Database) -> list[tuple[State, str | None]]:
    """The oldest first."""
    return [(row.state, row.revocation_reason) for row in reversed(all_certificates(database, ANH))]


REVOKED, ON_ORDER = (State.ISSUED, "keyCompromise"), (State.ORDERED, None)


def test_a_lost_certificate_is_revoked_and_another_ordered(database: Database) -> None:
    certified(database)
    serial = the_certificate(database, ANH).serial

    assert reissued(database) == [serial]

    assert of_mine(database) == [REVOKED, ON_ORDER]
    assert [(event.actor, event.after) for event in trail(database, "certificate.ordered")] == [
        ("lan", {"purpose": "mail"})
    ]
    assert issued(database, now=LATER) == 1


def test_a_renewal_that_is_only_ordered_is_what_comes_next(database: Database) -> None:
    certified(database)
    renewal_ordered(database)

    reissued(database)

    assert of_mine(database) == [REVOKED, ON_ORDER]
    assert issued(database, now=LATER) == 1


def test_a_renewal_that_was_not_handed_over_yet_does_not_save_the_one_that_was_lost(
    database: Database,
) -> None:
    certified(database)
    renewal_ordered(database)
    assert issued(database, now=LATER) == 1

    assert len(reissued(database)) == 2

    assert of_mine(database) == [REVOKED, REVOKED, ON_ORDER]


def test_a_hold_becomes_final(database: Database) -> None:
    certified(database)
    mine = the_certificate(database, ANH)
    with database.transaction() as session:
        revoke(session, {mine.id: Reason.certificate_hold}, who=CLERK, profiles=profiles(), now=LATER)

    reissued(database)

    assert of_mine(database) == [REVOKED, ON_ORDER]


def test_beside_a_newer_one_that_has_expired_another_is_ordered(database: Database) -> None:
    certified(database)
    renewal_ordered(database)
    assert issued(database, now=LATER) == 1
    newest = the_certificate(database, ANH)
    with database.transaction() as session:
        ended = update(Certificate).where(Certificate.id == newest.id)
        session.execute(ended.values(not_after=LATER - timedelta(days=1)))

    reissued(database)

    assert of_mine(database) == [REVOKED, (State.ISSUED, None), ON_ORDER]


@pytest.mark.parametrize("closed", [False, True])
def test_where_nothing_is_good_or_the_mailbox_is_closed_nothing_is_issued_anew(
    database: Database, closed: bool
) -> None:
    if closed:
        certified(database)
        with database.transaction() as session:
            session.execute(update(Mailbox).values(closed_at=LATER))
    else:
        ordered(database)
    before = of_mine(database)

    with pytest.raises(Conflict) as refused:
        reissued(database)

    assert refused.value.code == ("mailbox-closed" if closed else "nothing-to-reissue")
    assert of_mine(database) == before


def test_an_agency_that_ended_and_its_people_get_no_certificate(database: Database) -> None:
    certified(database)
    with database.transaction() as session:
        session.execute(update(Agency).values(until=day_of(LATER) - timedelta(days=1)))

    for address in (address_of(database), agency_address(database)):
        serial = the_certificate(database, address).serial
        with pytest.raises(Conflict) as again:
            reissued(database, address)
        with database.transaction() as session, pytest.raises(Conflict) as another:
            order_for(session, [address], who=Who("lan"), now=LATER, purpose=Purpose.DOCUMENT)
        assert again.value.code == another.value.code == "agency-ended"
        assert [(each.serial, each.revoked_at) for each in all_certificates(database, address)] == [
            (serial, None)
        ]


def test_what_was_ordered_before_an_agency_ended_is_refused(database: Database) -> None:
    ordered(database)
    with database.transaction() as session:
        session.execute(update(Agency).values(until=day_of(NOW) - timedelta(days=1)))

    assert issue(database, a_desk(database, now=NOW)) == 0
    assert {each.trouble for each in every_certificate(database)} == {"subject-unknown"}

"""Issuing anew what was lost: nothing good is left of it, and exactly one other is on order."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import update

from ca.crl import Reason
from provisioner.audit import Who
from provisioner.certificates.models import Certificate, Purpose, State
from provisioner.certificates.ordering import order_again
from provisioner.certificates.reissuing import reissue
from provisioner.certificates.revoking import revoke
from provisioner.db import Database
from provisioner.errors import Conflict
from provisioner.mailboxes.models import Mailbox
from tests.books import LATER
from tests.ca.world import profiles
from tests.certificates.holders import all_certificates, certified, ordered, the_certificate
from tests.province import issued, trail

ANH = "anhnt@lamdong.gov.vn"
CLERK = Who("lan")


def reissued(database: Database, *, reason: Reason = Reason.key_compromise) -> Sequence[str]:
    with database.transaction() as session:
        return reissue(
            session,
            ANH,
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

"""How long authorities last: who is told of an end before it comes, and who has none to be told of."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from ca.authority import der
from ca.hierarchy import ARL_DAYS, CRL_DAYS
from provisioner.certificates.lasting import Lasting, Standing, Term, lasting
from provisioner.certificates.models import Issuer, ResponderKey
from provisioner.certificates.revoked_authorities import AuthorityRevocation
from provisioner.db import Database
from tests.books import NOW
from tests.ca.world import profiles, world

DAY = timedelta(days=1)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def authorities(database: Database) -> Database:
    """A root and two issuing authorities with their first lists; one has a responder."""
    with database.transaction() as session:
        for label, certificate in world()[0].certificates.items():
            days = ARL_DAYS if label == "root-g1" else CRL_DAYS
            session.add(Issuer(label=label, certificate=der(certificate), crl_next_update=NOW + days * DAY))
        session.flush()  # the responder names its authority by id
        mail = session.scalars(select(Issuer).where(Issuer.label == "mail-g1")).one()
        for until in (NOW + 2 * DAY, NOW + 90 * DAY):
            session.add(
                ResponderKey(
                    issuer_id=mail.id,
                    serial=f"{until:%j}",
                    tbs=b"",
                    public_key=b"",
                    key_sealed=b"x",
                    not_before=NOW,
                    not_after=until,
                    certificate=b"x",
                )
            )
    return database


def terms(database: Database) -> dict[str, Lasting]:
    with database.reading() as session:
        return {one.issuer.label: one for one in lasting(session, profiles())}


def standings(one: Term | None, *moments: datetime) -> list[Standing | None]:
    return [one.standing(moment) if one else None for moment in moments]


GOOD_SOON_OVER = [Standing.GOOD, Standing.SOON, Standing.OVER]


@pytest.mark.parametrize(("label", "days"), [("root-g1", ARL_DAYS), ("mail-g1", CRL_DAYS)])
def test_a_list_warns_when_less_than_a_third_of_its_life_is_left(
    authorities: Database, label: str, days: int
) -> None:
    end, third = NOW + days * DAY, days * DAY / 3

    found = standings(terms(authorities)[label].list, end - third, end - third + DAY / 24, end)

    assert found == GOOD_SOON_OVER


@pytest.mark.parametrize(("label", "days"), [("mail-g1", 730), ("document-g1", 1095), ("root-g1", 0)])
def test_an_authority_warns_a_year_before_it_can_issue_its_longest_certificates_no_more(
    authorities: Database, label: str, days: int
) -> None:
    own = terms(authorities)[label].own
    assert own.until is not None
    a_year_before = own.until - (days + 365) * DAY

    assert standings(own, a_year_before - DAY, a_year_before + DAY, own.until) == GOOD_SOON_OVER


def test_the_newest_responder_counts_and_warns_a_day_before_its_end(authorities: Database) -> None:
    found = terms(authorities)
    end = NOW + 90 * DAY

    assert standings(found["mail-g1"].responder, end - 2 * DAY, end - DAY / 2, end) == GOOD_SOON_OVER
    assert standings(found["document-g1"].responder, NOW) == [Standing.OVER]  # it never was
    assert found["root-g1"].responder is None


def test_nobody_sees_to_what_a_revoked_authority_without_its_key_published(authorities: Database) -> None:
    with authorities.transaction() as session:
        mail = session.scalars(select(Issuer).where(Issuer.label == "mail-g1")).one()
        mail.trouble = "keystore.token"
        session.add(
            AuthorityRevocation(
                issuer_id=mail.id,
                reason="superseded",
                note="x",
                planned_by="an",
                planned_at=NOW,
                approved_by="binh",
                approved_at=NOW,
            )
        )

    mail_terms = terms(authorities)["mail-g1"]

    assert mail_terms.list is None
    assert mail_terms.responder is None

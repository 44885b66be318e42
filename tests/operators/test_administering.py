"""What one operator may do for another: nothing that gives rights they do not hold, and no way in alone."""

from datetime import timedelta

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.db import Database
from provisioner.errors import Conflict, Forbidden, Invalid, NotFound
from provisioner.operators import administering, links, naming
from provisioner.operators.limits import PER_NAME, TooMany
from provisioner.operators.models import LinkPurpose, OneTimeLink, Operator, SignedIn
from provisioner.operators.proving import STEP, code_at
from provisioner.operators.reach import powers_of
from provisioner.operators.replacing import replace_key, replace_password
from provisioner.operators.roles import RIGHTS, Right, Role
from provisioner.operators.signing_in import NotProved, sign_in
from provisioner.secret import Secret
from tests.books import NOW, count
from tests.operators.people import PASSWORD, Account, a_link, an_account, an_operator
from tests.province import SEALER, a_province, an_official, provide, the_person

NEW = "mot mat khau khac han 5518"
SOON = NOW + timedelta(seconds=2 * STEP)


def offered(database: Database, operator: Operator, purpose: LinkPurpose, *, by: Operator) -> Secret:
    with database.transaction() as session:
        return administering.offer_link(session, operator, purpose, by=by, sealer=SEALER, now=NOW)


def the_operator(database: Database, name: str) -> Operator:
    with database.reading() as session:
        return naming.find_operator(session, name)


def test_an_administrator_names_every_kind_of_operator(database: Database) -> None:
    """Whatever rights the roles get: who runs the province's site can still name everybody it needs."""
    admin = an_operator(database, "admin", Role.ADMIN)
    for role in Role:
        operator = an_operator(database, f"new.{role.value.replace('_', '.')}")
        with database.transaction() as session:
            naming.grant(session, operator, role, None, by=admin, now=NOW)


@pytest.mark.parametrize(
    ("held", "where", "given", "wanted"),
    [
        (Role.HR, "H36.05", Role.APPROVER, "H36.05"),
        (Role.AUDITOR, None, Role.HR, "H36.05"),
        (Role.HR, "H36.05", Role.HR, None),
        (Role.HR, "H36.05", Role.HR, "H36.06"),
        (Role.HR, "H36.05", Role.ADMIN, None),
        (Role.ADMIN, "H36.05", Role.ADMIN, "H36.06"),
    ],
)
def test_nobody_gives_rights_that_they_do_not_hold(
    database: Database, held: Role, where: str | None, given: Role, wanted: str | None
) -> None:
    a_province(database)
    giver = an_operator(database, "giver", held, agency=where)
    operator = an_operator(database, "chi")

    with database.transaction() as session:
        agency = session.query(Agency).filter_by(code=wanted).one() if wanted else None
        with pytest.raises(Forbidden) as refused:
            naming.grant(session, operator, given, agency, by=giver, now=NOW)

    assert refused.value.code == "more-than-held"


def test_what_is_held_may_be_given_below(database: Database) -> None:
    a_province(database)
    giver, operator = an_operator(database, "giver", Role.HR, agency="H36.05"), an_operator(database, "chi")
    with database.transaction() as session:
        below = session.query(Agency).filter_by(code="H36.05.01").one()
        naming.grant(session, operator, Role.HR, below, by=giver, now=NOW)

    with database.reading() as session:
        assert powers_of(session, operator.id, now=NOW).reach(Right.ASK).paths == {below.path}


def test_a_role_ends_with_its_day(database: Database) -> None:
    operator, end = an_operator(database, "chi"), NOW + timedelta(days=3)
    with database.transaction() as session:
        naming.grant(session, operator, Role.APPROVER, None, by=None, now=NOW, until=end)
        with pytest.raises(Invalid):
            naming.grant(session, operator, Role.ADMIN, None, by=None, now=NOW, until=NOW)

    with database.reading() as session:
        before = powers_of(session, operator.id, now=end - timedelta(seconds=1))
        assert before.roles == [Role.APPROVER]
        assert powers_of(session, operator.id, now=end).roles == []


@pytest.mark.parametrize("purpose", [LinkPurpose.SET_UP, LinkPurpose.PASSWORD, LinkPurpose.SECOND_FACTOR])
def test_nobody_makes_a_link_for_somebody_with_rights_that_they_do_not_hold(
    database: Database, purpose: LinkPurpose
) -> None:
    maker = an_operator(database, "maker", Role.HR)
    an_account(database, "chi", Role.CA_OFFICER)

    with pytest.raises(Forbidden):
        offered(database, the_operator(database, "chi"), purpose, by=maker)


def test_no_operator_makes_a_link_that_signs_in_or_one_for_themselves(database: Database) -> None:
    admin, other = an_operator(database, "admin", Role.ADMIN), an_operator(database, "chi")

    with pytest.raises(Forbidden):
        offered(database, other, LinkPurpose.SIGN_IN, by=admin)
    with pytest.raises(Forbidden):
        offered(database, admin, LinkPurpose.SET_UP, by=admin)
    with pytest.raises(IntegrityError), database.transaction() as session:
        session.execute(
            insert(OneTimeLink),
            {
                "token_hash": "x",
                "operator_id": admin.id,
                "made_by_id": admin.id,
                "purpose": LinkPurpose.SET_UP,
                "totp_sealed": b"x",
                "made_at": NOW,
                "expires_at": SOON,
            },
        )


def test_an_account_that_is_set_up_is_never_set_up_again_by_another_operator(database: Database) -> None:
    """Otherwise an administrator could become each approver they named, and approve what they planned."""
    admin = an_operator(database, "admin", Role.ADMIN)
    an_account(database, "chi", Role.APPROVER)

    with pytest.raises(Conflict) as refused:
        offered(database, the_operator(database, "chi"), LinkPurpose.SET_UP, by=admin)

    assert refused.value.code == "set-up-already"


def test_an_invitation_ends_when_somebody_else_gives_a_role(database: Database) -> None:
    """Whoever kept the link must not come in with powers that they could not give."""
    first, second = an_operator(database, "first", Role.HR), an_operator(database, "second", Role.ADMIN)
    invited = an_operator(database, "chi")
    token = offered(database, invited, LinkPurpose.SET_UP, by=first)
    with database.transaction() as session:
        naming.grant(session, invited, Role.CA_OFFICER, None, by=second, now=NOW)

    with database.transaction() as session, pytest.raises(NotFound):
        links.look(session, token, sealer=SEALER, now=NOW)


def test_an_invitation_ends_when_somebody_else_gives_a_role_that_had_ended(database: Database) -> None:
    first, second = an_operator(database, "first", Role.HR), an_operator(database, "second", Role.ADMIN)
    invited, end = an_operator(database, "chi"), NOW + timedelta(hours=1)
    with database.transaction() as session:
        naming.grant(session, invited, Role.LEADER, None, by=second, now=NOW, until=end)
    with database.transaction() as session:
        token = administering.offer_link(
            session, invited, LinkPurpose.SET_UP, by=first, sealer=SEALER, now=end
        )
    with database.transaction() as session:
        naming.grant(session, invited, Role.LEADER, None, by=second, now=end)

    with database.transaction() as session, pytest.raises(NotFound):
        links.look(session, token, sealer=SEALER, now=end)


def replaced(database: Database, token: Secret, how, password: str, code: str, *, now=SOON):
    with database.transaction() as session:
        return how(session, token, Secret(password), code, source="test", sealer=SEALER, now=now)


def comes_in(database: Database, account: Account, password: str = PASSWORD, *, now=SOON) -> bool:
    with database.transaction() as session:
        proof = account.proof(now, password=password)
        return isinstance(sign_in(session, proof, source="t", sealer=SEALER, now=now), Secret)


def test_a_new_password_takes_the_code_and_ends_all_sessions(database: Database) -> None:
    admin, account = an_operator(database, "admin", Role.ADMIN), an_account(database, "chi", Role.APPROVER)
    token = offered(database, the_operator(database, "chi"), LinkPurpose.PASSWORD, by=admin)
    assert count(database, SignedIn) == 1

    assert isinstance(replaced(database, token, replace_password, NEW, "000000"), NotProved)
    assert isinstance(replaced(database, token, replace_password, NEW, ""), NotProved)
    assert replaced(database, token, replace_password, NEW, account.code(SOON)) is None

    assert count(database, SignedIn) == 0
    later = SOON + timedelta(seconds=STEP)
    assert not comes_in(database, account, PASSWORD, now=later)
    assert comes_in(database, account, NEW, now=later)
    with pytest.raises(NotFound):
        replaced(database, token, replace_password, NEW, account.code(later))


def test_a_new_key_takes_the_password(database: Database) -> None:
    admin, account = an_operator(database, "admin", Role.ADMIN), an_account(database, "chi", Role.APPROVER)
    token = offered(database, the_operator(database, "chi"), LinkPurpose.SECOND_FACTOR, by=admin)
    with database.reading() as session:
        key = links.look(session, token, sealer=SEALER, now=NOW).key
    code = code_at(key, int(SOON.timestamp()) // STEP)

    assert isinstance(replaced(database, token, replace_key, "wrong password 99", code), NotProved)
    with pytest.raises(Invalid):
        replaced(database, token, replace_key, PASSWORD, "000000")
    assert replaced(database, token, replace_key, PASSWORD, code) is None

    later = SOON + timedelta(seconds=STEP)
    assert not comes_in(database, account, now=later)
    assert comes_in(database, Account("chi", key), now=later)


def test_a_link_for_one_factor_is_no_use_for_the_other_nor_for_coming_in(database: Database) -> None:
    admin, account = an_operator(database, "admin", Role.ADMIN), an_account(database, "chi", Role.APPROVER)
    operator = the_operator(database, "chi")
    token = offered(database, operator, LinkPurpose.PASSWORD, by=admin)

    for how in (replace_key, links.set_up):
        with pytest.raises(NotFound):
            replaced(database, token, how, PASSWORD, account.code(SOON))
    with pytest.raises(NotFound), database.transaction() as session:
        links.sign_in_once(session, token, source="t", sealer=SEALER, now=NOW)


def test_codes_and_passwords_cannot_be_tried_through_a_link(database: Database) -> None:
    admin = an_operator(database, "admin", Role.ADMIN)
    account = an_account(database, "chi", Role.APPROVER)
    token = offered(database, the_operator(database, "chi"), LinkPurpose.PASSWORD, by=admin)
    for _ in range(PER_NAME):
        replaced(database, token, replace_password, NEW, "000000")

    with pytest.raises(TooMany):
        replaced(database, token, replace_password, NEW, account.code(SOON))


def test_who_has_no_other_factor_left_is_for_whoever_holds_the_server(database: Database) -> None:
    """A role came that asks for a code, and there never was a key: a password link would be a way in alone."""
    admin = an_operator(database, "admin", Role.ADMIN)
    an_account(database, "chi")
    chi = the_operator(database, "chi")
    with database.transaction() as session:
        naming.grant(session, chi, Role.APPROVER, None, by=admin, now=NOW)

    with pytest.raises(Conflict):
        offered(database, chi, LinkPurpose.PASSWORD, by=admin)
    assert offered(database, chi, LinkPurpose.SECOND_FACTOR, by=admin)
    with pytest.raises(Conflict):
        offered(database, an_operator(database, "dung"), LinkPurpose.SECOND_FACTOR, by=admin)


def test_nobody_is_let_in_again_or_tied_by_whoever_holds_less(database: Database) -> None:
    hr = an_operator(database, "hr", Role.HR)
    an_account(database, "chi", Role.APPROVER)
    chi = the_operator(database, "chi")
    with database.transaction() as session:
        naming.disable(session, naming.find_operator(session, "chi"), by="test", now=NOW)

    for deed in (
        lambda session: administering.enable(session, chi, by=hr, now=NOW),
        lambda session: administering.tie(session, chi, None, by=hr, now=NOW),
        lambda session: administering.identify(session, chi, "mine", by=hr, now=NOW),
    ):
        with pytest.raises(Forbidden), database.transaction() as session:
            deed(session)


def test_an_account_with_two_factors_does_not_change_hands_by_another_tie(database: Database) -> None:
    """Where the provider's word counts for both factors, an administrator could become each approver."""
    admin = an_operator(database, "admin", Role.ADMIN)
    a_province(database)
    provide(database, an_official("CB1"))
    an_account(database, "chi", Role.APPROVER)
    an_account(database, "em", Role.LEADER)
    person = the_person(database, "CB1").id

    for deed in (
        lambda session, name: administering.tie(session, found(session, name), person, by=admin, now=NOW),
        lambda session, name: administering.identify(session, found(session, name), "x", by=admin, now=NOW),
    ):
        with pytest.raises(Conflict) as refused, database.transaction() as session:
            deed(session, "chi")
        assert refused.value.code == "set-up-already"
        with database.transaction() as session:
            deed(session, "em")  # one factor, which an administrator may reset anyway
    with database.transaction() as session:
        chi = found(session, "chi")
        naming.tie(session, found(session, "em"), None, by="test", now=NOW)
        naming.tie(session, chi, person, by="test", now=NOW)
        administering.tie(session, chi, person, by=admin, now=NOW)  # as it is
        administering.tie(session, chi, None, by=admin, now=NOW)


def test_sessions_end_when_an_operator_becomes_somebody_else(database: Database) -> None:
    a_province(database)
    provide(database, an_official("CB1"))
    person = the_person(database, "CB1").id
    for number, deed in enumerate(
        (
            lambda session, operator: naming.tie(session, operator, person, by="test", now=NOW),
            lambda session, operator: naming.identify(session, operator, "x", by="test", now=NOW),
        )
    ):
        an_account(database, f"chi{number}")
        assert count(database, SignedIn) == 1
        with database.transaction() as session:
            deed(session, found(session, f"chi{number}"))
        assert count(database, SignedIn) == 0


def found(session: Session, name: str) -> Operator:
    return naming.find_operator(session, name)


def test_one_subject_is_one_operator(database: Database) -> None:
    chi, dung = an_operator(database, "chi"), an_operator(database, "dung")
    with database.transaction() as session:
        naming.identify(session, session.merge(chi), "sub-1", by="test", now=NOW)
    with pytest.raises(Conflict), database.transaction() as session:
        naming.identify(session, session.merge(dung), "sub-1", by="test", now=NOW)
    for wrong in ("x" * 256, "é", "a\nb"):
        with pytest.raises(Invalid), database.transaction() as session:
            naming.identify(session, session.merge(dung), wrong, by="test", now=NOW)


def test_every_right_is_somebodys() -> None:
    assert set(Right) == {right for rights in RIGHTS.values() for right in rights}


def test_a_link_that_the_command_line_made_outlives_a_role(database: Database) -> None:
    admin, invited = an_operator(database, "admin", Role.ADMIN), an_operator(database, "chi")
    token = a_link(database, invited)
    with database.transaction() as session:
        naming.grant(session, invited, Role.HR, None, by=admin, now=NOW)
        assert links.look(session, token, sealer=SEALER, now=NOW)

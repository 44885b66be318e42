"""One-time links: the first administrator, set-up, and signing in once."""

from datetime import timedelta

import pytest

from provisioner.db import Database
from provisioner.errors import Conflict, Invalid, NotFound
from provisioner.operators import links, naming
from provisioner.operators.models import LinkPurpose, OneTimeLink, Operator, SignedIn
from provisioner.operators.proving import STEP, code_at
from provisioner.operators.roles import Role
from provisioner.operators.sessions import find
from provisioner.secret import Secret
from tests.books import NOW, count
from tests.operators.people import PASSWORD, a_link, an_account, an_operator
from tests.province import SEALER


def bootstrapped(database: Database) -> Secret:
    with database.transaction() as session:
        return links.bootstrap(session, "Admin ", "Quản trị viên", sealer=SEALER, now=NOW)[1]


def code_of(database: Database, token: Secret) -> str:
    with database.reading() as session:
        return code_at(links.look(session, token, sealer=SEALER, now=NOW).key, int(NOW.timestamp()) // STEP)


def set_up(database: Database, token: Secret, code: str, *, password: str = PASSWORD, now=NOW) -> Secret:
    with database.transaction() as session:
        return links.set_up(session, token, Secret(password), code, source="test", sealer=SEALER, now=now)


def test_new_books_have_no_way_in(database: Database) -> None:
    assert (count(database, Operator), count(database, OneTimeLink)) == (0, 0)


def test_the_bootstrap_link_makes_an_administrator_with_a_code_and_works_once(database: Database) -> None:
    token = bootstrapped(database)

    session_token = set_up(database, token, code_of(database, token))

    with database.reading() as session:
        found = find(session, session_token, now=NOW)
    assert found is not None
    assert (found.name, found.powers.roles) == ("admin", [Role.ADMIN])
    with pytest.raises(NotFound):
        set_up(database, token, "")


def test_an_administrator_is_not_made_without_a_code(database: Database) -> None:
    token = bootstrapped(database)

    for code in ("", "000000"):
        with pytest.raises(Invalid):
            set_up(database, token, code)

    with database.reading() as session:
        assert session.query(Operator).one().password_hash is None


def test_bootstrapping_again_ends_the_first_link_and_stops_once_it_was_used(database: Database) -> None:
    first = bootstrapped(database)
    second = bootstrapped(database)
    with database.reading() as session, pytest.raises(NotFound):
        links.look(session, first, sealer=SEALER, now=NOW)

    set_up(database, second, code_of(database, second))

    with pytest.raises(Conflict):
        bootstrapped(database)


def test_a_link_expires(database: Database) -> None:
    token = a_link(database, an_operator(database, "chi"))

    with pytest.raises(NotFound):
        set_up(database, token, "", now=NOW + links.GOOD_FOR)
    assert set_up(database, token, "", now=NOW + links.GOOD_FOR - timedelta(seconds=1))


def test_looking_at_a_link_does_not_use_it_up(database: Database) -> None:
    token = a_link(database, an_operator(database, "chi"))
    keys = set()
    for _ in range(3):
        with database.reading() as session:
            keys.add(links.look(session, token, sealer=SEALER, now=NOW).key.reveal())

    assert len(keys) == 1
    assert set_up(database, token, "")


def test_a_link_for_one_purpose_is_no_use_for_the_other(database: Database) -> None:
    operator = an_operator(database, "chi", Role.ADMIN)
    sign_in, set_up_link = a_link(database, operator, LinkPurpose.SIGN_IN), a_link(database, operator)

    with pytest.raises(NotFound):
        set_up(database, sign_in, code_of(database, sign_in))
    with database.transaction() as session, pytest.raises(NotFound):
        links.sign_in_once(session, set_up_link, source="test", sealer=SEALER, now=NOW)
    with database.transaction() as session:
        assert links.sign_in_once(session, sign_in, source="test", sealer=SEALER, now=NOW)


def test_a_set_up_ends_the_sessions_there_were(database: Database) -> None:
    an_account(database, "chi")
    with database.reading() as session:
        operator = naming.find_operator(session, "chi")
    before = count(database, SignedIn)

    set_up(database, a_link(database, operator), "")

    assert (before, count(database, SignedIn)) == (1, 1)


def test_a_disabled_operators_link_does_not_work(database: Database) -> None:
    operator = an_operator(database, "chi")
    token = a_link(database, operator)
    with database.transaction() as session:
        naming.disable(session, naming.find_operator(session, "chi"), by="test", now=NOW)

    with pytest.raises(NotFound):
        set_up(database, token, "")


def test_a_bad_password_does_not_use_the_link_up(database: Database) -> None:
    token = a_link(database, an_operator(database, "chi"))

    with pytest.raises(Invalid):
        set_up(database, token, "", password="short")

    assert set_up(database, token, "")

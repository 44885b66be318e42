"""Signing in: one refusal for everything, codes that are good once, and counted failures."""

import statistics
import time
from datetime import timedelta

import pytest

from provisioner.db import Database
from provisioner.operators import naming
from provisioner.operators.limits import PER_NAME, PER_SOURCE, WINDOW, TooMany, note_failure
from provisioner.operators.models import Attempt, Operator, SignedIn
from provisioner.operators.proving import STEP, code_at, code_step, hash_password, is_password, new_key
from provisioner.operators.roles import CODE_NEEDED, Role
from provisioner.operators.sessions import IDLE, LONGEST, PROOF_HOLDS, find, note
from provisioner.operators.signing_in import NotProved, Proof, prove_again, sign_in
from provisioner.secret import Secret
from tests.books import NOW, count, on_postgresql
from tests.operators.people import PASSWORD, an_account, an_operator
from tests.province import SEALER, trail

SOURCE = "192.0.2.7"


def tried(database: Database, proof: Proof, *, now=NOW, source: str = SOURCE):
    with database.transaction() as session:
        return sign_in(session, proof, source=source, sealer=SEALER, now=now)


def visitor(database: Database, token: Secret, *, now=NOW):
    with database.reading() as session:
        return find(session, token, now=now)


def test_the_right_name_password_and_code_open_a_session(database: Database) -> None:
    account = an_account(database, "chi", Role.APPROVER)

    token = tried(database, account.proof())

    assert isinstance(token, Secret)
    found = visitor(database, token)
    assert found is not None
    assert (found.name, found.powers.roles) == ("chi", [Role.APPROVER])
    assert [event.actor for event in trail(database, "operator.signed-in")] == ["chi"]


def test_the_books_hold_no_token_and_no_password(database: Database) -> None:
    token = tried(database, an_account(database, "chi").proof())

    with database.reading() as session:
        row = session.query(SignedIn).order_by(SignedIn.id.desc()).first()
        operator = session.query(Operator).one()

    assert isinstance(token, Secret)
    assert token.reveal() not in repr(vars(row))
    assert operator.password_hash is not None
    assert operator.password_hash.startswith("$argon2id$")


@pytest.mark.parametrize("role", sorted(CODE_NEEDED))
def test_a_role_that_can_cause_certificates_is_no_use_without_a_code(database: Database, role: Role) -> None:
    """The operator was set up before the role came, so there is no key: the password is not enough."""
    account = an_account(database, "chi")
    assert isinstance(tried(database, account.proof()), Secret)

    with database.transaction() as session:
        naming.grant(session, naming.find_operator(session, "chi"), role, None, by=None, now=NOW)

    assert isinstance(tried(database, account.proof()), NotProved)


def test_a_code_is_good_once(database: Database) -> None:
    account = an_account(database, "chi", Role.ADMIN)

    assert isinstance(tried(database, account.proof()), Secret)
    assert isinstance(tried(database, account.proof()), NotProved)
    later = NOW + timedelta(seconds=STEP)
    assert isinstance(tried(database, account.proof(later), now=later), Secret)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda account: Proof("nobody", Secret(PASSWORD), account.code()),
        lambda account: Proof("chi", Secret("another sentence 11"), account.code()),
        lambda _account: Proof("chi", Secret(PASSWORD), "000000"),
        lambda _account: Proof("chi", Secret(PASSWORD), ""),
        lambda account: Proof("chi", Secret(""), account.code()),
        lambda account: Proof("chi", Secret("\x00"), account.code()),
        lambda account: Proof("", Secret(PASSWORD), account.code()),
        lambda account: Proof("chi\x00' OR 1=1", Secret(PASSWORD), account.code()),
        lambda _account: Proof("chi" * 200, Secret("x" * 100_000), "\uff19" * 6),
    ],
)
def test_every_refusal_is_the_same_refusal(database: Database, wrong) -> None:
    account = an_account(database, "chi", Role.ADMIN)

    refusal = tried(database, wrong(account))

    assert isinstance(refusal, NotProved)
    assert (refusal.text, refusal.code) == (NotProved().text, "sign-in-refused")


def test_the_time_of_a_refusal_does_not_tell_who_exists(database: Database) -> None:
    an_account(database, "chi")

    def seconds(name: str) -> float:
        began = time.perf_counter()
        tried(database, Proof(name, Secret("a wrong sentence 9")), source=name)
        return time.perf_counter() - began

    seconds("warm")
    known = statistics.median(seconds("chi") for _ in range(5))
    unknown = statistics.median(seconds(f"nobody{n}") for n in range(5))

    assert 0.4 < known / unknown < 2.5


def test_a_disabled_operator_is_out_at_once_and_stays_out(database: Database) -> None:
    account = an_account(database, "chi")
    token = tried(database, account.proof())
    assert isinstance(token, Secret)

    with database.transaction() as session:
        naming.disable(session, naming.find_operator(session, "chi"), by="test", now=NOW)

    assert visitor(database, token) is None
    assert isinstance(tried(database, account.proof()), NotProved)
    assert count(database, SignedIn) == 0


@pytest.mark.parametrize("name", ["chi", "nobody"])
def test_after_too_many_failures_a_name_waits_whether_it_exists_or_not(database: Database, name: str) -> None:
    an_account(database, "chi")
    for _ in range(PER_NAME):
        assert isinstance(tried(database, Proof(name, Secret("wrong sentence 1"))), NotProved)

    with pytest.raises(TooMany):
        tried(database, Proof(name, Secret(PASSWORD)))

    later = NOW + WINDOW + timedelta(seconds=1)
    answer = tried(database, Proof(name, Secret(PASSWORD)), now=later)
    assert isinstance(answer, Secret if name == "chi" else NotProved)


def test_one_address_cannot_try_many_names(database: Database) -> None:
    with database.transaction() as session:
        for n in range(PER_SOURCE):
            note_failure(session, name=f"name{n}", source=SOURCE, now=NOW)

    with pytest.raises(TooMany):
        tried(database, Proof("another", Secret(PASSWORD)))
    assert isinstance(tried(database, Proof("another", Secret(PASSWORD)), source="198.51.100.1"), NotProved)


def test_what_no_longer_counts_is_forgotten(database: Database) -> None:
    for _ in range(3):
        tried(database, Proof("nobody", Secret("wrong sentence 1")))

    tried(database, Proof("nobody", Secret("wrong sentence 1")), now=NOW + WINDOW)

    assert count(database, Attempt) == 2


def test_a_session_ends_when_idle_and_at_the_end_of_the_day(database: Database) -> None:
    token = tried(database, an_account(database, "chi").proof())
    assert isinstance(token, Secret)

    assert visitor(database, token, now=NOW + IDLE - timedelta(seconds=1)) is not None
    assert visitor(database, token, now=NOW + IDLE) is None

    moment = NOW
    while moment < NOW + LONGEST - IDLE / 2:
        found = visitor(database, token, now=moment)
        assert found is not None
        with database.transaction() as session:
            note(session, found, now=moment)
        moment += IDLE / 2
    assert visitor(database, token, now=NOW + LONGEST) is None


def test_a_step_up_changes_the_token_and_the_forms(database: Database) -> None:
    account = an_account(database, "chi", Role.APPROVER)
    token = tried(database, account.proof())
    assert isinstance(token, Secret)
    before = visitor(database, token)
    assert before is not None
    later = NOW + PROOF_HOLDS + timedelta(seconds=STEP)
    assert not before.proved_lately(later)

    with database.transaction() as session:
        new = prove_again(session, before, account.proof(later), source=SOURCE, sealer=SEALER, now=later)

    assert isinstance(new, Secret)
    assert visitor(database, token, now=later) is None
    after = visitor(database, new, now=later)
    assert after is not None
    assert after.proved_lately(later)
    assert after.form_token != before.form_token


def test_a_step_up_needs_the_password_and_the_code(database: Database) -> None:
    account = an_account(database, "chi", Role.APPROVER)
    token = tried(database, account.proof())
    assert isinstance(token, Secret)
    found = visitor(database, token)
    assert found is not None
    later = NOW + timedelta(seconds=STEP)
    for proof in (
        account.proof(later, password="another sentence 2"),
        Proof("chi", Secret(PASSWORD), "123456"),
        account.proof(NOW),
    ):
        with database.transaction() as session:
            answer = prove_again(session, found, proof, source=SOURCE, sealer=SEALER, now=later)
        assert isinstance(answer, NotProved)


def test_codes_are_those_of_rfc_6238() -> None:
    """Appendix B's key and moments, cut to six digits."""
    from base64 import b32encode

    key = Secret(b32encode(b"12345678901234567890").decode())

    assert [code_at(key, at // 30) for at in (59, 1111111109, 1234567890, 20000000000)] == [
        "287082",
        "081804",
        "005924",
        "353130",
    ]


def test_a_code_may_be_one_step_off_and_no_more() -> None:
    key = new_key()
    step = int(NOW.timestamp()) // STEP

    good = [n for n in range(-3, 4) if code_step(key, code_at(key, step + n), used=0, now=NOW) is not None]

    assert good == [-1, 0, 1]


def test_keys_do_not_repeat() -> None:
    assert len({new_key().reveal() for _ in range(1000)}) == 1000


@pytest.mark.parametrize("password", ["short", "x" * 201, "chi" + "abcdefghijkl", "aaaaaaaaaaaaaaaa", ""])
def test_a_weak_password_is_refused(password: str) -> None:
    with pytest.raises(Exception, match=r"password|guess"):
        hash_password(Secret(password), name="chi")


def test_nobodys_password_is_never_right() -> None:
    assert not is_password(Secret(""), None)
    assert not is_password(Secret(PASSWORD), "not a hash")


def test_an_operator_without_a_password_cannot_sign_in(database: Database) -> None:
    an_operator(database, "chi")

    assert isinstance(tried(database, Proof("chi", Secret(""))), NotProved)


def test_a_code_that_is_given_twice_at_once_lets_one_in(database: Database) -> None:
    """Whoever read a code along sends it while its owner does: both were looked up before either used it."""
    account = an_account(database, "chi", Role.ADMIN)
    if not on_postgresql(database):
        return  # SQLite lets in one writer at a time, who sees what the one before wrote

    with database.transaction() as session:
        slow = naming.find_operator(session, "chi")
        assert isinstance(tried(database, account.proof()), Secret)
        answer = sign_in(session, account.proof(), source=SOURCE, sealer=SEALER, now=NOW)

    assert slow.name == "chi"  # held on to, as a sign-in holds whom it looked up
    assert isinstance(answer, NotProved)

"""Setting a password with a code: once, in time, by its owner only; guesses lead nowhere."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from provisioner.audit import AuditEvent, Who
from provisioner.db import Database
from provisioner.errors import Conflict, Invalid, ProvisionerError, Text, Unavailable
from provisioner.mail.activating import TAKEN, activate
from provisioner.mail.codes import NewCode, holder_of, new_code
from provisioner.mail.issuing import issue
from provisioner.mail.models import ActivationCode, FormerPassword
from provisioner.mail.passwords import PasswordPolicy, matches
from provisioner.mailboxes.models import Mailbox, Status
from provisioner.operators import naming, sessions
from provisioner.operators.limits import PER_NAME, PER_SOURCE, WINDOW, TooMany
from provisioner.operators.models import SignedIn, Way
from provisioner.operators.roles import Role
from provisioner.people.models import Person
from provisioner.secret import Secret
from provisioner.settings import ROOT
from tests.books import NOW, count
from tests.fakes.directory import FakeDirectory
from tests.operators.people import an_operator
from tests.province import (
    CHIEF,
    DIT,
    a_province,
    a_unit,
    addresses,
    an_official,
    provide,
    synced,
    the_mailbox,
    the_person,
)

POLICY = PasswordPolicy.load(ROOT / "config" / "passwords" / "policy.toml")
GOOD = Secret("Cao-nguyen8xanh")
UNTIL = NOW + timedelta(days=30)


@dataclass
class Kept:
    """Where passwords are kept, in memory: DN to hash."""

    hashes: dict[str, str] = field(default_factory=dict)
    before: Callable[[], None] = lambda: None

    def replace(self, dn: str, hashed: str) -> None:
        self.before()
        self.hashes[dn] = hashed

    def proves(self, dn: str, password: Secret) -> bool:
        """Whether a bind would succeed."""
        return dn in self.hashes and matches(password, self.hashes[dn])


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def address(database: Database) -> str:
    """The address of an official in the directory."""
    a_province(database)
    provide(
        database, an_official("CB1", "Nguyễn Thị Ánh"), an_official("CB2", "Đỗ Văn Bình"), a_unit("H36.05")
    )
    synced(database, FakeDirectory(DIT))
    with database.transaction() as session:
        session.get_one(Person, the_person(database, "CB1").id).birth_date = date(1988, 3, 5)
    return addresses(database)["CB1"]


def a_code(database: Database, address: str, *, until: datetime = UNTIL, by: str = CHIEF) -> Secret:
    code = new_code()
    with database.transaction() as session:
        slips = [NewCode(holder_of(session, address), code)]
        issue(session, slips, who=Who(by), now=NOW, expires_at=until)
    return code


def use(
    database: Database,
    kept: Kept,
    address: str,
    code: Secret,
    password: Secret = GOOD,
    *,
    source: str = "10.0.0.7",
    now: datetime = NOW,
) -> str:
    return activate(
        database,
        kept,
        address=address,
        code=code,
        password=password,
        source=source,
        policy=POLICY,
        dit=DIT,
        now=now,
    )


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(ProvisionerError) as refused:
        act()
    return refused.value.code


def test_the_owner_sets_a_password_and_the_mailbox_is_handed_over(
    database: Database, address: str, kept: Kept
) -> None:
    used = use(database, kept, address.upper(), a_code(database, address))

    mailbox = the_mailbox(database, address)
    assert used == address
    assert list(kept.hashes) == [DIT.person(mailbox.account_id)]
    assert matches(GOOD, kept.hashes[DIT.person(mailbox.account_id)])
    assert mailbox.handed_over_at == NOW
    assert mailbox.first_used_at is None


def test_a_unit_mailbox_is_activated_in_its_own_branch(database: Database, address: str, kept: Kept) -> None:
    unit = "skhcn@lamdong.gov.vn"

    use(database, kept, unit, a_code(database, unit))

    assert list(kept.hashes) == [DIT.unit(the_mailbox(database, unit).account_id)]


def test_a_code_works_once_not_twice(database: Database, address: str, kept: Kept) -> None:
    code = a_code(database, address)
    use(database, kept, address, code)

    assert refusal(lambda: use(database, kept, address, code, Secret("Mua-roi4tren8doi"))) == "code-unknown"
    assert matches(GOOD, next(iter(kept.hashes.values())))


def test_a_code_does_not_work_after_it_ran_out_nor_when_replaced_nor_for_another(
    database: Database, address: str, kept: Kept
) -> None:
    other = addresses(database)["CB2"]
    first = a_code(database, address)
    second = a_code(database, address)

    assert refusal(lambda: use(database, kept, address, first)) == "code-unknown"
    assert refusal(lambda: use(database, kept, other, second)) == "code-unknown"
    assert refusal(lambda: use(database, kept, address, second, now=UNTIL)) == "code-unknown"
    assert refusal(lambda: use(database, kept, address, new_code())) == "code-unknown"
    assert kept.hashes == {}
    use(database, kept, address, second, now=UNTIL - timedelta(seconds=1))


def test_a_locked_mailbox_is_not_activated(database: Database, address: str, kept: Kept) -> None:
    code = a_code(database, address)
    with database.transaction() as session:
        session.execute(update(Mailbox).values(status=Status.LOCKED))

    assert refusal(lambda: use(database, kept, address, code)) == "code-unknown"


def an_auditor(database: Database, address: str) -> int:
    """The owner of this mailbox sees everything from now on; the id of the operator."""
    auditor = an_operator(database, "chi", Role.AUDITOR)
    with database.transaction() as session:
        person = the_mailbox(database, address).person_id
        naming.tie(session, session.merge(auditor), person, by="test", now=NOW)
    return auditor.id


def test_a_code_of_somebody_with_fewer_rights_ends_when_its_owner_gets_more(
    database: Database, address: str, kept: Kept
) -> None:
    """Whoever kept it would sign in as the auditor."""
    an_operator(database, "dung", Role.LOCAL_ADMIN, agency="H36.05")
    code = a_code(database, address, by="dung")
    an_auditor(database, address)

    assert refusal(lambda: use(database, kept, address, code)) == "code-unknown"
    assert kept.hashes == {}


def test_a_code_of_whoever_was_shut_out_lets_nobody_into_the_mailbox_of_an_operator(
    database: Database, address: str, kept: Kept
) -> None:
    an_operator(database, "an", Role.ADMIN)
    an_auditor(database, address)
    mine, others = a_code(database, address, by="an"), a_code(database, addresses(database)["CB2"], by="an")
    with database.transaction() as session:
        naming.disable(session, naming.find_operator(session, "an"), by="binh", now=NOW)

    assert refusal(lambda: use(database, kept, address, mine)) == "code-unknown"
    assert use(database, kept, addresses(database)["CB2"], others)


def test_sessions_that_began_with_the_password_before_end(
    database: Database, address: str, kept: Kept
) -> None:
    operator_id = an_auditor(database, address)
    with database.transaction() as session:
        operator = naming.find_operator(session, "chi")
        for way in (Way.MAILBOX, Way.PASSWORD):
            sessions.begin(session, operator, way=way, source="test", now=NOW)

    use(database, kept, address, a_code(database, address))

    with database.reading() as session:
        left = session.scalars(select(SignedIn.way).where(SignedIn.operator_id == operator_id)).all()
    assert left == [Way.PASSWORD]


def test_a_poor_password_leaves_the_code_good_and_counts_as_no_guess(
    database: Database, address: str, kept: Kept
) -> None:
    code = a_code(database, address)

    for password in ("short", "Matkhau@2026", "Hoa!05031988x", "anhnt-Xx1!") * 5:
        with pytest.raises(Invalid) as refused:
            use(database, kept, address, code, Secret(password))
        assert refused.value.code.startswith("password-")
    use(database, kept, address, code)

    assert len(kept.hashes) == 1


def test_the_last_three_passwords_are_refused_at_the_next_reset(
    database: Database, address: str, kept: Kept
) -> None:
    words = [Secret(f"Cao-nguyen{n}xanh") for n in range(4)]
    for n, word in enumerate(words):
        use(database, kept, address, a_code(database, address), word, now=NOW + timedelta(hours=n))
    code = a_code(database, address)

    later = NOW + timedelta(days=1)
    for word in words[1:]:
        assert (
            refusal(lambda w=word: use(database, kept, address, code, w, now=later)) == "password-used-before"
        )
    use(database, kept, address, code, words[0], now=later)


@pytest.mark.parametrize(
    "trouble",
    [Unavailable(Text(vi="x", en="x")), Conflict(Text(vi="x", en="x")), KeyboardInterrupt()],
)
def test_a_directory_that_does_not_take_it_leaves_the_code_good(
    database: Database, address: str, kept: Kept, trouble: BaseException
) -> None:
    code = a_code(database, address)

    def away() -> None:
        raise trouble

    kept.before = away
    with pytest.raises(type(trouble)):
        use(database, kept, address, code)
    assert the_mailbox(database, address).handed_over_at is None
    kept.before = lambda: None

    assert use(database, kept, address, code) == address


def test_two_windows_with_one_code_set_one_password(database: Database, address: str, kept: Kept) -> None:
    code = a_code(database, address)
    second: list[str] = []

    def meanwhile() -> None:
        kept.before = lambda: None
        second.append(refusal(lambda: use(database, kept, address, code, Secret("Mua-roi4tren8doi"))))

    kept.before = meanwhile
    use(database, kept, address, code)

    assert second == ["code-taken"]
    assert [matches(GOOD, stored) for stored in kept.hashes.values()] == [True]
    assert count(database, FormerPassword) == 1


def test_a_crash_in_the_middle_gives_the_code_back_after_a_minute(
    database: Database, address: str, kept: Kept
) -> None:
    code = a_code(database, address)
    with (
        database.transaction() as session
    ):  # as a process killed between the directory and the books leaves it
        session.execute(update(ActivationCode).values(taken_until=NOW + TAKEN))

    assert refusal(lambda: use(database, kept, address, code)) == "code-taken"
    assert use(database, kept, address, code, now=NOW + TAKEN) == address


def test_guesses_for_one_address_are_stopped_and_free_again_later(
    database: Database, address: str, kept: Kept
) -> None:
    code = a_code(database, address)

    told = [
        refusal(lambda n=n: use(database, kept, address, new_code(), source=f"10.1.0.{n}"))
        for n in range(PER_NAME + 3)
    ]

    assert told == ["code-unknown"] * PER_NAME + ["too-many-attempts"] * 3
    with pytest.raises(TooMany):
        use(database, kept, address, code)
    assert use(database, kept, address, code, now=NOW + WINDOW + timedelta(seconds=1)) == address


def test_guesses_from_one_source_are_stopped_whatever_address_they_try(
    database: Database, address: str, kept: Kept
) -> None:
    told = [
        refusal(lambda n=n: use(database, kept, f"a{n}@lamdong.gov.vn", new_code()))
        for n in range(PER_SOURCE + 2)
    ]

    assert told == ["code-unknown"] * PER_SOURCE + ["too-many-attempts"] * 2
    assert refusal(lambda: use(database, kept, address, a_code(database, address))) == "too-many-attempts"


def guess(database: Database, kept: Kept, address: str, times: int) -> set[str]:
    found = set()
    for n in range(times):
        found.add(refusal(lambda n=n: use(database, kept, address, new_code(), source=f"10.{n % 250}.0.1")))
    return found


def test_a_thousand_guesses_are_refused(database: Database, address: str, kept: Kept) -> None:
    a_code(database, address)

    assert guess(database, kept, address, 1000) == {"code-unknown", "too-many-attempts"}
    assert kept.hashes == {}


@pytest.mark.slow
def test_a_hundred_thousand_guesses_are_refused(database: Database, address: str, kept: Kept) -> None:
    a_code(database, address)

    assert guess(database, kept, address, 100_000) == {"code-unknown", "too-many-attempts"}
    assert kept.hashes == {}
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(ActivationCode.used_at.is_not(None))) == 0


def test_neither_code_nor_password_stands_in_books_audit_or_log(
    database: Database, address: str, kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code, wrong = a_code(database, address), new_code()
    refusal(lambda: use(database, kept, address, wrong))
    use(database, kept, address, code)

    with database.reading() as session:
        written = " ".join(
            str(row)
            for model in (AuditEvent, ActivationCode, FormerPassword)
            for row in session.execute(select(*model.__table__.c))
        )
    for secret in (GOOD, code, wrong):
        assert secret.reveal() not in written
        assert secret.reveal() not in caplog.text
    assert "mailbox.password-set" in written

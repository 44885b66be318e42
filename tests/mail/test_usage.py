"""Use is measured: sign-ins brought in again and again, deliveries that are none, and the three denominators."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from ldap3 import MODIFY_REPLACE
from sqlalchemy import select

from provisioner.adapters.ldap_sign_ins import directory_sign_ins
from provisioner.agencies.models import HeadCount
from provisioner.coverage.counting import cover
from provisioner.coverage.metrics import usage
from provisioner.coverage.tallies import Scope
from provisioner.db import Database
from provisioner.errors import Invalid, NotFound
from provisioner.mail.usage import BroughtIn, SignIn, Use, bring_in, last_logins, unused, use_of
from provisioner.mailboxes.models import Mailbox
from provisioner.people.models import Post
from tests.books import NOW
from tests.fakes.directory import FakeDirectory
from tests.ldap_server import PASSWORD, raw, signs_in
from tests.mail.town import SECRET, Town, until
from tests.province import DIT, a_province, a_unit, addresses, an_official, provide, synced, the_mailbox

PERIOD = timedelta(days=90)
PEOPLE = 6


@pytest.fixture
def people(database: Database) -> list[str]:
    """The addresses of six officials in the directory."""
    a_province(database)
    provide(
        database, *(an_official(f"CB{n}", f"Nguyễn Văn {n * 'A'}n") for n in range(PEOPLE)), a_unit("H36.05")
    )
    synced(database, FakeDirectory(DIT))
    by_number = addresses(database)
    return [by_number[f"CB{n}"] for n in range(PEOPLE)]


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def used(database: Database) -> Use:
    with database.reading() as session:
        return use_of(session, None, now=NOW, within=PERIOD)


def test_the_first_and_the_newest_sign_in_are_kept(database: Database, people: list[str]) -> None:
    for days in (10, 30, 2, 5):
        bring_in(database, [SignIn(people[0].upper(), days_ago(days))], now=NOW)

    mailbox = the_mailbox(database, people[0])
    assert (mailbox.first_used_at, mailbox.last_used_at) == (days_ago(10), days_ago(2))
    assert mailbox.handed_over_at == days_ago(10)


def test_the_same_ten_thousand_sign_ins_twice_give_the_same_figures(
    database: Database, people: list[str]
) -> None:
    sign_ins = [SignIn(people[n % 5], days_ago(100 - n / 101)) for n in range(10_000)]

    first = bring_in(database, iter(sign_ins), now=NOW)
    figures = used(database)
    second = bring_in(database, iter(sign_ins), now=NOW)

    assert (first.read, first.changed) == (10_000, 10)  # five mailboxes in each of two transactions
    assert (second.read, second.changed) == (10_000, 0)
    assert used(database) == figures
    assert figures.used == 5


def test_strangers_and_the_future_are_counted_and_change_nothing(
    database: Database, people: list[str]
) -> None:
    done = bring_in(
        database,
        [SignIn("nobody@lamdong.gov.vn", days_ago(1)), SignIn(people[0], NOW + timedelta(days=1))],
        now=NOW,
    )

    assert done == BroughtIn(read=2, changed=0, unknown=1, from_the_future=1)
    assert the_mailbox(database, people[0]).last_used_at is None


def test_use_is_told_of_issued_activated_and_entitled(database: Database, people: list[str]) -> None:
    for address, days in zip(people, (1, 50, 89, 100, 200), strict=False):
        bring_in(database, [SignIn(address, days_ago(days))], now=NOW)

    with database.transaction() as session:  # ten are declared, and six on the list
        post = session.scalars(select(Post)).first()
        session.add(
            HeadCount(agency_id=post.agency_id, category=post.category, since=date(2026, 1, 1), count=10)
        )
    found = used(database)
    with database.reading() as session:
        covered = usage(cover(session, Scope(), at=NOW, used_within=PERIOD).sums)

    assert found == Use(issued=7, activated=5, never_used=2, used=3, idle_45=4, idle_90=2, idle_180=1)
    assert (covered.of_issued.n, covered.of_issued.of) == (3, 6)
    assert (covered.of_entitled.n, covered.of_entitled.of) == (3, 10)


def test_a_sub_tree_is_counted_alone(database: Database, people: list[str]) -> None:
    with database.reading() as session:
        assert use_of(session, "H36.05", now=NOW, within=PERIOD).issued == 7
        assert use_of(session, "H36.06", now=NOW, within=PERIOD).issued == 0
        with pytest.raises(NotFound):
            use_of(session, "H36.99", now=NOW, within=PERIOD)


def test_who_left_is_listed_as_unused_and_is_no_part_of_the_rates(
    database: Database, people: list[str]
) -> None:
    bring_in(database, [SignIn(people[0], days_ago(100))], now=NOW)
    provide(database, an_official("CB0", "Nguyễn Văn n", nghi_tu=f"{NOW:%d/%m/%Y}"))

    with database.reading() as session:
        assert [one.address for one in unused(session, "H36.05", now=NOW, days=90)] == [people[0]]
        assert use_of(session, "H36.05", now=NOW, within=PERIOD).issued == 6


def test_files_of_last_login_are_read_and_rubbish_is_passed_over(tmp_path: Path) -> None:
    for service, name, content in (
        ("imap", "a@lamdong.gov.vn", "1795300657"),
        ("pop3", "b@lamdong.gov.vn", "1795300000\n"),
        ("lmtp", "c@lamdong.gov.vn", "1795300657"),
        ("imap", "d@lamdong.gov.vn", ""),
        ("imap", "e@lamdong.gov.vn", "9" * 40),
    ):
        (tmp_path / "last-login" / service).mkdir(parents=True, exist_ok=True)
        (tmp_path / "last-login" / service / name).write_text(content)

    assert list(last_logins(tmp_path)) == [
        SignIn("a@lamdong.gov.vn", datetime.fromtimestamp(1795300657, UTC)),
        SignIn("b@lamdong.gov.vn", datetime.fromtimestamp(1795300000, UTC)),
    ]
    with pytest.raises(Invalid):
        list(last_logins(tmp_path / "away"))


def test_what_is_there_and_cannot_be_read_stops_the_feed_with_a_sentence(tmp_path: Path) -> None:
    """As where Dovecot's files are its own; a folder cannot be read as a file by anybody, not even by root."""
    (tmp_path / "last-login" / "imap" / "a@lamdong.gov.vn").mkdir(parents=True)
    with pytest.raises(Invalid, match="last_login cannot be read"):
        list(last_logins(tmp_path))

    (tmp_path / "other" / "last-login").mkdir(parents=True)
    (tmp_path / "other" / "last-login" / "imap").write_text("")
    with pytest.raises(Invalid, match="last_login cannot be read"):
        list(last_logins(tmp_path / "other"))


def test_a_sign_in_at_dovecot_counts_and_a_delivery_and_doveadm_do_not(town: Town) -> None:
    reader, receiver = town.people[40], town.people[41]
    folder = town.stage.facts.places.last_login
    with town.imap(reader):
        pass
    assert until((folder / "last-login" / "imap" / reader).exists, within=30)
    bring_in(town.database, last_logins(folder), now=datetime.now(UTC))
    earlier = town.mailbox(receiver).last_used_at  # other tests sign everybody in, in the same town
    before = datetime.now(UTC).replace(microsecond=0)
    with town.imap(reader):
        pass
    town.arrive(receiver, subject="khong-phai-su-dung")
    assert town.gets(receiver, "khong-phai-su-dung")
    town.stage.dovecot.doveadm("quota", "recalc", "-u", receiver)

    def seen() -> bool:
        bring_in(town.database, last_logins(folder), now=datetime.now(UTC))
        used = town.mailbox(reader).last_used_at
        return used is not None and used >= before

    assert until(seen, within=30)
    assert town.mailbox(reader).last_used_at <= datetime.now(UTC)
    assert town.mailbox(receiver).last_used_at == earlier


def test_the_directory_tells_sign_ins_since_a_moment(town: Town) -> None:
    address, slapd = town.people[42], town.slapd
    with raw(slapd, dn=slapd.config_dn, password=slapd.config_password) as connection:
        connection.modify("olcDatabase={1}mdb,cn=config", {"olcLastBind": [(MODIFY_REPLACE, ["TRUE"])]})
    started = datetime.now(UTC).replace(microsecond=0)
    assert signs_in(slapd, town.dn(address), SECRET)

    def since(moment: datetime | None) -> dict[str, datetime]:
        found = directory_sign_ins(
            slapd.url, dit=slapd.dit, bind_dn=slapd.bind_dn, password=PASSWORD, since=moment
        )
        return {one.who: one.at for one in found}

    account = town.mailbox(address).account_id
    told = since(started)
    assert told[account] >= started
    assert account not in since(datetime.now(UTC) + timedelta(minutes=5))
    assert since(None).keys() >= told.keys()
    bring_in(town.database, [SignIn(account, told[account])], now=datetime.now(UTC))
    with town.database.reading() as session:
        assert (
            session.scalar(select(Mailbox.last_used_at).where(Mailbox.account_id == account)) == told[account]
        )

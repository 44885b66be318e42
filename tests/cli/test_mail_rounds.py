"""`provisioner mail lists`, `timers` and `sizes`: what an operator types, on books and a directory of their own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from provisioner.adapters.ldap import LdapDirectory
from provisioner.db import Database
from provisioner.mailboxes.models import Mailbox
from tests.cli.console import Provisioner, agencies_file, told
from tests.province import addresses, an_official, provide

ALL = "tatca.skhcn@lamdong.gov.vn"


@pytest.fixture
def books(
    provisioner: Provisioner, with_slapd: LdapDirectory, database_url: str, tmp_path: Path
) -> Iterator[Database]:
    """The agencies and 25 officials, in books and directory."""
    provisioner("agencies", "import", agencies_file(tmp_path), "--by", "quantri")
    database = Database(database_url)
    provide(
        database,
        *(an_official(f"CB{n}", f"Nguyễn Văn {'ABCDE'[n % 5]}{'aeiou'[n // 5]}nh") for n in range(25)),
        now=datetime.now(UTC),
    )
    provisioner("work", "--until-idle")
    yield database
    database.close()


def test_lists_are_counted_compared_and_opened(provisioner: Provisioner, books: Database) -> None:
    found = {one["address"]: one for one in told(provisioner("mail", "lists", "--json"))["lists"]}
    checked = provisioner("mail", "lists", "--check")
    provisioner("mail", "lists", "senders", ALL, "anyone", "--by", "binh")
    of_finance = told(provisioner("mail", "lists", "--agency", "H36.06", "--json"))["lists"]

    assert (found[ALL]["members"], found[ALL]["senders"]) == (25, "officials")
    assert "20 lists compared in books and directory, 0 differ" in checked.output
    assert [one["members"] for one in of_finance] == [0, 0, 0]
    with books.transaction() as session:  # as somebody with a database client and no doorbell would
        session.execute(
            update(Mailbox).where(Mailbox.id == 1).values(status="disabled", synced_revision=Mailbox.revision)
        )
    differs = provisioner("mail", "lists", "--check", status=1)
    assert f"{ALL}: differs; lacks 0, has 1 strangers" in differs.output


def test_timers_tell_stop_and_go_on_when_confirmed(provisioner: Provisioner, books: Database) -> None:
    now = datetime.now(UTC)
    with books.transaction() as session:
        session.execute(update(Mailbox).values(last_used_at=now - timedelta(days=400)))
        session.execute(update(Mailbox).where(Mailbox.id == 1).values(last_used_at=now))

    first = told(provisioner("mail", "timers", "run", "--json"))
    due = told(provisioner("mail", "timers", "--json"))
    again = told(provisioner("mail", "timers", "run", "--json"))

    assert (first["told"], first["locked"], first["waits_for"]) == (24, 0, None)
    assert {one["then"] for one in due["due"]} == {"locked"}
    assert len(due["due"]) == 24
    assert again["told"] == 0
    provisioner("mail", "timers", "confirm", "1", status=1)  # nothing is stopped: the notice runs


def test_sizes_are_brought_in_and_the_nearly_full_listed(
    provisioner: Provisioner, books: Database, tmp_path: Path
) -> None:
    address = addresses(books)["CB0"]
    file = tmp_path / "sizes" / address / "quota" / "storage"
    file.parent.mkdir(parents=True)
    file.write_text(str(int(3.9 * 1024**3)))

    found = told(provisioner("mail", "sizes", "--from", tmp_path / "sizes", "--json"))
    again = provisioner("mail", "sizes", "--from", tmp_path / "sizes")
    never = told(provisioner("mail", "usage", "--idle", "0", "--json"))

    assert found["brought_in"]["changed"] == 1
    assert [one["address"] for one in found["nearly_full"]] == [address]
    assert "0 mailboxes changed" in again.output
    assert "97.5%" in again.output
    assert len(never) == 25

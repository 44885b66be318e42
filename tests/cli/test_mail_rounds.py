"""`provisioner mail lists`, `timers` and `sizes`: what an operator types, on books and a directory of their own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from provisioner.adapters.ldap import LdapDirectory
from provisioner.audit import Who
from provisioner.db import Database
from provisioner.mailboxes.lifecycle import delete
from provisioner.mailboxes.models import Mailbox, Status
from tests.cli.console import Provisioner, agencies_file, told
from tests.province import (
    CENTRE,
    DIGITAL,
    FINANCE,
    NAMELESS,
    PROVINCE,
    SCIENCE,
    a_unit,
    addresses,
    an_official,
    provide,
    the_mailbox,
    trail,
)

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
    provisioner("mail", "timers", "confirm", "1")
    confirmed = told(provisioner("mail", "timers", "run", "--json"))
    again = told(provisioner("mail", "timers", "run", "--json"))

    assert (first["told"], first["locked"], first["waits_for"]) == (0, 0, 1)
    assert {one["then"] for one in due["due"]} == {"locked"}
    assert len(due["due"]) == len(due["stops"][0]["lock"]) == 24
    assert (confirmed["told"], confirmed["locked"], confirmed["waits_for"]) == (24, 0, None)
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


def test_the_mailbox_of_a_closed_agency_is_disabled_and_enabled_with_a_reason(
    provisioner: Provisioner, books: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit, now = "skhcn@lamdong.gov.vn", datetime.now(UTC)
    provide(books, a_unit("H36.05"), now=now)
    provisioner("work", "--until-idle")
    closed = [
        row | {"hieu_luc_den": f"{now - timedelta(days=2):%Y-%m-%d}"}
        for row in (SCIENCE, DIGITAL, CENTRE, NAMELESS)
    ]
    provisioner("agencies", "import", agencies_file(tmp_path, PROVINCE, FINANCE, *closed), "--by", "quantri")

    none = provisioner("mail", "disable", unit, "x@lamdong.gov.vn", "--reason", "giải thể", status=1)
    silent = provisioner("mail", "disable", unit, "--reason", " ", status=1)
    assert the_mailbox(books, unit).status is Status.ACTIVE
    done = provisioner("mail", "disable", unit.upper(), "--reason", "giải thể", "--by", "binh")
    again = provisioner("mail", "disable", unit, "--reason", "giải thể", "--by", "binh")

    assert "mailbox-unknown" in none.output
    assert "reason-missing" in silent.output
    assert (done.output, again.output) == ("1 of 1 mailboxes disabled\n", "0 of 1 mailboxes disabled\n")
    held = the_mailbox(books, unit)
    assert (held.status, held.status_reason) == (Status.DISABLED, "giải thể")
    assert [event.actor for event in trail(books, "mailbox.disabled")] == ["binh"]
    provisioner("work", "--until-idle")
    assert provisioner("directory", "check").output.count("0 differences")
    assert provisioner("mail", "enable", unit, "--reason", "nhầm").output == "1 of 1 mailboxes active again\n"
    assert the_mailbox(books, unit).status is Status.ACTIVE
    monkeypatch.setenv("PROVISIONER_TIMERS__DISABLED_DELETED_AFTER", "1")
    ending = provisioner("mail", "disable", unit, "--reason", "giải thể")
    assert "after a notice; archive the agency's records in them before" in ending.output


def test_the_homes_of_mailboxes_deleted_long_ago_are_listed_and_nothing_else(
    provisioner: Provisioner, books: Database
) -> None:
    address, now = addresses(books)["CB0"], datetime.now(UTC)
    account = the_mailbox(books, address).account_id
    with books.transaction() as session:
        delete(
            session,
            [the_mailbox(books, address).id],
            reason="x",
            who=Who("binh"),
            now=now - timedelta(days=90, minutes=1),
        )
    provisioner("work", "--until-idle")

    found = told(provisioner("mail", "purge", "--older-than", 90, "--json"))
    table = provisioner("mail", "purge", "--older-than", 90)

    assert [(one["account_id"], one["address"], one["home"]) for one in found] == [
        (account, address, f"/var/vmail/{account}")
    ]
    assert account in table.output
    assert told(provisioner("mail", "purge", "--older-than", 91, "--json")) == []
    provisioner("mail", "purge", "--older-than", 0, status=2)
    provisioner("mail", "purge", status=2)

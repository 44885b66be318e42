"""The signer's journal: on the disk before anybody hears of a signature, and never changed."""

import hashlib
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from ca.authority import der
from provisioner.certificates import issuing
from provisioner.certificates.issuing import issue
from provisioner.certificates.journal import Journal, Signed
from provisioner.certificates.models import State
from provisioner.db import Database
from provisioner.errors import Conflict, Unavailable
from tests.books import NOW
from tests.ca.world import a_certificate
from tests.certificates.holders import every_certificate, ordered
from tests.province import a_clock, a_desk, journal_of

A_SECOND = timedelta(seconds=1)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal", "mail-g1")


def signed() -> Signed:
    return Signed(der(a_certificate()), "person-mail", "mail", "binh", key_by_owner=False)


def written(journal: Journal, count: int = 1, *, now: datetime = NOW) -> int:
    return journal.append([signed() for _ in range(count)], clock=a_clock(now))


def test_what_was_signed_is_read_again(journal: Journal) -> None:
    one = signed()
    journal.append([one], clock=a_clock(NOW))

    (entry,) = journal.read()

    certificate = x509.load_der_x509_certificate(one.certificate)
    assert entry.serial == f"{certificate.serial_number:x}"
    assert entry.tbs_sha256 == hashlib.sha256(certificate.tbs_certificate_bytes).hexdigest()
    assert entry.signature_sha256 == hashlib.sha256(certificate.signature).hexdigest()
    assert (entry.at, entry.profile, entry.ordered_by) == (NOW, "person-mail", "binh")


def test_lines_are_only_added_and_only_the_signer_may_read_them(journal: Journal, tmp_path: Path) -> None:
    written(journal, 2)
    path = tmp_path / "journal" / "mail-g1.journal"
    before = path.read_bytes()

    size = written(journal, 3, now=NOW + A_SECOND)

    after = path.read_bytes()
    assert after.startswith(before)
    assert len(after) == size == journal.size()
    assert len(list(journal.read())) == 5
    assert len(list(journal.read(len(before)))) == 3
    assert path.stat().st_mode & 0o077 == 0


def test_a_line_is_on_the_disk_before_the_journal_answers(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    write, sync = os.write, os.fsync
    monkeypatch.setattr(os, "write", lambda *given: calls.append("write") or write(*given))
    monkeypatch.setattr(os, "fsync", lambda *given: calls.append("sync") or sync(*given))

    written(journal)

    assert calls[-2:] == ["write", "sync"]


def test_a_torn_line_was_never_answered_for_and_is_dropped(journal: Journal, tmp_path: Path) -> None:
    size = written(journal, 2)
    path = tmp_path / "journal" / "mail-g1.journal"
    with path.open("ab") as file:
        file.write(b'{"serial":"1f')

    assert journal.size() == size
    assert len(list(journal.read())) == 2
    written(journal, now=NOW + A_SECOND)

    assert len(list(journal.read())) == 3
    assert b'"1f{' not in path.read_bytes()


def test_damage_is_told_and_not_stepped_over(journal: Journal, tmp_path: Path) -> None:
    written(journal, 3)
    path = tmp_path / "journal" / "mail-g1.journal"
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"tbs_sha256"', b'"tbs_sha25"', 1))

    with pytest.raises(Conflict) as refused:
        list(journal.read())

    assert refused.value.code == "journal-damaged"
    path.write_bytes(content)
    with pytest.raises(Conflict):
        list(journal.read(10))


def test_a_clock_behind_the_last_line_stops_everything(journal: Journal) -> None:
    written(journal, now=NOW)

    with pytest.raises(Conflict) as refused:
        written(journal, now=NOW - A_SECOND)
    assert refused.value.code == "clock-behind"
    with pytest.raises(Conflict):
        journal.now(a_clock(NOW - A_SECOND))

    assert journal.now(a_clock(NOW)) == NOW
    assert len(list(journal.read())) == 1


def test_a_list_is_kept_whole_in_the_place_of_the_one_before(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert journal.newest_list() is None
    journal.keep_list(b"one")
    journal.keep_list(b"two")
    assert journal.newest_list() == b"two"

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(Unavailable):
            journal.keep_list(b"three")

    assert journal.newest_list() == b"two"
    assert [path.name for path in (tmp_path / "journal").iterdir()] == ["mail-g1.crl"]


def test_a_disk_that_refuses_stops_signing_and_nothing_is_recorded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database)
    desk = a_desk(database)

    def full(*_given: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(Unavailable) as refused:
            issue(database, desk)

    assert refused.value.code == "journal-unusable"
    assert {row.state for row in every_certificate(database)} == {State.RESERVED}
    assert list(desk.journal.read()) == []


def test_every_certificate_has_its_line_before_it_has_its_record(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ordered(database)
    desk = a_desk(database)
    seen: list[tuple[int, set[State]]] = []
    monkeypatch.setattr(
        issuing,
        "failpoint",
        at("issue.journalled", lambda: seen.append((_lines(desk.journal), _states(database)))),
    )

    assert issue(database, desk) == 2

    assert seen == [(2, {State.RESERVED})]
    rows = every_certificate(database)
    assert [(e.serial, e.certificate) for e in desk.journal.read()] == [(r.serial, r.der) for r in rows]


def test_two_journals_of_one_file_write_one_after_the_other(database: Database) -> None:
    one, other = journal_of(database), journal_of(database)

    sizes = [written(j, 2, now=NOW + n * A_SECOND) for n, j in enumerate((one, other, one))]

    assert sizes == sorted(set(sizes))
    assert len(list(other.read())) == 6


def at(place: str, do: Callable[[], None]) -> Callable[[str], None]:
    return lambda name: do() if name == place else None


def _lines(journal: Journal) -> int:
    return len(list(journal.read()))


def _states(database: Database) -> set[State]:
    return {row.state for row in every_certificate(database)}

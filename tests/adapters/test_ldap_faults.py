"""The directory fails in the middle: nothing is lost, nothing is done twice, and no row pays for it.

Crash points C16 to C20: killed, frozen, read-only, full, restarted while we were connected.
"""

import itertools
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from ldap3 import MODIFY_REPLACE

from ldap_schema.files import DATABASE
from provisioner.adapters import ber
from provisioner.adapters.ldap import LdapDirectory
from provisioner.directory.port import Answer, Entry, Outcome, Wish
from provisioner.errors import Unavailable
from provisioner.private.slapd import PrivateSlapd
from tests.entries import a_person
from tests.ldap_server import PASSWORD, SUFFIX, directory_on, empty, raw
from tests.servers import frozen


@pytest.fixture(scope="module")
def module_server(server_folder: Path) -> Iterator[PrivateSlapd]:
    with PrivateSlapd(
        server_folder / "slapd-faults", suffix=SUFFIX, service_password=PASSWORD, durability="none"
    ) as server:
        yield server


@pytest.fixture
def server(module_server: PrivateSlapd) -> PrivateSlapd:
    empty(module_server.start())
    return module_server


@pytest.fixture
def directory(server: PrivateSlapd) -> Iterator[LdapDirectory]:
    with closing(directory_on(server, timeout=2)) as directory:
        yield directory


def outcomes(answers: Sequence[Answer]) -> set[Outcome]:
    return {answer.outcome for answer in answers}


def everyone(directory: LdapDirectory, people: Sequence[Entry]) -> bool:
    """Whether exactly these stand there, each as it should be."""
    return {entry.dn: entry for entry in directory.scan(directory.dit.people)} == {p.dn: p for p in people}


@contextmanager
def configured(server: PrivateSlapd, attribute: str, value: str, back: str) -> Iterator[None]:
    """Change the running server's configuration for a while."""

    def change(to: str) -> None:
        with raw(server, dn=server.config_dn, password=server.config_password) as connection:
            connection.modify(DATABASE, {attribute: [(MODIFY_REPLACE, [to])]})

    change(value)
    try:
        yield
    finally:
        change(back)


def test_a_server_killed_in_the_middle_leaves_rows_waiting_and_putting_again_ends_well(
    server: PrivateSlapd, directory: LdapDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [a_person(server.dit) for _ in range(1500)]
    asked = itertools.count(1)

    def add_or_strike(dn: str, attributes: Mapping[str, Sequence[bytes]]) -> bytes:
        # The pipeline asks for the thousandth only after hundreds were answered, and before it sends the last.
        if next(asked) == 1000:
            server.kill()
        return add(dn, attributes)

    add = ber.add
    monkeypatch.setattr(ber, "add", add_or_strike)
    answers = directory.put([Wish(person) for person in people])
    monkeypatch.undo()

    assert outcomes(answers) == {Outcome.DONE, Outcome.WAIT}
    assert directory.url in next(answer.detail for answer in answers if answer.outcome is Outcome.WAIT)

    server.start()
    done = [person for person, answer in zip(people, answers, strict=True) if answer.outcome is Outcome.DONE]
    assert directory.read([person.dn for person in done]).keys() == {person.dn for person in done}
    assert outcomes(directory.put([Wish(person) for person in people])) == {Outcome.DONE, Outcome.ADOPTED}
    assert everyone(directory, people)


def test_a_server_restarted_in_the_middle_costs_nothing(
    server: PrivateSlapd, directory: LdapDirectory
) -> None:
    people = [a_person(server.dit) for _ in range(50)]
    directory.put([Wish(people[0])])

    server.kill()
    server.start()

    answers = directory.put([Wish(people[0], known=True), *(Wish(person) for person in people[1:])])
    assert outcomes(answers) == {Outcome.DONE}
    server.stop()
    server.start()
    assert everyone(directory, people)
    server.stop()
    server.start()
    assert directory.probe()
    server.stop()
    server.start()
    assert outcomes(directory.remove([(person.dn, person.marker) for person in people])) == {Outcome.DONE}
    assert everyone(directory, [])


def test_a_frozen_server_makes_rows_wait_in_time_and_what_it_did_meanwhile_is_adopted(
    server: PrivateSlapd, directory: LdapDirectory
) -> None:
    people = [a_person(server.dit) for _ in range(200)]
    directory.probe()
    with frozen(server.pid):
        started = time.monotonic()
        answers = directory.put([Wish(person) for person in people])
        with pytest.raises(Unavailable):
            directory.read([people[0].dn])
        waited = time.monotonic() - started

    assert outcomes(answers) == {Outcome.WAIT}
    assert waited < 6
    assert outcomes(directory.put([Wish(person) for person in people])) <= {Outcome.DONE, Outcome.ADOPTED}
    assert everyone(directory, people)


def test_a_frozen_server_cannot_hold_up_a_new_connection(server: PrivateSlapd) -> None:
    with frozen(server.pid):
        started = time.monotonic()
        with closing(directory_on(server, timeout=1)) as directory, pytest.raises(Unavailable):
            directory.probe()
        waited = time.monotonic() - started

    assert waited < 3


def test_a_read_only_server_makes_rows_wait(server: PrivateSlapd, directory: LdapDirectory) -> None:
    known, new = a_person(server.dit), [a_person(server.dit) for _ in range(500)]
    directory.put([Wish(known)])
    changed = a_person(server.dit, known.marker, title="Trưởng phòng")

    with configured(server, "olcReadOnly", "TRUE", "FALSE"):
        answers = directory.put([Wish(changed, known=True), *map(Wish, new)])
        removed = directory.remove([(known.dn, known.marker)])
        with pytest.raises(Unavailable, match="restricted"):
            directory.probe()
        still = directory.read([known.dn])

    assert outcomes(answers) == outcomes(removed) == {Outcome.WAIT}
    assert all("restricted" in answer.detail for answer in answers)
    assert still == {known.dn: known}
    assert outcomes(directory.put([Wish(changed, known=True), *map(Wish, new)])) == {Outcome.DONE}
    assert everyone(directory, [changed, *new])


def test_a_full_database_makes_rows_wait_and_the_probe_sees_it(server_folder: Path) -> None:
    small = PrivateSlapd(
        server_folder / "slapd-small",
        suffix=SUFFIX,
        service_password=PASSWORD,
        durability="none",
        max_bytes=1 << 20,
    )
    people = [a_person(small.dit) for _ in range(1000)]

    with small, closing(directory_on(small)) as directory:
        answers = directory.put([Wish(person) for person in people])
        done = [
            person for person, answer in zip(people, answers, strict=True) if answer.outcome is Outcome.DONE
        ]

        assert outcomes(answers) == {Outcome.DONE, Outcome.WAIT}
        assert len(directory.read([person.dn for person in done])) == len(done)
        # A page that somebody was reading comes free afterwards, so a few more may find room before it is full for good.
        left = [person for person in people if person not in done]
        while Outcome.DONE in outcomes(answers := directory.put([Wish(person) for person in left])):
            left = [
                person
                for person, answer in zip(left, answers, strict=True)
                if answer.outcome is not Outcome.DONE
            ]
        assert outcomes(answers) == {Outcome.WAIT}
        with pytest.raises(Unavailable, match=r"other \(80\)"):
            directory.probe()

    larger = PrivateSlapd(small.folder, suffix=SUFFIX, service_password=PASSWORD, port=small.port)
    with larger, closing(directory_on(larger)) as directory:
        assert outcomes(directory.put([Wish(person) for person in people])) == {Outcome.DONE, Outcome.ADOPTED}
        assert everyone(directory, people)


def test_after_a_server_is_not_ready_nothing_more_is_sent(
    server: PrivateSlapd, directory: LdapDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []
    add = ber.add
    monkeypatch.setattr(ber, "add", lambda dn, attributes: sent.append(dn) or add(dn, attributes))

    with configured(server, "olcReadOnly", "TRUE", "FALSE"):
        directory.put([Wish(a_person(server.dit)) for _ in range(2000)])

    assert len(sent) < 500


def test_a_row_that_is_wrong_costs_the_others_nothing(server: PrivateSlapd, directory: LdapDirectory) -> None:
    number = "068301000123"
    people = [a_person(server.dit) for _ in range(100)]
    wrong = a_person(server.dit, congvuQuota=number + "x")

    answers = directory.put([*map(Wish, people[:50]), Wish(wrong), *map(Wish, people[50:])])

    assert answers.pop(50).outcome is Outcome.REFUSED
    assert outcomes(answers) == {Outcome.DONE}
    assert everyone(directory, people)


def test_workers_that_write_and_remove_the_same_entries_never_mix_two_wishes(server: PrivateSlapd) -> None:
    ids = [secrets.token_hex(16) for _ in range(20)]
    problems: list[Answer] = []

    def work(title: str) -> None:
        with closing(directory_on(server)) as directory:
            for _ in range(5):
                people = [a_person(server.dit, i, title=title, congvuAlias=f"{title}.{i}@a.vn") for i in ids]
                answers = directory.put([Wish(person, known=True) for person in people])
                answers += directory.remove([(person.dn, person.marker) for person in people[::3]])
                problems.extend(a for a in answers if a.outcome not in {Outcome.DONE, Outcome.ADOPTED})

    workers = [threading.Thread(target=work, args=(title,)) for title in ("first", "second")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert {problem.outcome for problem in problems} <= {Outcome.WAIT}
    with closing(directory_on(server)) as directory:
        for found in directory.scan(server.dit.people):
            title = found.attributes["title"][0].decode()
            assert found.attributes["congvuAlias"] == (f"{title}.{found.marker}@a.vn".encode(),)

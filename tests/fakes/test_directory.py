"""The troubles that a test can give the directory in memory."""

import pytest

from ldap_schema.dit import Dit
from provisioner.directory.port import Outcome, Wish
from provisioner.errors import Unavailable
from tests.entries import a_person
from tests.fakes.directory import FakeDirectory

DIT = Dit("dc=lamdong,dc=gov,dc=vn")


def test_it_can_go_away_after_some_writes_and_come_back() -> None:
    directory = FakeDirectory(DIT)
    wishes = [Wish(a_person(DIT)) for _ in range(5)]
    directory.lost_after = 2

    first = [answer.outcome for answer in directory.put(wishes)]
    with pytest.raises(Unavailable):
        directory.probe()
    directory.trouble = ""
    second = [answer.outcome for answer in directory.put(wishes)]

    assert first == [Outcome.DONE] * 2 + [Outcome.WAIT] * 3
    assert second == [Outcome.ADOPTED] * 2 + [Outcome.DONE] * 3
    assert directory.writes == {"add": 5}


def test_while_it_is_in_trouble_nothing_is_read_or_written() -> None:
    directory = FakeDirectory(DIT)
    person = a_person(DIT)
    directory.put([Wish(person)])
    directory.trouble = "read-only"

    assert directory.put([Wish(person)])[0].outcome is Outcome.WAIT
    assert directory.remove([(person.dn, person.marker)])[0].detail == "read-only"
    for reading in (
        lambda: directory.read([person.dn]),
        lambda: list(directory.scan(DIT.people)),
        directory.settle,
    ):
        with pytest.raises(Unavailable, match="read-only"):
            reading()
    assert list(directory.entries) == [person.dn]

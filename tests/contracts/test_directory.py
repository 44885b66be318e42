"""What every directory does, the one in memory and the one on slapd alike."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass

import pytest
from ldap3 import BASE

from ldap_schema.dit import Dit
from ldap_schema.schema import CERTIFICATE, MARKER, OBJECT_CLASS
from provisioner.adapters.ldap import LdapDirectory
from provisioner.directory.port import Attributes, Directory, Entry, Outcome, Wish
from provisioner.private.slapd import PrivateSlapd
from tests.entries import a_certificate, a_person, a_unit, an_agency, as_values
from tests.fakes.directory import FakeDirectory
from tests.ldap_server import SUFFIX, directory_on, raw

FAKE_AND_REAL = pytest.mark.parametrize("world", ["fake", "slapd"], indirect=True)
pytestmark = FAKE_AND_REAL


@dataclass
class World:
    """A directory, and what another program does to and sees of the same entries."""

    directory: Directory
    dit: Dit
    plant: Callable[[str, Attributes], None]
    look: Callable[[str], Attributes]
    another: Callable[[], Directory]
    """The same directory as a second worker has it."""


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "fake":
        fake = FakeDirectory(Dit(SUFFIX))
        yield World(fake, fake.dit, fake.plant, lambda dn: fake.entries[dn], lambda: fake)
        return

    directory: LdapDirectory = request.getfixturevalue("ldap_directory")
    server: PrivateSlapd = request.getfixturevalue("slapd_server")
    with ExitStack() as stack:
        outside = stack.enter_context(raw(server))

        def another() -> Directory:
            return stack.enter_context(closing(directory_on(server)))

        def look(dn: str) -> Attributes:
            _, _, found, _ = outside.search(dn, "(objectClass=*)", BASE, attributes=["*"])
            return {name: tuple(values) for name, values in found[0]["raw_attributes"].items()}

        def plant(dn: str, attributes: Attributes) -> None:
            outside.add(dn, attributes={name: list(values) for name, values in attributes.items()})

        yield World(directory, directory.dit, plant, look, another)


def outcomes(world: World, *wishes: Wish) -> list[Outcome]:
    return [answer.outcome for answer in world.directory.put(wishes)]


def test_an_entry_stands_there_after_it_was_put(world: World) -> None:
    entries = [a_person(world.dit), a_unit(world.dit), an_agency(world.dit)]

    assert outcomes(world, *map(Wish, entries)) == [Outcome.DONE] * 3

    assert world.directory.read([entry.dn for entry in entries]) == {entry.dn: entry for entry in entries}


def test_putting_nothing_answers_nothing(world: World) -> None:
    assert world.directory.put([]) == []
    assert world.directory.remove([]) == []
    assert world.directory.read([]) == {}


def test_an_entry_put_again_is_adopted_and_unchanged(world: World) -> None:
    entry = a_person(world.dit)

    assert outcomes(world, Wish(entry)) == [Outcome.DONE]
    assert outcomes(world, Wish(entry)) == [Outcome.ADOPTED]
    assert outcomes(world, Wish(entry, known=True)) == [Outcome.DONE]

    assert world.directory.read([entry.dn])[entry.dn] == entry


def test_managed_attributes_are_set_exactly_and_go_when_they_are_not_wished(world: World) -> None:
    before = a_person(
        world.dit, congvuAlias=("a@lamdong.gov.vn", "b@lamdong.gov.vn"), telephoneNumber="0263 3822 100"
    )
    after = a_person(
        world.dit, before.marker, congvuAlias=("c@lamdong.gov.vn", "b@lamdong.gov.vn"), cn="Trần Văn Bảo"
    )
    outcomes(world, Wish(before))

    assert outcomes(world, Wish(after, known=True)) == [Outcome.DONE]

    found = world.directory.read([after.dn])[after.dn].attributes
    assert set(found["congvuAlias"]) == {b"b@lamdong.gov.vn", b"c@lamdong.gov.vn"}
    assert found["cn"] == ("Trần Văn Bảo".encode(),)
    assert "telephoneNumber" not in found


def test_adopting_brings_the_entry_to_what_is_wished(world: World) -> None:
    before = a_person(world.dit)
    after = a_person(world.dit, before.marker, congvuStatus="locked")
    outcomes(world, Wish(before))

    assert outcomes(world, Wish(after)) == [Outcome.ADOPTED]

    assert world.directory.read([after.dn])[after.dn] == after


def test_what_is_not_ours_to_set_stays_as_it_is(world: World) -> None:
    entry = a_person(world.dit)
    planted = {**entry.attributes, "description": (b"left by another program",)}
    world.plant(entry.dn, planted)
    changed = a_person(world.dit, entry.marker, title="Trưởng phòng")

    assert outcomes(world, Wish(changed)) == [Outcome.ADOPTED]

    assert world.look(entry.dn)["description"] == (b"left by another program",)
    assert world.look(entry.dn)["title"] == ("Trưởng phòng".encode(),)


def test_an_object_class_that_another_program_added_stays(world: World) -> None:
    entry = a_person(world.dit)
    classes = (*entry.attributes[OBJECT_CLASS], b"labeledURIObject")
    world.plant(entry.dn, {**entry.attributes, OBJECT_CLASS: classes})

    assert outcomes(world, Wish(a_person(world.dit, entry.marker, title="Trưởng phòng"))) == [Outcome.ADOPTED]

    assert set(world.look(entry.dn)[OBJECT_CLASS]) == set(classes)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("marker", [(), ("f" * 32,)], ids=["no marker", "another marker"])
def test_somebody_elses_entry_is_never_touched(world: World, marker: tuple[str, ...], known: bool) -> None:
    entry = a_person(world.dit)
    foreign = as_values({OBJECT_CLASS: "inetOrgPerson", "uid": entry.marker, "cn": "x", "sn": "x"})
    if marker:
        foreign = {**a_person(world.dit, entry.marker).attributes, MARKER: (marker[0].encode(),)}
    world.plant(entry.dn, foreign)

    answer = world.directory.put([Wish(entry, known=known)])[0]

    assert answer.outcome is Outcome.NEEDS_PERSON
    assert answer.detail
    assert {name: set(values) for name, values in world.look(entry.dn).items()} == {
        name: set(values) for name, values in foreign.items()
    }


def test_a_name_in_capitals_is_the_same_name(world: World) -> None:
    entry = a_person(world.dit)
    capitals = entry.dn.replace(entry.marker, entry.marker.upper()).replace("ou=people,", "OU=People,")
    world.plant(
        capitals,
        as_values({OBJECT_CLASS: "inetOrgPerson", "uid": entry.marker.upper(), "cn": "x", "sn": "x"}),
    )

    assert outcomes(world, Wish(entry)) == [Outcome.NEEDS_PERSON]
    assert world.directory.read([entry.dn])[entry.dn].marker == ""


def test_a_known_entry_that_went_away_is_made_again(world: World) -> None:
    entry = a_person(world.dit)

    assert outcomes(world, Wish(entry, known=True)) == [Outcome.DONE]

    assert entry.dn in world.directory.read([entry.dn])


def test_certificates_are_added_and_withdrawn_by_value(world: World) -> None:
    ours, newer, theirs = a_certificate("ours"), a_certificate("newer"), a_certificate("theirs")
    entry = a_person(world.dit)
    world.plant(entry.dn, {**entry.attributes, CERTIFICATE: (theirs, ours)})
    renewed = a_person(world.dit, entry.marker, **{CERTIFICATE: newer})

    first = outcomes(world, Wish(renewed))
    assert set(world.look(entry.dn)[CERTIFICATE]) == {theirs, ours, newer}

    second = outcomes(world, Wish(renewed, known=True, withdraw={CERTIFICATE: (ours,)}))
    assert set(world.look(entry.dn)[CERTIFICATE]) == {theirs, newer}

    again = outcomes(world, Wish(renewed, known=True, withdraw={CERTIFICATE: (ours,)}))
    assert (first, second, again) == ([Outcome.ADOPTED], [Outcome.DONE], [Outcome.DONE])
    assert set(world.look(entry.dn)[CERTIFICATE]) == {theirs, newer}


def test_the_last_certificate_can_be_withdrawn(world: World) -> None:
    entry = a_unit(world.dit, **{CERTIFICATE: a_certificate()})
    outcomes(world, Wish(entry))
    bare = a_unit(world.dit, entry.marker)

    assert outcomes(world, Wish(bare, known=True, withdraw={CERTIFICATE: (a_certificate(),)})) == [
        Outcome.DONE
    ]

    assert CERTIFICATE not in world.look(entry.dn)


@pytest.mark.parametrize(
    "wrong",
    [
        {CERTIFICATE: b"\x30\x01\x00"},
        {"congvuQuota": "0"},
        {"congvuQuota": "4G"},
        {"congvuStatus": "paused"},
        {"mail": ()},
        {"sn": ()},
    ],
    ids=["junk certificate", "no quota", "quota in words", "unknown status", "no address", "no surname"],
)
def test_a_wrong_entry_is_refused_with_the_reason_and_the_others_are_made(
    world: World, wrong: dict[str, str | bytes]
) -> None:
    bad, good = a_person(world.dit, **wrong), a_person(world.dit)

    answers = world.directory.put([Wish(bad), Wish(good)])

    assert [answer.outcome for answer in answers] == [Outcome.REFUSED, Outcome.DONE]
    assert next(iter(wrong)) in answers[0].detail
    assert world.directory.read([bad.dn, good.dn]) == {good.dn: good}


def test_a_wrong_change_is_refused_and_changes_nothing(world: World) -> None:
    entry = a_person(world.dit)
    outcomes(world, Wish(entry))

    assert outcomes(world, Wish(a_person(world.dit, entry.marker, cn="x", congvuQuota="-1"), known=True)) == [
        Outcome.REFUSED
    ]

    assert world.directory.read([entry.dn])[entry.dn] == entry


def test_an_address_that_another_mailbox_has_is_refused(world: World) -> None:
    first = a_person(world.dit, mail="anhnt@lamdong.gov.vn", congvuAlias="anh.nt@lamdong.gov.vn")
    outcomes(world, Wish(first))

    assert outcomes(world, Wish(a_person(world.dit, mail="AnhNT@lamdong.gov.vn"))) == [Outcome.REFUSED]
    assert outcomes(world, Wish(a_unit(world.dit, congvuAlias="anh.nt@lamdong.gov.vn"))) == [Outcome.REFUSED]


def test_an_address_that_somebody_elses_entry_has_is_refused_with_the_reason(world: World) -> None:
    theirs = as_values(
        {OBJECT_CLASS: "inetOrgPerson", "cn": "x", "sn": "x", "mail": "la.test@lamdong.gov.vn"}
    )
    handmade = world.dit.person("5" * 32)
    world.plant(handmade, {**theirs, "uid": (b"5" * 32,)})
    there = a_person(world.dit)
    outcomes(world, Wish(there))

    added, changed = (
        world.directory.put([wish])[0]
        for wish in (
            Wish(a_person(world.dit, mail="La.Test@lamdong.gov.vn")),
            Wish(a_person(world.dit, there.marker, mail="la.test@lamdong.gov.vn"), known=True),
        )
    )

    assert {added.outcome, changed.outcome} == {Outcome.REFUSED}
    assert "another entry" in added.detail
    assert "another entry" in changed.detail
    assert world.look(handmade)["mail"] == (b"la.test@lamdong.gov.vn",)
    assert world.directory.read([there.dn])[there.dn] == there


def test_an_attribute_that_is_not_ours_to_set_is_a_mistake_in_the_program(world: World) -> None:
    with pytest.raises(ValueError, match="description"):
        world.directory.put([Wish(a_person(world.dit, description="x"))])
    with pytest.raises(ValueError, match="userPassword"):
        world.directory.put([Wish(a_person(world.dit, userPassword="x"))])


def test_a_name_outside_the_tree_is_a_mistake_in_the_program(world: World) -> None:
    inside = a_person(world.dit)

    with pytest.raises(ValueError, match="not an entry of this tree"):
        world.directory.put([Wish(Entry("uid=a,ou=people,dc=elsewhere", inside.marker, inside.attributes))])
    with pytest.raises(ValueError, match="not an entry of this tree"):
        world.directory.read(["uid=a+cn=b," + world.dit.people])
    with pytest.raises(ValueError, match="not an entry of this tree"):
        world.directory.remove([(world.dit.people, inside.marker)])


def test_two_wishes_of_one_entry_are_a_mistake_in_the_program(world: World) -> None:
    entry = a_person(world.dit)

    with pytest.raises(ValueError, match="two wishes"):
        world.directory.put([Wish(entry), Wish(entry)])


def test_removing_takes_ours_away_and_leaves_the_others(world: World) -> None:
    ours, foreign, gone = a_person(world.dit), a_person(world.dit), a_person(world.dit)
    outcomes(world, Wish(ours), Wish(foreign))

    removed = [(ours.dn, ours.marker), (foreign.dn, "f" * 32), (gone.dn, gone.marker)]
    answers = world.directory.remove(removed)

    assert [answer.outcome for answer in answers] == [Outcome.DONE, Outcome.NEEDS_PERSON, Outcome.DONE]
    assert world.directory.read([ours.dn, foreign.dn, gone.dn]) == {foreign.dn: foreign}


def test_reading_leaves_out_what_is_not_there(world: World) -> None:
    there, missing = a_person(world.dit), a_person(world.dit)
    outcomes(world, Wish(there))

    assert world.directory.read([missing.dn, there.dn]) == {there.dn: there}


def test_a_scan_finds_all_of_1200_entries_and_marks_the_foreign_ones(world: World) -> None:
    entries = [a_person(world.dit) for _ in range(1199)]
    foreign = a_person(world.dit)
    world.plant(
        foreign.dn, as_values({OBJECT_CLASS: "inetOrgPerson", "uid": foreign.marker, "cn": "x", "sn": "x"})
    )
    elsewhere = a_unit(world.dit)
    answers = outcomes(world, *map(Wish, [*entries, elsewhere]))

    found = {entry.dn: entry for entry in world.directory.scan(world.dit.people)}

    assert set(answers) == {Outcome.DONE}
    assert len(found) == 1200
    assert all(found[entry.dn] == entry for entry in entries)
    assert found[foreign.dn].marker == ""


def test_other_calls_may_come_in_the_middle_of_a_scan(world: World) -> None:
    entries = [a_person(world.dit) for _ in range(600)]
    outcomes(world, *map(Wish, entries))

    seen = set()
    for number, found in enumerate(world.directory.scan(world.dit.people)):
        seen.add(found.dn)
        if number % 200 == 0:
            assert outcomes(world, Wish(a_unit(world.dit))) == [Outcome.DONE]
            assert world.directory.read([found.dn])

    assert seen == {entry.dn for entry in entries}


def test_two_workers_that_put_the_same_entries_both_end_well(world: World) -> None:
    entries = [a_person(world.dit) for _ in range(60)]
    answers: list[list[Outcome]] = []

    def work(directory: Directory, title: str) -> None:
        wishes = [Wish(a_person(world.dit, entry.marker, title=title)) for entry in entries]
        answers.append([answer.outcome for answer in directory.put(wishes)])

    workers = [threading.Thread(target=work, args=(world.another(), f"Worker {n}")) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    assert len(answers) == 2
    assert {outcome for one in answers for outcome in one} <= {Outcome.DONE, Outcome.ADOPTED}
    assert len(world.directory.read([entry.dn for entry in entries])) == 60


def test_a_probe_says_where_and_leaves_nothing(world: World) -> None:
    assert world.directory.probe()
    assert list(world.directory.scan(world.dit.probes)) == []


def test_settling_is_always_allowed(world: World) -> None:
    world.directory.settle()

    assert world.directory.probe()

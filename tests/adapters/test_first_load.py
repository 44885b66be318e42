"""A first load: fast into an empty directory, and never left switched on."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from provisioner.adapters.first_load import SlapdConfiguration, end_first_load, first_load
from provisioner.adapters.ldap import LdapDirectory
from provisioner.directory.port import Outcome, Wish
from provisioner.errors import Conflict, Misconfigured, Unavailable
from provisioner.private.slapd import PrivateSlapd
from provisioner.secret import Secret
from tests.entries import a_person, a_unit
from tests.ldap_server import PASSWORD, SUFFIX, directory_on, empty


@pytest.fixture(scope="module")
def module_server(server_folder: Path) -> Iterator[PrivateSlapd]:
    with PrivateSlapd(server_folder / "slapd-first-load", suffix=SUFFIX, service_password=PASSWORD) as server:
        yield server


@pytest.fixture
def server(module_server: PrivateSlapd) -> PrivateSlapd:
    empty(module_server.start())
    return module_server


@pytest.fixture
def directory(server: PrivateSlapd) -> Iterator[LdapDirectory]:
    with closing(directory_on(server)) as directory:
        yield directory


@pytest.fixture
def configuration(server: PrivateSlapd) -> Iterator[SlapdConfiguration]:
    with closing(SlapdConfiguration(server.url, password=server.config_password)) as configuration:
        yield configuration
        configuration.wait_for_disk(True)


def test_slapd_waits_for_the_disk_only_outside(
    directory: LdapDirectory, configuration: SlapdConfiguration
) -> None:
    people = [a_person(directory.dit) for _ in range(50)]
    assert configuration.waits_for_disk()

    with first_load(directory, configuration) as loading:
        assert not configuration.waits_for_disk()
        assert {answer.outcome for answer in loading.put([Wish(person) for person in people])} == {
            Outcome.DONE
        }
        loading.settle()
        assert not configuration.waits_for_disk()
        assert len(loading.read([person.dn for person in people])) == 50

    assert configuration.waits_for_disk()
    assert len(list(directory.scan(directory.dit.people))) == 50


def test_settling_writes_while_slapd_waits_for_the_disk(
    directory: LdapDirectory, configuration: SlapdConfiguration, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = []

    def probe() -> str:
        waited.append(configuration.waits_for_disk())
        return LdapDirectory.probe(directory)

    with first_load(directory, configuration) as loading:
        monkeypatch.setattr(directory, "probe", probe)
        loading.settle()
        assert waited == [True]

    assert waited == [True, True]


@pytest.mark.parametrize("make", [a_person, a_unit])
def test_a_directory_with_a_mailbox_in_it_is_refused(
    directory: LdapDirectory, configuration: SlapdConfiguration, make: type[a_person]
) -> None:
    directory.put([Wish(make(directory.dit))])

    with pytest.raises(Conflict), first_load(directory, configuration):
        pytest.fail("it began")

    assert configuration.waits_for_disk()


def test_it_is_switched_off_when_the_load_fails(
    directory: LdapDirectory, configuration: SlapdConfiguration
) -> None:
    with pytest.raises(ZeroDivisionError), first_load(directory, configuration):
        raise ZeroDivisionError

    assert configuration.waits_for_disk()


def test_what_a_killed_load_left_switched_off_can_be_switched_on(
    directory: LdapDirectory, configuration: SlapdConfiguration
) -> None:
    configuration.wait_for_disk(False)

    end_first_load(directory, configuration)

    assert configuration.waits_for_disk()


def test_a_server_killed_in_the_middle_keeps_what_was_put_and_waits_for_the_disk_after_its_start(
    server: PrivateSlapd, directory: LdapDirectory, configuration: SlapdConfiguration
) -> None:
    person = a_person(directory.dit)

    def put_and_crash() -> None:
        with first_load(directory, configuration) as loading:
            loading.put([Wish(person)])
            server.kill()

    with pytest.raises(Unavailable):
        put_and_crash()
    server.start()

    assert configuration.waits_for_disk()
    assert directory.read([person.dn]) == {person.dn: person}


def test_only_the_administrator_of_the_configuration_can_switch(
    server: PrivateSlapd, directory: LdapDirectory
) -> None:
    for password in (PASSWORD, Secret(secrets.token_urlsafe())):
        configuration = SlapdConfiguration(server.url, password=password)
        with pytest.raises(Unavailable), first_load(directory, configuration):
            pytest.fail("it began")
    service = SlapdConfiguration(server.url, bind_dn=server.bind_dn, password=PASSWORD)
    with closing(service), pytest.raises(Unavailable), first_load(directory, service):
        pytest.fail("it began")
    with pytest.raises(Misconfigured):
        SlapdConfiguration(server.url, password=Secret(""))

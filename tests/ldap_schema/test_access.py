"""Who may do what on the real server (threat T27: the service account is not the master of the directory)."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from ldap3 import BASE, MODIFY_ADD, MODIFY_REPLACE, NONE, SAFE_SYNC, SUBTREE, Connection, Server
from ldap3.core.exceptions import (
    LDAPInappropriateAuthenticationResult,
    LDAPInsufficientAccessRightsResult,
    LDAPNoSuchObjectResult,
    LDAPOperationResult,
    LDAPStrongerAuthRequiredResult,
)

from provisioner.directory.port import Entry, Wish
from provisioner.private.slapd import PrivateSlapd, salted_sha512
from provisioner.secret import Secret
from tests.entries import a_person, a_unit
from tests.ldap_server import PASSWORD, SUFFIX, directory_on, raw, signs_in

ACTIVATION, MAIL = Secret(secrets.token_urlsafe(16)), Secret(secrets.token_urlsafe(16))
DENIED = (LDAPInsufficientAccessRightsResult, LDAPNoSuchObjectResult)
"""slapd hides what an account may not even know about behind noSuchObject."""


@pytest.fixture(scope="module")
def server(server_folder: Path) -> Iterator[PrivateSlapd]:
    with PrivateSlapd(
        server_folder / "slapd-access",
        suffix=SUFFIX,
        service_password=PASSWORD,
        passwords={"activation": ACTIVATION, "mail": MAIL},
        durability="none",
    ) as server:
        yield server


@pytest.fixture
def person(server: PrivateSlapd) -> Entry:
    person = a_person(server.dit)
    with closing(directory_on(server)) as directory:
        directory.put([Wish(person)])
    return person


@pytest.fixture
def provisioner(server: PrivateSlapd) -> Iterator[Connection]:
    with raw(server) as connection:
        yield connection


def with_password(server: PrivateSlapd, dn: str, password: Secret) -> None:
    """Set it as the activation service does."""
    with raw(server, dn=server.dit.service("activation"), password=ACTIVATION) as connection:
        connection.modify(dn, {"userPassword": [(MODIFY_REPLACE, [salted_sha512(password)])]})


def test_the_service_is_not_the_root_of_the_database(server: PrivateSlapd, provisioner: Connection) -> None:
    assert provisioner.extend.standard.who_am_i() == f"dn:uid=provisioner,ou=services,{SUFFIX}"
    for dn in (f"cn=internal,{SUFFIX}", f"cn=admin,{SUFFIX}"):
        assert not signs_in(server, dn, PASSWORD)


def test_the_service_reads_no_password(server: PrivateSlapd, person: Entry, provisioner: Connection) -> None:
    with_password(server, person.dn, Secret("of her own choosing"))

    _, _, found, _ = provisioner.search(SUFFIX, "(uid=*)", SUBTREE, attributes=["userPassword", "mail"])
    by_dn = {item["dn"]: item["raw_attributes"] for item in found}
    _, _, guessed, _ = provisioner.search(SUFFIX, "(userPassword=*)", SUBTREE)

    assert by_dn[person.dn]["mail"]
    assert not any(attributes.get("userPassword") for attributes in by_dn.values())
    assert guessed == []


def test_the_service_sets_no_password_neither_later_nor_with_the_entry(
    server: PrivateSlapd, person: Entry, provisioner: Connection
) -> None:
    with pytest.raises(LDAPInsufficientAccessRightsResult):
        provisioner.modify(person.dn, {"userPassword": [(MODIFY_ADD, ["x"])]})
    with pytest.raises(LDAPInsufficientAccessRightsResult):
        provisioner.modify(server.dit.service("mail"), {"userPassword": [(MODIFY_REPLACE, ["x"])]})
    other = a_person(server.dit)
    attributes = {name: list(values) for name, values in other.attributes.items()}
    with pytest.raises(LDAPInsufficientAccessRightsResult):
        provisioner.add(other.dn, attributes={**attributes, "userPassword": ["x"]})


def test_the_service_writes_nowhere_but_below_its_branches(
    server: PrivateSlapd, provisioner: Connection
) -> None:
    dit = server.dit
    container = {"objectClass": ["organizationalUnit"]}
    service = {"objectClass": ["congvuService"]}
    for dn, attributes in [
        (f"ou=new,{SUFFIX}", container),
        (dit.service("intruder"), service),
        (f"uid=a,uid=mail,{dit.services}", service),
        ("cn=new,cn=schema,cn=config", {"objectClass": ["olcSchemaConfig"]}),
    ]:
        with pytest.raises(DENIED):
            provisioner.add(dn, attributes=attributes)
    for dn in (SUFFIX, dit.people, dit.services, dit.probes, dit.service("mail"), server.bind_dn):
        with pytest.raises(DENIED):
            provisioner.modify(dn, {"description": [(MODIFY_REPLACE, ["x"])]})
        with pytest.raises((*DENIED, LDAPOperationResult)):
            provisioner.delete(dn)
    for dn in ("cn=config", "olcDatabase={1}mdb,cn=config"):
        with pytest.raises(DENIED):
            provisioner.modify(dn, {"olcReadOnly": [(MODIFY_REPLACE, ["TRUE"])]})
        with pytest.raises(DENIED):
            provisioner.search(dn, "(objectClass=*)", BASE)


def test_an_entry_cannot_be_moved_out_of_its_branch(
    server: PrivateSlapd, person: Entry, provisioner: Connection
) -> None:
    rdn = person.dn.partition(",")[0]

    with pytest.raises(DENIED):
        provisioner.modify_dn(person.dn, rdn, new_superior=server.dit.services)


def test_the_activation_account_sets_passwords_and_sees_none(server: PrivateSlapd, person: Entry) -> None:
    with_password(server, person.dn, Secret("of her own choosing"))

    with raw(server, dn=server.dit.service("activation"), password=ACTIVATION) as connection:
        _, _, found, _ = connection.search(server.dit.people, f"(uid={person.marker})", attributes=["*"])
        with pytest.raises(LDAPInsufficientAccessRightsResult):
            connection.modify(person.dn, {"title": [(MODIFY_REPLACE, ["x"])]})
        with pytest.raises(LDAPInsufficientAccessRightsResult):
            connection.modify(server.bind_dn, {"userPassword": [(MODIFY_REPLACE, ["x"])]})

    assert [item["raw_attributes"] for item in found if item["raw_attributes"]] == []


def test_the_mail_server_reads_mailboxes_and_writes_nothing(server: PrivateSlapd, person: Entry) -> None:
    with raw(server, dn=server.dit.service("mail"), password=MAIL) as connection:
        _, _, found, _ = connection.search(
            SUFFIX, f"(mail={person.marker}@lamdong.gov.vn)", attributes=["congvuQuota", "userPassword"]
        )
        with pytest.raises(LDAPInsufficientAccessRightsResult):
            connection.modify(person.dn, {"congvuQuota": [(MODIFY_REPLACE, ["1"])]})

    assert [item["dn"] for item in found] == [person.dn]
    assert found[0]["raw_attributes"]["congvuQuota"] == [b"4294967296"]
    assert not found[0]["raw_attributes"].get("userPassword")


def test_only_an_active_account_signs_in(server: PrivateSlapd, person: Entry) -> None:
    password = Secret("of her own choosing")
    with_password(server, person.dn, password)
    allowed = {}

    with closing(directory_on(server)) as directory:
        for status in ("active", "locked", "disabled", "deleted", "active"):
            directory.put([Wish(a_person(server.dit, person.marker, congvuStatus=status), known=True)])
            allowed[status] = signs_in(server, person.dn, password)

    assert allowed == {"active": True, "locked": False, "disabled": False, "deleted": False}


def test_an_account_is_born_without_a_way_in(server: PrivateSlapd, person: Entry) -> None:
    assert not any(signs_in(server, person.dn, Secret(guess)) for guess in ("x", person.marker, " "))


def test_people_see_themselves_and_change_nothing(server: PrivateSlapd, person: Entry) -> None:
    """Not the password either: here nobody would ask for the policy or a second factor, nor tell the owner."""
    password, longer = Secret("of her own choosing"), Secret("of her own choosing, longer")
    with_password(server, person.dn, password)
    with closing(directory_on(server)) as directory:
        directory.put([Wish(a_person(server.dit)), Wish(a_unit(server.dit))])

    with raw(server, dn=person.dn, password=password) as connection:
        _, _, found, _ = connection.search(person.dn, "(objectClass=*)", BASE, attributes=["*"])
        for change in ({"congvuQuota": ["99999999999"]}, {"userPassword": [salted_sha512(longer)]}):
            with pytest.raises(LDAPInsufficientAccessRightsResult):
                connection.modify(person.dn, {name: [(MODIFY_REPLACE, new)] for name, new in change.items()})

    assert [item["dn"] for item in found] == [person.dn]
    assert "userPassword" not in found[0]["raw_attributes"]
    assert signs_in(server, person.dn, password)


def test_people_find_each_other_in_the_address_book_and_see_nothing_else(
    server: PrivateSlapd, person: Entry
) -> None:
    password, colleague = Secret("of her own choosing"), a_person(server.dit)
    with_password(server, person.dn, password)
    with closing(directory_on(server)) as directory:
        directory.put([Wish(colleague)])

    with raw(server, dn=person.dn, password=password) as connection:
        wanted = f"(mail={colleague.marker}@lamdong.gov.vn)"
        _, _, found, _ = connection.search(SUFFIX, wanted, SUBTREE, attributes=["*", "+"])
        _, _, all_of_it, _ = connection.search(SUFFIX, "(objectClass=*)", SUBTREE)
        _, _, guessed, _ = connection.search(SUFFIX, "(&(employeeNumber=*)(!(uid=x)))", SUBTREE)
        with pytest.raises(DENIED):
            connection.modify(colleague.dn, {"mail": [(MODIFY_REPLACE, ["x@lamdong.gov.vn"])]})

    assert [item["dn"] for item in found] == [colleague.dn]
    shown = {name for name, values in found[0]["raw_attributes"].items() if values}
    assert {"cn", "mail"} <= shown
    assert shown <= {"objectClass", "cn", "displayName", "sn", "givenName", "title", "o", "mail"}
    assert all(item["dn"].endswith((server.dit.people, server.dit.units)) for item in all_of_it)
    assert {item["dn"] for item in guessed} <= {person.dn}


def test_a_stranger_sees_nothing(server: PrivateSlapd, person: Entry) -> None:
    connection = Connection(
        Server(server.url, get_info=NONE), client_strategy=SAFE_SYNC, raise_exceptions=True
    )
    connection.open()

    for base in (SUFFIX, server.dit.people, person.dn, "cn=config"):
        with pytest.raises(DENIED):
            connection.search(base, "(objectClass=*)", SUBTREE)
    with pytest.raises(LDAPStrongerAuthRequiredResult):
        connection.delete(person.dn)
    with pytest.raises(LDAPInappropriateAuthenticationResult):
        connection.bind()
    connection.strategy.close()

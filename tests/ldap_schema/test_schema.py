"""The schema as slapd holds it, and its list of object identifiers."""

import re
from pathlib import Path

import pytest
from ldap3 import BASE, SUBTREE
from ldap3.core.exceptions import LDAPOperationResult

import ldap_schema
from ldap_schema.dit import Dit
from ldap_schema.files import ldif
from ldap_schema.membership import leaders_of_agency, leaders_of_bloc, own_people, parts
from ldap_schema.schema import NAMED
from provisioner.adapters.ldap import LdapDirectory
from provisioner.directory.port import Outcome, Wish
from provisioner.private.slapd import PrivateSlapd
from tests.entries import a_person, a_unit
from tests.ldap_server import SUFFIX, raw

ARC = "2.25.322707099683271266061861719110746376782"


def test_every_object_identifier_is_listed_once_and_every_listed_one_is_used() -> None:
    text = ldif("congvu", Dit(SUFFIX))
    used = {
        (f".{1 if kind == 'Attribute' else 2}.{number}", name)
        for kind, number, name in re.findall(r"congvu(Attribute|Class):(\d+) NAME '(\w+)'", text)
    }
    listed = (Path(ldap_schema.__file__).parent / "OIDS.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\.\d\.\d+) \| (\w+) \|", listed, re.MULTILINE)

    assert len(used) == 19
    assert len(rows) == len(set(rows)) == len({oid for oid, _ in rows})
    assert set(rows) == used
    assert ARC in listed
    assert ARC in text


def test_slapd_offers_every_attribute_and_class_we_name(slapd_server: PrivateSlapd) -> None:
    wanted = ["attributeTypes", "objectClasses"]
    with raw(slapd_server.start()) as connection:
        _, _, found, _ = connection.search("cn=subschema", "(objectClass=*)", BASE, attributes=wanted)
    definitions = [text for name in wanted for text in found[0]["raw_attributes"][name]]
    known = {name for text in definitions for name in re.findall(rb"'([\w-]+)'", text)}

    assert {name.encode() for name in NAMED} <= known


def test_an_agencys_mailboxes_are_found_with_those_of_all_agencies_below_it(
    slapd_server: PrivateSlapd, ldap_directory: LdapDirectory
) -> None:
    dit = slapd_server.dit
    inside = [
        a_person(dit, congvuWithin=("H36", "H36.12")),
        a_unit(dit, congvuWithin=("H36", "H36.12", "H36.12.3")),
    ]
    outside = a_person(dit, congvuWithin=("H36", "H36.1"))
    assert {a.outcome for a in ldap_directory.put([Wish(e) for e in [*inside, outside]])} == {Outcome.DONE}

    with raw(slapd_server) as connection:
        _, _, found, _ = connection.search(dit.suffix, "(congvuWithin=H36.12)", SUBTREE, attributes=["uid"])

    assert {item["dn"] for item in found} == {entry.dn for entry in inside}


def test_a_unit_needs_no_surname_and_can_have_a_certificate(ldap_directory: LdapDirectory) -> None:
    unit = a_unit(ldap_directory.dit)

    assert "sn" not in unit.attributes
    assert ldap_directory.put([Wish(unit)])[0].outcome is Outcome.DONE


def test_a_quota_is_one_whole_number_of_bytes(
    slapd_server: PrivateSlapd, ldap_directory: LdapDirectory
) -> None:
    person = a_person(slapd_server.dit)
    ldap_directory.put([Wish(person)])

    with raw(slapd_server) as connection:
        for wrong in (["0"], ["-1"], ["1.5"], ["unlimited"], ["1", "2"], []):
            with pytest.raises(LDAPOperationResult):
                connection.modify(person.dn, {"congvuQuota": [("MODIFY_REPLACE", wrong)]})

    assert ldap_directory.read([person.dn])[person.dn] == person


def test_a_list_asks_for_people_who_receive_and_takes_nothing_but_codes() -> None:
    dit = Dit(SUFFIX)

    assert own_people("H36.05", dit) == (
        f"ldap:///{dit.people}?mail?one?(&(congvuAgencyCode=H36.05)(congvuWithin=H36.05)"
        "(congvuKind=personal)(|(congvuStatus=active)(congvuStatus=locked)))"
    )
    assert parts("H36", dit) == f"ldap:///{dit.groups}?congvuPart?one?(congvuPartOf=H36)"
    for wrong in ("H36)(cn=*", "H36*", "", "H36 05", "H36?x"):
        for question in (own_people, leaders_of_agency, leaders_of_bloc, parts):
            with pytest.raises(ValueError, match="not the code"):
                question(wrong, dit)

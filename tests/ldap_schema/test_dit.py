"""The tree: names we make, and names we take for ours."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ldap3.utils.dn import parse_dn

from ldap_schema.dit import Dit, Place

DIT = Dit("dc=lamdong,dc=gov,dc=vn")
IDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=64)


@settings(deadline=None)
@given(IDS)
def test_a_name_we_made_is_parsed_to_where_it_stands(entry_id: str) -> None:
    assert DIT.parse(DIT.person(entry_id)) == Place(DIT.people, entry_id)
    assert DIT.parse(DIT.unit(entry_id)) == Place(DIT.units, entry_id)
    assert DIT.parse(DIT.agency(entry_id)) == Place(DIT.agencies, entry_id)
    assert DIT.parse(DIT.service(entry_id)) == Place(DIT.services, entry_id)
    assert DIT.parse(DIT.probe(entry_id)) == Place(DIT.probes, entry_id)


@settings(deadline=None)
@given(IDS)
def test_a_second_parser_finds_the_same_parts_in_a_name_of_ours(entry_id: str) -> None:
    parts = [(kind, value) for kind, value, _ in parse_dn(DIT.person(entry_id))]

    assert parts == [("uid", entry_id), ("ou", "people"), ("dc", "lamdong"), ("dc", "gov"), ("dc", "vn")]


@settings(deadline=None)
@given(st.text(max_size=70))
def test_an_id_is_small_letters_and_digits_or_no_name_is_made(text: str) -> None:
    plain = 0 < len(text) <= 64 and all(
        character in "abcdefghijklmnopqrstuvwxyz0123456789" for character in text
    )
    for make in (DIT.person, DIT.unit, DIT.agency, DIT.service, DIT.probe):
        if plain:
            assert make(text).startswith(f"uid={text},ou=")
        else:
            with pytest.raises(ValueError, match="id in the directory"):
                make(text)


@pytest.mark.parametrize(
    "entry_id", ["a,ou=agencies", "a\0", "a\n", "a+cn=b", "á", "A", "", "*", "a)(uid=*", "٣"]
)
def test_an_id_that_would_need_escaping_is_refused(entry_id: str) -> None:
    with pytest.raises(ValueError, match="id in the directory"):
        DIT.person(entry_id)


def test_a_name_is_compared_as_the_directory_compares_it() -> None:
    assert DIT.parse("UID=ABC1, OU=People, DC=lamdong,dc=gov ,dc=vn") == Place(DIT.people, "abc1")


@pytest.mark.parametrize(
    "dn",
    [
        "",
        "ou=people,dc=lamdong,dc=gov,dc=vn",
        "cn=a,ou=people,dc=lamdong,dc=gov,dc=vn",
        "uid=a+cn=b,ou=people,dc=lamdong,dc=gov,dc=vn",
        "uid=a\\2c,ou=people,dc=lamdong,dc=gov,dc=vn",
        "uid=a,uid=b,ou=people,dc=lamdong,dc=gov,dc=vn",
        "uid=a,ou=elsewhere,dc=lamdong,dc=gov,dc=vn",
        "uid=a,ou=people,dc=elsewhere",
        "uid=,ou=people,dc=lamdong,dc=gov,dc=vn",
    ],
)
def test_a_name_of_another_shape_is_nobodys(dn: str) -> None:
    assert DIT.parse(dn) is None


@pytest.mark.parametrize("suffix", ["", "lamdong", "dc=", "dc=a b", "dc=a,", "o=gov", 'dc=a"', "dc=A"])
def test_a_suffix_is_a_plain_line_of_dc_parts(suffix: str) -> None:
    with pytest.raises(ValueError, match="suffix"):
        Dit(suffix)

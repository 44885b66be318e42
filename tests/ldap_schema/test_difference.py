"""What must change: nothing more than needed, and enough."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ldap_schema.difference import Change, Operation, changes
from ldap_schema.schema import CERTIFICATE, KEPT, MANAGED, OBJECT_CLASS, SHARED

VALUES = st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), unique=True, max_size=3).map(tuple)
OURS = st.dictionaries(st.sampled_from(sorted(MANAGED | SHARED | KEPT)), VALUES.filter(bool))
FOUND = st.dictionaries(
    st.sampled_from([*sorted(MANAGED | SHARED | KEPT), "description"]), VALUES.filter(bool)
)


def applied(found: dict[str, tuple[bytes, ...]], needed: list[Change]) -> dict[str, tuple[bytes, ...]]:
    """What RFC 4511, 4.6 says the entry is afterwards; an operation that a server would refuse raises."""
    after = dict(found)
    for operation, name, values in needed:
        present = after.get(name, ())
        if operation is Operation.REPLACE:
            after[name] = values
        elif operation is Operation.ADD:
            assert values
            assert not set(values) & set(present)
            after[name] = (*present, *values)
        else:
            assert values
            assert set(values) <= set(present)
            after[name] = tuple(value for value in present if value not in values)
    return {name: values for name, values in after.items() if values}


@settings(deadline=None)
@given(OURS, FOUND, VALUES)
def test_after_the_changes_nothing_more_is_needed(
    wished: dict[str, tuple[bytes, ...]], found: dict[str, tuple[bytes, ...]], gone: tuple[bytes, ...]
) -> None:
    withdraw = {CERTIFICATE: gone}
    after = applied(found, changes(wished, found, withdraw))

    assert changes(wished, after, withdraw) == []
    for name in MANAGED:
        assert set(after.get(name, ())) == set(wished.get(name, ()))
    ours = set(wished.get(CERTIFICATE, ()))
    assert set(after.get(CERTIFICATE, ())) == (set(found.get(CERTIFICATE, ())) - set(gone)) | ours
    assert set(after.get(OBJECT_CLASS, ())) == set(found.get(OBJECT_CLASS, ())) | set(
        wished.get(OBJECT_CLASS, ())
    )
    assert after.get("description") == found.get("description")


def test_the_order_of_values_and_the_case_of_classes_are_no_difference() -> None:
    wished = {"congvuAlias": (b"a", b"b"), OBJECT_CLASS: (b"inetOrgPerson",)}
    found = {"congvuAlias": (b"b", b"a"), OBJECT_CLASS: (b"INETORGPERSON", b"top")}

    assert changes(wished, found) == []


def test_an_address_in_other_letters_is_written_as_it_is_wished() -> None:
    needed = changes({"mail": (b"anhnt@lamdong.gov.vn",)}, {"mail": (b"AnhNT@lamdong.gov.vn",)})

    assert needed == [Change(Operation.REPLACE, "mail", (b"anhnt@lamdong.gov.vn",))]


def test_only_shared_attributes_can_be_withdrawn_by_value() -> None:
    with pytest.raises(ValueError, match="mail"):
        changes({}, {}, {"mail": (b"a@b.vn",)})


def test_a_strange_attribute_is_named() -> None:
    with pytest.raises(ValueError, match="userPassword"):
        changes({"userPassword": (b"x",), "cn": (b"x",)}, {})

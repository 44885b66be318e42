import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import Misconfigured
from provisioner.people.sealing import SealBroken, Sealer
from provisioner.secret import Secret

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
HERE = "people.identity:5f0c"
NUMBER = Secret("068123456789")

before = Sealer({1: OLD}, current=1)
after = Sealer({1: OLD, 2: NEW}, current=2)


@given(st.text())
def test_a_sealed_value_opens_where_it_was_sealed(text):
    sealed = before.seal(Secret(text), context=HERE)

    assert before.unseal(sealed, context=HERE) == Secret(text)
    assert len(sealed) == len(text.encode()) + 29


@given(st.binary())
def test_bytes_are_sealed_as_they_are(content):
    assert before.unseal_bytes(before.seal_bytes(content, context=HERE), context=HERE) == content


def test_a_value_moved_to_another_row_does_not_open():
    sealed = before.seal(NUMBER, context=HERE)

    with pytest.raises(SealBroken) as broken:
        before.unseal(sealed, context="people.identity:0000")

    assert broken.value.code == "seal-broken"
    assert "people.identity:0000" in broken.value.text.en


@given(st.integers(0, 40), st.integers(1, 255))
def test_any_altered_byte_is_noticed(position, difference):
    sealed = bytearray(before.seal(NUMBER, context=HERE))
    sealed[position] ^= difference

    with pytest.raises((SealBroken, Misconfigured)):
        before.unseal(bytes(sealed), context=HERE)


@pytest.mark.parametrize("kept", [0, 1, 28])
def test_a_shortened_value_is_noticed(kept):
    with pytest.raises(SealBroken):
        before.unseal(before.seal(NUMBER, context=HERE)[:kept], context=HERE)


def test_the_key_id_is_sealed_too():
    twins = Sealer({1: OLD, 2: OLD}, current=1)
    sealed = twins.seal(NUMBER, context=HERE)

    with pytest.raises(SealBroken):
        twins.unseal(b"\x02" + sealed[1:], context=HERE)


def test_two_seals_of_one_value_have_nothing_in_common():
    first, second = (before.seal(NUMBER, context=HERE) for _ in range(2))

    assert first[1:13] != second[1:13]
    assert first[13:] != second[13:]


def test_keys_are_rotated_row_by_row_without_a_moment_when_something_does_not_open():
    sealed = before.seal(NUMBER, context=HERE)
    assert not before.needs_resealing(sealed)
    assert after.needs_resealing(sealed)

    again = after.seal(after.unseal(sealed, context=HERE), context=HERE)

    assert not after.needs_resealing(again)
    assert Sealer({2: NEW}, current=2).unseal(again, context=HERE) == NUMBER


def test_a_missing_key_is_a_setting_to_be_put_right():
    with pytest.raises(Misconfigured, match="key 1 is not listed"):
        Sealer({2: NEW}, current=2).unseal(before.seal(NUMBER, context=HERE), context=HERE)


def test_the_index_is_equal_for_equal_numbers():
    assert before.index(NUMBER) == before.index(Secret("068123456789"))
    assert before.index(NUMBER) != before.index(Secret("068123456780"))
    assert len(before.index(NUMBER)) == 64
    assert "068123456789" not in before.index(NUMBER)


def test_an_index_of_an_older_key_is_recognised_and_found():
    assert after.needs_reindexing(before.index(NUMBER))
    assert not after.needs_reindexing(after.index(NUMBER))
    assert after.index(NUMBER)[2:] != before.index(NUMBER)[2:]
    assert after.indexes(NUMBER) == (after.index(NUMBER), before.index(NUMBER))


def test_the_setting_lists_keys_with_the_newest_last():
    sealer = Sealer.from_setting(Secret(f"1:{OLD.hex()}, 2:{NEW.hex().upper()}"))

    assert sealer.current == 2
    assert sealer.unseal(before.seal(NUMBER, context=HERE), context=HERE) == NUMBER
    assert sealer.indexes(NUMBER) == after.indexes(NUMBER)


@pytest.mark.parametrize(
    "setting",
    [
        "",
        "1",
        OLD.hex(),
        f"0:{OLD.hex()}",
        f"256:{OLD.hex()}",
        f"1:{OLD.hex()[:-2]}",
        f"1:{OLD.hex()},",
        f"1:{OLD.hex()},1:{NEW.hex()}",
        f"a:{OLD.hex()}",
    ],
)
def test_a_wrong_setting_is_refused_without_repeating_it(setting):
    with pytest.raises(Misconfigured) as refused:
        Sealer.from_setting(Secret(setting))

    assert "identity.keys" in refused.value.text.vi
    assert OLD.hex()[:16] not in str(refused.value) + refused.value.text.vi


def test_keys_never_show_in_a_repr():
    assert repr(after) == "Sealer(keys=[1, 2], current=2)"


@pytest.mark.parametrize("context", ["", "people", "people.identity", "people.identity:", "People.x:1"])
def test_a_place_must_name_table_column_and_row(context):
    with pytest.raises(ValueError, match=r"table\.column:row"):
        before.seal(NUMBER, context=context)


def test_the_current_key_must_be_listed():
    with pytest.raises(Misconfigured, match="not listed"):
        Sealer({1: OLD}, current=3)

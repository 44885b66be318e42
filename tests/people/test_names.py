import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.errors import Invalid
from provisioner.people.names import NameOrder, NameParts, parse, read_as, readings, sort_key
from provisioner.vietnamese import collation_key

FAMILY_FIRST, GIVEN_FIRST, GIVEN_ONLY = NameOrder.FAMILY_FIRST, NameOrder.GIVEN_FIRST, NameOrder.GIVEN_ONLY


def parts(name):
    parsed = parse(name)
    return parsed.family, parsed.middle, parsed.given


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Nguyễn Anh", ("Nguyễn", "", "Anh")),
        ("Nguyễn Văn Anh", ("Nguyễn", "Văn", "Anh")),
        ("Nguyễn Thị Minh Khai", ("Nguyễn", "Thị Minh", "Khai")),
        ("TRẦN THỊ NGỌC ÁNH", ("TRẦN", "THỊ NGỌC", "ÁNH")),
        ("Hà Văn Nam", ("Hà", "Văn", "Nam")),
        ("Giàng A Páo", ("Giàng", "A", "Páo")),
        ("Thào Thị Mỷ", ("Thào", "Thị", "Mỷ")),
        ("Hồ Văn Rin", ("Hồ", "Văn", "Rin")),
        ("Điểu K'Ré", ("Điểu", "", "K'Ré")),
        ("Nông Thị Y", ("Nông", "Thị", "Y")),
        ("Ma Thị Hoa", ("Ma", "Thị", "Hoa")),
    ],
)
def test_kinh_order_is_family_middle_given(name, expected):
    assert parts(name) == expected
    assert parse(name).order is FAMILY_FIRST
    assert parse(name).confirmed


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Y Blok Êban", ("Êban", "", "Y Blok")),
        ("Y Thanh Hà Niê Kđăm", ("Niê Kđăm", "", "Y Thanh Hà")),
        ("Y Thanh Ha Nie Kdam", ("Nie Kdam", "", "Y Thanh Ha")),
        ("H'Hen Niê", ("Niê", "", "H'Hen")),
        ("H’Blum Buôn Yă", ("Buôn Yă", "", "H’Blum")),
        ("H' Yim Kđoh", ("Kđoh", "", "H' Yim")),
        ("H Lan Mlô Duôn Du", ("Mlô Duôn Du", "", "H Lan")),
        ("Y Nam Ksor", ("Ksor", "", "Y Nam")),
    ],
)
def test_given_name_comes_first_before_a_known_family(name, expected):
    assert parts(name) == expected
    assert parse(name).order is GIVEN_FIRST
    assert parse(name).confirmed


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Ksor Hnao", ("Ksor", "", "Hnao")),
        ("Nay Phin", ("Nay", "", "Phin")),
        ("Rơ Châm Thanh Toan", ("Rơ Châm", "Thanh", "Toan")),
        ("Rơ Châm H' Yéo", ("Rơ Châm", "", "H' Yéo")),
        ("R'Com Hin", ("R'Com", "", "Hin")),
        ("Kra Zan Dik", ("Kra Zan", "", "Dik")),
        ("Cil Múp Ha Kriêng", ("Cil Múp", "", "Ha Kriêng")),
        ("Cil Poh", ("Cil", "", "Poh")),
        ("Touneh Hàn Đăng", ("Touneh", "Hàn", "Đăng")),
        ("Touneh Ma Uyên", ("Touneh", "", "Ma Uyên")),
        ("Ka Sá Ya Loan", ("Ka Sá", "", "Ya Loan")),
    ],
)
def test_highland_families_of_several_words_stand_first(name, expected):
    assert parts(name) == expected
    assert parse(name).order is FAMILY_FIRST
    assert parse(name).confirmed


@pytest.mark.parametrize(
    "name", ["K'Brêu", "K’Brêu", "K' Brêu", "Ka Mai", "Ha Thông", "Ya Loan", "A Hùng", "Y Vêng"]
)
def test_a_particle_and_one_word_are_a_given_name_without_a_family(name):
    parsed = parse(name)

    assert (parsed.family, parsed.middle, parsed.given) == ("", "", name)
    assert parsed.order is GIVEN_ONLY
    assert parsed.confirmed


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Tuấn", ("", "", "Tuấn")),
        ("Y", ("", "", "Y")),
        ("Y Ngọc Hà", ("Hà", "", "Y Ngọc")),
        ("K'Thanh Tuấn", ("", "", "K'Thanh Tuấn")),
        ("A Lê Văn", ("", "", "A Lê Văn")),
        ("Ha Van Nam", ("Ha", "Van", "Nam")),
        ("Niê Thanh Mai", ("Niê", "Thanh", "Mai")),
        ("Công Tằng Tôn Nữ Thị Mai", ("Công", "Tằng Tôn Nữ Thị", "Mai")),
        ("Maria Schmidt", ("Maria", "", "Schmidt")),
        ("Thị Hồng", ("Thị", "", "Hồng")),
    ],
)
def test_a_guess_is_marked_for_a_person_to_confirm(name, expected):
    assert parts(name) == expected
    assert not parse(name).confirmed


def test_the_full_name_stays_as_spelled_but_for_its_unicode_form_and_spaces():
    decomposed = unicodedata.normalize("NFD", "  Nguyễn\u00a0 Thị\u200b  Hoà ")

    assert parse(decomposed).full_name == "Nguyễn Thị Hoà"
    assert parse("H’Hen Niê").full_name == "H’Hen Niê"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "name-empty"),
        (" \u200b ", "name-empty"),
        ("Nguyễn " * 20, "name-too-long"),
        ("Nguyễn Văn Anh 2", "name-has-other-signs"),
        ("Nguyễn Văn Anh (A)", "name-has-other-signs"),
        ("anh@lamdong", "name-has-other-signs"),
        ("Nguyễn_Văn", "name-has-other-signs"),
        ("Nguyễn\x07Văn", "name-has-other-signs"),
        ("-", "name-has-other-signs"),
    ],
)
def test_what_is_no_name_is_refused(name, code):
    with pytest.raises(Invalid) as refused:
        parse(name)

    assert refused.value.code == code
    assert refused.value.text.vi != refused.value.text.en


BY_GIVEN_NAME = [
    "Trần Văn An",
    "Nguyễn Thị Ân",
    "Lê Văn Dũng",
    "Lê Văn Đạt",
    "Bùi Thị Hoa",
    "Nguyễn Hoa",
    "Nguyễn Thị Hoa",
    "NGUYỄN THỊ HOA",
    "Nguyễn Văn Hoa",
    "Nguyễn Văn Hòa",
    "Trần Văn Hoà",
    "An Văn Hóa",
    "Đỗ Văn Hùng",
    "K'Brêu",
    "Ka Mai",
    "Nguyễn Văn Ước",
    "Y Bih Niê",
    "Y Blok Êban",
]


def test_people_are_sorted_by_given_name_then_family_then_middle():
    shuffled = random.Random(7).sample(BY_GIVEN_NAME, len(BY_GIVEN_NAME))

    assert sorted(shuffled, key=lambda name: sort_key(parse(name))) == BY_GIVEN_NAME


words = st.text("aăâbcdđeêghiklmnoôơpqrstuưvxyàảãáạềốứ", min_size=1, max_size=7).map(str.capitalize)
names = st.lists(
    st.one_of(
        words, st.sampled_from(["Y", "H'", "K'", "A", "Ka", "Nguyễn", "Niê", "Kđăm", "Rơ", "Châm", "Thị"])
    ),
    min_size=1,
    max_size=6,
).map(" ".join)


@given(names)
def test_the_parts_together_are_all_the_words_in_their_order(name):
    parsed = parse(name)
    in_order = {
        FAMILY_FIRST: (parsed.family, parsed.middle, parsed.given),
        GIVEN_FIRST: (parsed.given, parsed.family),
        GIVEN_ONLY: (parsed.given,),
    }[parsed.order]

    assert " ".join(filter(None, in_order)) == parsed.full_name
    assert parsed.given


@given(names)
def test_a_decomposed_name_is_the_same_name(name):
    decomposed = parse(unicodedata.normalize("NFD", name))

    assert decomposed == parse(name)
    assert sort_key(decomposed) == sort_key(parse(name))


@given(names, names)
def test_the_sort_key_puts_the_given_name_before_everything_else(one, other):
    first, second = parse(one), parse(other)

    if collation_key(first.given) < collation_key(second.given):
        assert sort_key(first) < sort_key(second)
    assert set(sort_key(first)) <= set("0123456789abcdefghijklmnopqrstuvwxyz")
    assert len(sort_key(first)) <= 4 * len(first.full_name) + 6


def test_the_longest_name_has_a_sort_key_that_fits_its_column():
    assert len(sort_key(parse(" ".join(["Ở"] * 60)))) <= 400


def spread(one):
    return one.family, one.middle, one.given, one.order


def test_a_name_of_two_words_is_read_in_four_ways():
    assert {spread(one) for one in readings("Y-Blok Êban")} == {
        ("Y-Blok", "", "Êban", FAMILY_FIRST),
        ("Êban", "", "Y-Blok", GIVEN_FIRST),
        ("", "Y-Blok", "Êban", GIVEN_ONLY),
        ("", "", "Y-Blok Êban", GIVEN_ONLY),
    }


@pytest.mark.parametrize(
    "name", ["Nguyễn Văn Anh", "Y Thanh Hà Niê Kđăm", "Ka Mai", "Tuấn", "Cil Múp Ha Kriêng"]
)
def test_what_is_read_by_rule_is_one_of_the_ways_to_read_it(name):
    assert spread(parse(name)) in [spread(one) for one in readings(name)]


@pytest.mark.parametrize(
    ("name", "said", "order"),
    [
        ("Y-Blok Êban", ("Êban", "", "Y-Blok"), GIVEN_FIRST),
        ("H'Lan Mlô Dun Du", ("Mlô Dun Du", "", "H'Lan"), GIVEN_FIRST),
        ("Nguyễn Phúc Bảo Long", ("Nguyễn Phúc", "Bảo", "Long"), FAMILY_FIRST),
        ("Công Tằng Tôn Nữ Thị Mai", ("Công Tằng Tôn Nữ", "Thị", "Mai"), FAMILY_FIRST),
        ("Thị Hồng", ("", "Thị", "Hồng"), GIVEN_ONLY),
        ("Maria Anna Schmidt", (" Schmidt", "Anna ", "Maria"), GIVEN_FIRST),
    ],
)
def test_a_name_is_taken_apart_as_a_person_says(name, said, order):
    read = read_as(name, NameParts(*said, confirmed=True))

    assert spread(read) == (*(part.strip() for part in said), order)
    assert (read.full_name, read.confirmed) == (name, True)
    assert not read_as(name, NameParts(*said, confirmed=False)).confirmed


@pytest.mark.parametrize(
    "said",
    [
        ("Êban", "", ""),
        ("Êban", "Y-Blok", ""),
        ("Êban", "", "Y Blok"),
        ("Eban", "", "Y-Blok"),
        ("Êban", "Văn", "Y-Blok"),
        ("", "", ""),
    ],
)
def test_parts_that_are_not_all_words_of_the_name_are_refused(said):
    with pytest.raises(Invalid) as refused:
        read_as("Y-Blok Êban", NameParts(*said, confirmed=True))

    assert refused.value.code == "name-parts-differ"

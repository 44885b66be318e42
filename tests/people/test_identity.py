from datetime import date

import pytest

from provisioner.errors import Invalid
from provisioner.people.identity import Form, IdentityNumber, Sex, provinces


def codes(doubts):
    return [doubt.code for doubt in doubts]


def test_there_are_the_63_provinces_of_before_the_mergers():
    assert len(provinces()) == 63
    assert provinces()["068"] == "Lâm Đồng"
    assert provinces()["096"] == "Cà Mau"
    assert list(provinces()) == sorted(provinces())


@pytest.mark.parametrize(
    "written", ["068090123456", " 068 090 123 456 ", "068.090.123.456", "068-090-123-456"]
)
def test_a_number_is_read_with_the_signs_people_put_in(written):
    number = IdentityNumber.parse(written)

    assert number.number.reveal() == "068090123456"
    assert number.form is Form.PERSONAL
    assert number.birth_year == 1990
    assert number.tail == "3456"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "identity-number-malformed"),
        ("68090123456", "identity-number-malformed"),
        ("0680901234567", "identity-number-malformed"),
        ("06809012345x", "identity-number-malformed"),
        ("０６８０９０１２３４５６", "identity-number-malformed"),
        ("003090123456", "identity-number-unknown-province"),
        ("000090123456", "identity-number-unknown-province"),
    ],
)
def test_what_cannot_be_a_number_is_refused_without_repeating_it(written, code):
    with pytest.raises(Invalid) as refused:
        IdentityNumber.parse(written)

    assert refused.value.code == code
    assert written == "" or written not in refused.value.text.vi + refused.value.text.en


def test_births_registered_abroad_have_codes_beyond_the_provinces():
    assert IdentityNumber.parse("101290123456").birth_year == 2090


def test_pages_show_the_first_and_the_last_three_digits():
    assert IdentityNumber.parse("068090123456").masked == "068******456"


def test_an_old_number_is_recognised_doubted_and_masked_further():
    old = IdentityNumber.parse("250123456")

    assert old.form is Form.OLD
    assert old.masked == "******456"
    assert old.birth_year is None
    assert codes(old.doubts(birth_date=date(1990, 1, 1))) == ["identity-number-old-form"]


def test_a_number_never_prints_itself():
    number = IdentityNumber.parse("068090123456")

    assert "090123" not in f"{number!r} {number}"


@pytest.mark.parametrize(
    ("digits", "born", "sex", "expected"),
    [
        ("068090123456", date(1990, 5, 1), Sex.MALE, []),
        ("068190123456", date(1990, 5, 1), Sex.FEMALE, []),
        ("068205123456", date(2005, 5, 1), Sex.MALE, []),
        ("068305123456", date(2005, 5, 1), None, []),
        ("068090123456", None, None, []),
        ("068090123456", date(1991, 5, 1), Sex.MALE, ["identity-number-birth-year-differs"]),
        ("068290123456", date(1990, 5, 1), None, ["identity-number-birth-year-differs"]),
        ("068090123456", date(1990, 5, 1), Sex.FEMALE, ["identity-number-sex-differs"]),
    ],
)
def test_what_does_not_fit_is_a_doubt_and_no_more(digits, born, sex, expected):
    assert codes(IdentityNumber.parse(digits).doubts(birth_date=born, sex=sex)) == expected

"""The parts of an administrative document, as Decree 30/2020/NĐ-CP writes them."""

from datetime import date

import pytest

from provisioner.errors import Invalid
from provisioner.reports.letterhead import Letterhead, Signature

SIGNATURE = Signature(("GIÁM ĐỐC",), "Trần Văn Bảo")


def a_letterhead(**more):
    facts = {"place": "Lâm Đồng", "day": date(2026, 11, 21), "number": "15/BC-SKHCN", **more}
    return Letterhead(agency="Sở Khoa học và Công nghệ", signature=SIGNATURE, **facts)


@pytest.mark.parametrize(
    ("number", "written"),
    [
        ("15/BC-SKHCN", "15/BC-SKHCN"),
        ("5/BC-SKHCN", "05/BC-SKHCN"),
        ("/BC-UBND", "\u00a0" * 8 + "/BC-UBND"),
        ("120/BC-BQLĐA", "120/BC-BQLĐA"),
    ],
)
def test_a_number_below_ten_has_a_zero_and_a_missing_one_has_room(number, written):
    assert a_letterhead(number=number).written_number == written


@pytest.mark.parametrize("number", ["", "BC-SKHCN", "15", "15/", "15/bc skhcn", "=1+1/BC"])
def test_what_is_no_document_number_is_refused(number):
    with pytest.raises(Invalid):
        a_letterhead(number=number)


@pytest.mark.parametrize(
    ("day", "written"),
    [
        (date(2026, 2, 5), "Lâm Đồng, ngày 05 tháng 02 năm 2026"),
        (date(2026, 3, 15), "Lâm Đồng, ngày 15 tháng 3 năm 2026"),
        (date(2026, 11, 1), "Lâm Đồng, ngày 01 tháng 11 năm 2026"),
    ],
)
def test_days_below_ten_and_the_first_two_months_have_a_zero(day, written):
    assert a_letterhead(day=day).place_and_date == written


@pytest.mark.parametrize(
    "capacity",
    [
        ("GIÁM ĐỐC",),
        ("Q. GIÁM ĐỐC",),
        ("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC"),
        ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"),
    ],
)
def test_people_sign_in_the_forms_of_the_decree(capacity):
    assert Signature(capacity, "A").capacity == capacity


@pytest.mark.parametrize(
    "capacity", [(), ("KT. GIÁM ĐỐC",), ("GIÁM ĐỐC", "PHÓ GIÁM ĐỐC"), ("PHÓ GIÁM ĐỐC", "KT. GIÁM ĐỐC")]
)
def test_whoever_signs_for_another_names_their_own_position_last(capacity):
    with pytest.raises(Invalid):
        Signature(capacity, "A")

"""The five published lines come out as `provisioner coverage` prints them."""

from datetime import timedelta

import pytest

from provisioner.coverage.counting import cover
from provisioner.coverage.reporting import printed
from provisioner.coverage.tallies import Scope
from tests.coverage import provinces

WINDOW = timedelta(days=90)


@pytest.fixture
def lines(database, reference):
    """The lines that are printed of a province and a scope, without the space that sets columns."""

    def printed_lines(books, scope=None, *, language="vi"):
        with database.transaction() as session:
            books.write(session)
        with database.reading() as session:
            coverage = cover(session, scope or Scope(), at=books.at, used_within=WINDOW)
        return [
            " ".join(line.split()) for line in printed(coverage, reference, language=language).splitlines()
        ]

    return printed_lines


def test_vinh_phuc_handed_over_7900_mailboxes_to_all_agencies_cadres_and_civil_servants(lines):
    out = lines(provinces.vinh_phuc(), Scope(categories=frozenset({"can_bo", "cong_chuc"})))

    assert out[1] == "Tính đến 15/12/2016 07:00; toàn tỉnh"
    assert (
        "Hộp thư đã cấp 7.900, gồm 300 của đơn vị và 7.600 của cá nhân; đã bàn giao 7.900, tạm khóa 0, thu hồi 0"
        in out
    )
    assert "Cơ quan, đơn vị có hộp thư 300/300 (100%)" in out
    assert "Cán bộ, công chức có hộp thư 7.600/7.600 (100%)" in out
    assert "Cơ quan có con dấu có chứng thư 35/300 (11,7%)" in out


def test_vinh_phuc_is_not_at_a_hundred_percent_once_public_employees_count(lines):
    out = lines(provinces.vinh_phuc())

    assert "Cán bộ, công chức, viên chức, người lao động có hộp thư 7.600/8.500 (89,4%)" in out


def test_lam_dong_had_6041_accounts(lines):
    out = lines(provinces.lam_dong())

    assert out[1] == "Tính đến 31/10/2017 07:00; toàn tỉnh"
    assert next(line for line in out if line.startswith("Hộp thư đã cấp 6.041, gồm "))


def test_lam_dong_served_all_party_and_state_agencies_of_province_and_district(lines):
    scope = Scope(blocs=frozenset({"dang", "nha_nuoc"}), levels=frozenset({"tinh", "huyen"}))
    out = lines(provinces.lam_dong(), scope)

    assert out[1].endswith("; Khối Đảng, Khối cơ quan nhà nước; Cấp tỉnh, Cấp huyện")
    assert "Cơ quan, đơn vị có hộp thư 50/50 (100%)" in out


def test_lam_dong_rolled_out_to_the_communes_of_so_many_of_its_twelve_districts(lines):
    out = lines(provinces.lam_dong(), Scope(levels=frozenset({"huyen"})))

    assert "Triển khai đến cấp dưới 9/12 (75%) đủ các đơn vị; 10/12 (83,3%) có ít nhất một đơn vị" in out


def test_lao_cai_had_6013_mailboxes_97_percent_and_75_percent_in_use(lines):
    out = lines(provinces.lao_cai())

    assert next(line for line in out if line.startswith("Hộp thư đã cấp 6.013, gồm 213 của đơn vị"))
    assert "Trên tổng số thuộc diện cấp 6.013/6.199 (97%)" in out
    assert (
        "Sử dụng hộp thư (90 ngày qua) 4.350/5.800 (75%) số đã cấp; 4.350/5.986 (72,7%) số thuộc diện cấp"
        in out
    )


def test_binh_dinh_had_372_certificates_of_party_and_mass_organisations_and_all_leaders(lines):
    out = lines(provinces.binh_dinh(), Scope(blocs=frozenset({"dang", "doan_the"})))

    assert "Chứng thư số đã cấp 372, gồm 276 cá nhân và 96 tổ chức; còn hiệu lực 372, thu hồi 0" in out
    assert "Lãnh đạo, quản lý có chứng thư 192/192 (100%)" in out


def test_vinh_yen_uses_all_its_mailboxes_and_its_neighbour_does_not_change_that(lines):
    out = lines(provinces.vinh_yen(), Scope(agency="H62.31"))

    assert out[1].endswith("; H62.31 và các đơn vị trực thuộc")
    assert "Sử dụng hộp thư (90 ngày qua) 300/300 (100%) số đã cấp; 300/300 (100%) số thuộc diện cấp" in out


def test_the_same_lines_exist_in_english(lines):
    out = lines(provinces.lao_cai(), language="en")

    assert "Of all entitled 6,013/6,199 (97%)" in out
    assert (
        "Mailboxes in use (last 90 days) 4,350/5,800 (75%) of those issued; 4,350/5,986 (72.7%) of those entitled"
        in out
    )

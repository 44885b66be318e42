import unicodedata

import pytest

from provisioner.agencies.abbreviations import abbreviation, commune_of, commune_slug, commune_slugs


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Sở Khoa học và Công nghệ", "skhcn"),
        ("Sở Nông nghiệp và Môi trường tỉnh Lâm Đồng", "snnmt"),
        ("SỞ TÀI CHÍNH TỈNH LÂM ĐỒNG", "stc"),
        ("Ủy ban nhân dân tỉnh", "ubnd"),
        ("Văn phòng Đoàn đại biểu Quốc hội và Hội đồng nhân dân tỉnh", "vpddbqhhdnd"),
        ("Ban Quản lý các khu công nghiệp tỉnh", "bqlkcn"),
        ("Ban Tổ chức Tỉnh ủy", "btctu"),
        ("BAN TỔ CHỨC TỈNH ỦY", "btctu"),
        ("Bảo hiểm xã hội tỉnh Lâm Đồng", "bhxh"),
        ("Trường THPT số 2", "tthpts2"),
        ("Ủy ban nhân dân xã Đạ Tẻh", "ubnd.dateh"),
        ("UBND xã Đạ Tẻh, tỉnh Lâm Đồng", "ubnd.dateh"),
        ("Đảng ủy phường Xuân Hương - Đà Lạt", "du.xuanhuongdalat"),
        ("Hội đồng nhân dân xã D’Ran", "hdnd.dran"),
        ("Ủy ban Mặt trận Tổ quốc Việt Nam xã B'Lao", "mttq.blao"),
        ("Ủy ban nhân dân phường 1 Bảo Lộc", "ubnd.phuong1baoloc"),
        ("Ủy ban nhân dân đặc khu Phú Quý", "ubnd.phuquy"),
    ],
)
def test_an_agency_is_abbreviated_by_its_first_letters_and_its_commune(name, short):
    assert abbreviation(name) == short
    assert abbreviation(unicodedata.normalize("NFD", name)) == short


@pytest.mark.parametrize(
    ("name", "inside", "short"),
    [
        ("Phòng Chuyển đổi số", "Sở Khoa học và Công nghệ", "cds"),
        ("Phòng Chuyển đổi số, Sở Khoa học và Công nghệ", "Sở Khoa học và Công nghệ", "cds"),
        ("Văn phòng", "Sở Nội vụ", "vp"),
        ("Văn phòng Sở Nội vụ", "Sở Nội vụ", "vp"),
        ("Phòng Văn hóa - Xã hội xã Đạ Tẻh", "Ủy ban nhân dân xã Đạ Tẻh", "vhxh"),
        (
            "Văn phòng Hội đồng nhân dân và Ủy ban nhân dân xã Đạ Tẻh",
            "Ủy ban nhân dân xã Đạ Tẻh",
            "vphdndubnd",
        ),
        ("Phòng", "Sở Nội vụ", "p"),
    ],
)
def test_a_unit_is_abbreviated_without_the_agency_it_is_part_of(name, inside, short):
    assert abbreviation(name, inside=inside) == short


def test_different_agencies_may_be_abbreviated_alike():
    assert abbreviation("Sở Nội vụ") == abbreviation("Sở Ngoại vụ") == "snv"


@pytest.mark.parametrize(
    ("name", "commune"),
    [
        ("Trạm Y tế xã Đạ Tẻh", "xã Đạ Tẻh"),
        ("Phòng Văn hóa - Xã hội phường 2 Bảo Lộc", "phường 2 Bảo Lộc"),
        ("PHÒNG VĂN HÓA - XÃ HỘI", None),
        ("Ủy ban nhân dân thị trấn Liên Nghĩa, tỉnh Lâm Đồng", "thị trấn Liên Nghĩa"),
        ("Bảo hiểm xã hội tỉnh Lâm Đồng", None),
        ("Sở Tài chính", None),
        ("", None),
    ],
)
def test_the_commune_is_found_in_an_agency_name(name, commune):
    assert commune_of(name) == commune


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Xã Đạ Tẻh", "dateh"),
        ("Đạ Tẻh", "dateh"),
        ("Phường Phú Thủy", "phuthuy"),
        ("Phường Phú Thuỷ", "phuthuy"),
        ("Phường Xuân Hương – Đà Lạt", "xuanhuongdalat"),
        ("Phường 1 Bảo Lộc", "phuong1baoloc"),
        ("Đặc khu Phú Quý", "phuquy"),
    ],
)
def test_a_commune_slug_is_its_name_in_one_word(name, slug):
    assert commune_slug(name) == slug


def test_communes_that_differ_in_marks_only_are_told_apart_by_their_type():
    dong_thap = ["Phường Mỹ Tho", "Xã Mỹ Thọ", "Xã Mỹ Hiệp"]
    thanh_hoa = ["Phường Đông Tiến", "Xã Đồng Tiến"]

    assert commune_slugs(dong_thap) == {
        "Phường Mỹ Tho": "phuongmytho",
        "Xã Mỹ Thọ": "xamytho",
        "Xã Mỹ Hiệp": "myhiep",
    }
    assert list(commune_slugs(thanh_hoa).values()) == ["phuongdongtien", "xadongtien"]


@pytest.mark.parametrize(
    "communes",
    [
        ("Xã Văn Lang", "Xã Văn Lăng"),
        ("Xã Cẩm Giang", "Xã Cẩm Giàng"),
        ("Xã Sơn Hà", "Xã Sơn Hạ"),
        ("Xã Ba Tơ", "Xã Ba Tô"),
        ("Xã Lộc Thành", "Xã Lộc Thạnh"),
        ("Xã Tân Thành", "Xã Tân Thạnh"),
        ("Xã Thanh An", "Xã Thạnh An"),
    ],
)
def test_communes_of_one_type_that_differ_in_marks_only_are_left_to_a_person(communes):
    assert commune_slugs([*communes, "Xã Khác"]) == {"Xã Khác": "khac"}


@pytest.mark.parametrize(
    ("spelt", "otherwise", "slug"),
    [
        ("Phường Phú Thủy", "Phường Phú Thuỷ", "phuthuy"),
        ("phường B'Lao", "phường B’Lao", "blao"),
        ("phường B'Lao", "phường Bʼ Lao", "blao"),
        ("Phường Hàm Thắng", "phường Hàm Thắng", "hamthang"),
    ],
)
def test_a_commune_spelt_otherwise_is_the_same_commune(spelt, otherwise, slug):
    assert commune_slugs([spelt, otherwise]) == {spelt: slug, otherwise: slug}


def test_a_commune_spelt_otherwise_is_still_told_apart_from_another():
    assert commune_slugs(["Phường Hòa Phú", "phường Hoà Phú", "Xã Hóa Phú", "Xã Hoá Phú"]) == {
        "Phường Hòa Phú": "phuonghoaphu",
        "phường Hoà Phú": "phuonghoaphu",
        "Xã Hóa Phú": "xahoaphu",
        "Xã Hoá Phú": "xahoaphu",
    }
    assert commune_slugs(["Xã Sơn Hà", "xã SƠN HÀ", "Xã Sơn Hạ"]) == {}

import pytest

from provisioner.rosters.files.columns import TITLES, Column, find_header, fold, recognise


@pytest.mark.parametrize("column", Column)
def test_every_column_is_known_by_its_code_and_by_its_title(column):
    assert recognise(column.value) is column
    assert recognise(TITLES[column]) is column
    assert recognise(column.value.upper().replace("_", "  ")) is column


@pytest.mark.parametrize(
    ("written", "column"),
    [
        ("Họ và tên", Column.FULL_NAME),
        ("HỌ TÊN (*)", Column.FULL_NAME),
        ("Full Name", Column.FULL_NAME),
        ("CCCD/CMND", Column.NATIONAL_ID),
        ("Số CCCD", Column.NATIONAL_ID),
        ("Chức danh", Column.POSITION),
        ("Hộp thư", Column.ADDRESS),
        ("E-mail", Column.ADDRESS),
        ("Ngày sinh\n(dd/mm/yyyy)", Column.BIRTH_DATE),
        ("Mã đơn vị", Column.AGENCY_CODE),
        ("SĐT", Column.PHONE),
        ("Ðiện thoại", Column.PHONE),  # with the Icelandic letter that looks like Đ
    ],
)
def test_a_header_is_forgiven_its_accents_case_and_brackets(written, column):
    assert recognise(written) is column


@pytest.mark.parametrize("written", ["", "STT", "Địa chỉ", "Cơ quan", "Đơn vị", "Ghi chú", "trang_thai"])
def test_a_header_that_could_mean_something_else_is_not_taken(written):
    assert recognise(written) is None


def test_no_two_columns_share_a_name():
    from provisioner.rosters.files.columns import _ALSO_CALLED

    names = [fold(name) for listed in _ALSO_CALLED.values() for name in listed.split(",")]

    assert len(names) == len(set(names))


def test_the_header_is_found_below_the_titles_of_an_official_list():
    rows = [
        (1, ["UBND TỈNH LÂM ĐỒNG", "", ""]),
        (3, ["DANH SÁCH CẤP HỘP THƯ", "", "Lãnh đạo"]),
        (5, ["STT", "Họ và tên", "Mã cơ quan", "", ""]),
        (6, ["1", "Nguyễn Văn An", "H36.12"]),
    ]

    header = find_header(rows)

    assert header is not None
    assert (header.row, header.cells) == (5, ("STT", "Họ và tên", "Mã cơ quan"))
    assert header.columns == {1: Column.FULL_NAME, 2: Column.AGENCY_CODE}
    assert header.ignored == ("STT",)
    assert header.missing == ()


def test_a_table_without_a_known_name_has_no_header():
    assert find_header([(1, ["một", "hai"]), (2, ["ba", ""])]) is None


def test_a_header_names_the_columns_it_lacks_and_those_it_repeats():
    header = find_header([(1, ["Họ tên", "Số CCCD", "CMND"])])

    assert header is not None
    assert header.missing == (Column.AGENCY_CODE,)
    assert header.repeated == (Column.NATIONAL_ID,)
    assert header.named(Column.NATIONAL_ID) == ("Số CCCD", "CMND")

"""One cell, one value: what is read, what is repaired, what is refused."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.rosters.files.cells.choices import CATEGORIES, Categories, RowKind, row_kind, yes_or_no
from provisioner.rosters.files.cells.codes import agency_code, mail_address, staff_number
from provisioner.rosters.files.cells.dates import birth_date, day, day_gone_by
from provisioner.rosters.files.cells.identity import identity_number, provinces
from provisioner.rosters.files.cells.names import full_name, unit_name
from provisioner.rosters.files.cells.phones import ELEVEN_DIGIT_PREFIXES, phone
from provisioner.rosters.files.cells.quotas import quota_bytes
from provisioner.rosters.files.cells.text import LONGEST_CELL, clean
from provisioner.rosters.files.columns import Column
from provisioner.rosters.files.problems import Notes, Severity, excerpt

TODAY = date(2026, 11, 21)
GB = 1024**3


def read(reader, text, **known):
    """The value, and the codes of what was noted: `!` before one that refuses the row."""
    notes = Notes(2)
    notes.at(Column.POSITION, text)
    value = reader(text, notes, **known)
    return value, [("!" if p.severity is Severity.REFUSED else "") + p.code for p in notes.problems]


@pytest.mark.parametrize(
    ("written", "tidy", "codes"),
    [
        ("An", "An", []),
        ("  An \t Bình\n", "An Bình", []),
        ("Nguye\u0302\u0303n", "Nguyễn", []),
        ("An\xa0Bình", "An Bình", []),
        ("An\u200b", "An", ["invisible-characters-removed"]),
        ("\ufeffAn\x00", "An", ["invisible-characters-removed"]),
        ("'068085001234", "068085001234", []),
        ('="068085001234"', "068085001234", []),
        ("x" * (LONGEST_CELL + 1), "x" * LONGEST_CELL, ["!cell-too-long"]),
    ],
)
def test_text_is_tidied(written, tidy, codes):
    assert read(clean, written) == (tidy, codes)


@given(st.text())
def test_tidying_twice_is_tidying_once_but_for_quotes(text):
    once, _ = read(clean, text.replace("'", "").replace("=", ""))

    assert read(clean, once) == (once, [])


@pytest.mark.parametrize(
    ("written", "name", "codes"),
    [
        ("Nguyễn Thị Ánh", "Nguyễn Thị Ánh", []),
        ("H'Hen Niê", "H'Hen Niê", []),
        ("H’Hen Niê", "H’Hen Niê", []),
        ("Y Blok Êban", "Y Blok Êban", []),
        ("K'Brêu", "K'Brêu", []),
        ("Y", "Y", []),
        ("Nguyễn T. An-Bình", "Nguyễn T. An-Bình", []),
        ("NGUYỄN VĂN ĐỨC", "Nguyễn Văn Đức", ["full-name-recapitalised"]),
        ("nguyễn văn đức", "Nguyễn Văn Đức", ["full-name-recapitalised"]),
        ("H'HEN NIÊ", "H'Hen Niê", ["full-name-recapitalised"]),
        ("K'BRÊU", "K'Brêu", ["full-name-recapitalised"]),
        ("H`Hen", "H'Hen", ["full-name-letters-replaced"]),
        ("Ðặng An", "Đặng An", ["full-name-letters-replaced"]),
        ("NguyÔn ThÞ An", "NguyÔn ThÞ An", ["full-name-unlikely-letters"]),
        ("Nguyễn Văn 2", None, ["!full-name-malformed"]),
        ("an@lamdong.gov.vn", None, ["!full-name-malformed"]),
        ("Nguy?n V?n An", None, ["!full-name-malformed"]),
        ("Иван", None, ["!full-name-malformed"]),
        ("- .", None, ["!full-name-malformed"]),
        ("-Nguyễn Văn An", None, ["!full-name-malformed"]),
        ("’Nguyễn Văn An", None, ["!full-name-malformed"]),
        ("An " * 41, None, ["!full-name-malformed"]),
        ("İ" * 100, None, ["full-name-recapitalised", "!full-name-malformed"]),
    ],
)
def test_full_names(written, name, codes):
    assert read(full_name, written) == (name, codes)


def test_names_from_tcvn3_are_given_their_capitals():
    assert read(full_name, "Nguyễn Thị ánh", recapitalise=True) == (
        "Nguyễn Thị Ánh",
        ["full-name-recapitalised"],
    )


def test_a_unit_may_be_called_what_a_person_may_not():
    assert read(unit_name, "UBND XÃ 2 (BỘ PHẬN MỘT CỬA)") == ("UBND XÃ 2 (BỘ PHẬN MỘT CỬA)", [])
    assert read(unit_name, "123") == (None, ["!unit-name-malformed"])


@pytest.mark.parametrize(
    ("written", "born", "codes"),
    [
        ("05/09/1985", date(1985, 9, 5), []),
        ("5/9/1985", date(1985, 9, 5), []),
        ("05-09-1985", date(1985, 9, 5), []),
        ("05.09.1985", date(1985, 9, 5), []),
        ("1985-09-05", date(1985, 9, 5), []),
        ("1985-09-05 00:00:00", date(1985, 9, 5), []),
        ("ngày 05 tháng 9 năm 1985", date(1985, 9, 5), []),
        ("31295", date(1985, 9, 5), ["birth-date-from-serial"]),
        ("1985", None, ["birth-date-year-only"]),
        ("1985.0", None, ["birth-date-year-only"]),
        ("2100", None, ["!birth-date-malformed"]),
        ("05/09/85", None, ["!birth-date-malformed"]),
        ("31/02/1985", None, ["!birth-date-malformed"]),
        ("12/25/1985", None, ["!birth-date-malformed"]),
        ("0/0/0000", None, ["!birth-date-malformed"]),
        ("không rõ", None, ["!birth-date-malformed"]),
        ("22/11/2026", None, ["!birth-date-in-future"]),
        ("22/11/2011", date(2011, 11, 22), ["birth-date-unlikely"]),
        ("21/11/2011", date(2011, 11, 21), []),
        ("01/01/1920", date(1920, 1, 1), ["birth-date-unlikely"]),
    ],
)
def test_dates_of_birth(written, born, codes):
    assert read(birth_date, written, today=TODAY) == (born, codes)


@pytest.mark.parametrize(
    ("written", "on", "codes"),
    [
        ("21/11/2026", TODAY, []),
        ("46000", date(2025, 12, 9), ["date-from-serial"]),
        ("22/11/2026", None, ["!date-in-future"]),
        ("01/01/2030", None, ["!date-in-future"]),
        ("01/01/0026", None, ["!date-too-early"]),
        ("2026", None, ["!date-malformed"]),
        ("2026.0", None, ["!date-malformed"]),
        ("7000", None, ["date-from-serial", "!date-too-early"]),
    ],
)
def test_what_was_decided_was_decided_on_a_day_gone_by(written, on, codes):
    assert read(day_gone_by, written, today=TODAY) == (on, codes)


def test_other_days_may_be_to_come():
    assert read(day, "01/12/2026") == (date(2026, 12, 1), [])
    assert read(day, "01/12/1026") == (None, ["!date-too-early"])
    assert read(day, "2027") == (None, ["!date-malformed"])


@pytest.mark.parametrize(
    ("written", "digits", "codes"),
    [
        ("068085001234", "068085001234", []),
        ("068 085 001234", "068085001234", []),
        ("068.085.001.234", "068085001234", []),
        ("101085001234", "101085001234", []),  # born abroad
        ("68085001234", "068085001234", ["identity-number-zero-restored"]),
        ("68085001234.0", "068085001234", ["identity-number-zero-restored"]),
        ("1185001234", "001185001234", ["identity-number-zero-restored"]),  # Hà Nội: two zeros
        ("99085001234", None, ["!identity-number-malformed"]),
        ("0912345678", None, ["!identity-number-malformed"]),  # a phone number in the wrong column
        ("250123456", None, ["identity-number-old-form"]),
        ("6.8085E+10", None, ["!identity-number-malformed"]),
        ("68085001234.5", None, ["!identity-number-malformed"]),
        ("0680850012345", None, ["!identity-number-malformed"]),
        ("003085001234", "003085001234", ["identity-number-unknown-province"]),
        ("068086001234", "068086001234", ["identity-number-birth-year-differs"]),
        ("068285001234", "068285001234", ["identity-number-birth-year-differs"]),
    ],
)
def test_identity_numbers(written, digits, codes):
    value, noted = read(identity_number, written, born=date(1985, 9, 5))

    assert noted == codes
    assert (value.reveal() if value else None) == digits


def test_there_are_63_provinces_on_the_cards():
    assert len(provinces()) == 63
    assert {"001", "068", "096"} < provinces()


@given(st.text(alphabet="0123456789 .-E+", max_size=20))
def test_an_identity_number_is_never_repeated_in_a_message(written):
    notes = Notes(2)
    notes.at(Column.NATIONAL_ID, written)
    identity_number(written, notes, born=date(1985, 9, 5))

    digits = "".join(filter(str.isdigit, written))
    for problem in notes.problems:
        assert problem.value is None
        assert len(digits) < 3 or digits not in problem.text.vi + problem.text.en


@pytest.mark.parametrize(
    "value", ["068085001234", "068 085 001 234", "An 068.085.001.234", "x" * 90 + "068085001234"]
)
def test_an_excerpt_covers_long_numbers_wherever_they_stand(value):
    assert "0012" not in excerpt(value)
    assert len(excerpt(value)) <= 60


@pytest.mark.parametrize(
    ("written", "number", "codes"),
    [
        ("0912345678", "0912345678", []),
        ("0912 345 678", "0912345678", []),
        ("0912.345.678", "0912345678", []),
        ("+84 912 345 678", "0912345678", []),
        ("84912345678", "0912345678", []),
        ("+84 (0) 912 345 678", "0912345678", []),
        ("(0263) 3822 345", "02633822345", []),
        ("912345678", "0912345678", ["phone-zero-restored"]),
        ("912345678.0", "0912345678", ["phone-zero-restored"]),
        ("2633822345", "02633822345", ["phone-zero-restored"]),
        ("01682345678", "0382345678", ["phone-prefix-updated"]),
        ("1682345678", "0382345678", ["phone-prefix-updated"]),
        ("0912345678; 0263 3822 345", "0912345678", ["phone-several"]),
        ("0912345678 / 0987654321", "0912345678", ["phone-several"]),
        ("12345", None, ["phone-malformed"]),
        ("không có", None, ["phone-malformed"]),
        ("068085001234", None, ["phone-malformed"]),
    ],
)
def test_phones(written, number, codes):
    assert read(phone, written) == (number, codes)


def test_every_old_mobile_prefix_has_one_new_one():
    assert len(ELEVEN_DIGIT_PREFIXES) == len(set(ELEVEN_DIGIT_PREFIXES.values())) == 21


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("4GB", 4_194_304 * 1024),
        ("4 gb", 4 * GB),
        ("4G", 4 * GB),
        ("4 GiB", 4 * GB),
        ("1,5 GB", 3 * GB // 2),
        ("1.5GB", 3 * GB // 2),
        ("500MB", 500 * 1024**2),
        ("1.500 MB", 1500 * 1024**2),
        ("1TB", 1024 * GB),
    ],
)
def test_quotas_are_read_with_their_unit(written, size):
    assert read(quota_bytes, written) == (size, [])


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("0GB", "!quota-zero"),
        ("-4GB", "!quota-negative"),
        ("không giới hạn", "!quota-unlimited"),
        ("UNLIMITED", "!quota-unlimited"),
        ("4", "!quota-without-unit"),
        ("4194304", "!quota-without-unit"),
        ("4 gà", "!quota-malformed"),
        ("bốn", "!quota-malformed"),
        ("9" * 30 + "GB", "!quota-malformed"),
        ("999999999TB", "!quota-too-large"),
        ("1025 GB", "!quota-too-large"),
        ("5 KB", "!quota-too-small"),
        ("0,01K", "!quota-too-small"),
    ],
)
def test_quotas_that_are_not_clear_refuse_the_row(written, code):
    assert read(quota_bytes, written) == (None, [code])


@pytest.mark.parametrize(
    "written", ["có", "CÓ", "co", "x", "X", "1", "1.0", "yes", "Y", "true", "đúng", "✓", "✔"]
)
def test_yes(written):
    assert read(yes_or_no, written) == (True, [])


@pytest.mark.parametrize("written", ["không", "Khong", "0", "0.0", "no", "N", "false", "sai", "-", "✗"])
def test_no(written):
    assert read(yes_or_no, written) == (False, [])


def test_neither_yes_nor_no_is_refused():
    assert read(yes_or_no, "có thể") == (False, ["!yes-no-unclear"])


def test_row_kinds():
    assert read(row_kind, "Đơn vị") == (RowKind.UNIT, [])
    assert read(row_kind, "ca_nhan") == (RowKind.PERSON, [])
    assert read(row_kind, "xe") == (RowKind.PERSON, ["!row-kind-unknown"])


def test_categories_are_those_of_the_province():
    assert read(Categories(CATEGORIES), "CÔNG CHỨC") == ("cong_chuc", [])
    assert read(Categories(CATEGORIES), "NLĐ") == ("nguoi_lao_dong", [])
    assert read(Categories({"Bán chuyên trách": "ban_chuyen_trach"}), "ban chuyen trach") == (
        "ban_chuyen_trach",
        [],
    )
    assert read(Categories(CATEGORIES), "bác sĩ") == (None, ["category-unknown"])


@pytest.mark.parametrize(
    ("written", "code"), [("h36.12", "H36.12"), (" H36 . 12", "H36.12"), ("000.00.12.H36", "H36.12")]
)
def test_agency_codes_come_in_the_form_of_today(written, code):
    assert read(agency_code, written) == (code, [])


def test_an_identity_number_in_the_column_of_the_agency_is_not_quoted():
    notes = Notes(2)
    notes.at(Column.AGENCY_CODE, "068085001234")

    assert agency_code("068085001234", notes) is None
    assert "068085001234" not in repr(notes.problems)


NOBODYS = {"born": None, "today": TODAY}


@pytest.mark.parametrize(
    ("written", "number", "codes"),
    [
        ("CB-001/2", "CB-001/2", []),
        ("12345.0", "12345", []),
        ("x" * 33, None, ["!staff-number-malformed"]),
        ("=1+1", None, ["!staff-number-malformed"]),
    ],
)
def test_staff_numbers(written, number, codes):
    assert read(staff_number, written, **NOBODYS) == (number, codes)


@pytest.mark.parametrize(
    ("written", "born"),
    [
        ("068085001234", None),
        ("068085001234", date(1985, 9, 5)),
        ("068205001234", date(2005, 9, 5)),
        ("068085001234.0", None),
        ("CB-068185001234", None),
    ],
)
def test_an_identity_number_is_no_staff_number_and_no_address(written, born):
    refused = (None, ["!identity-number-misplaced"])

    assert read(staff_number, written, born=born, today=TODAY) == refused
    if "." not in written:
        assert read(mail_address, f"an.{written}@x.vn", born=born, today=TODAY) == refused


@pytest.mark.parametrize(
    ("written", "born"),
    [
        ("000000012345", None),  # no province
        ("101085001234", None),
        ("202611210001", None),
        ("001000012345", None),  # born in 1900
        ("001420012345", None),  # born in 2120
        ("001215012345", None),  # eleven years old
        ("068085001234", date(1986, 9, 5)),
        ("06808500123", None),
        ("0680850012345", None),
    ],
)
def test_twelve_digits_that_are_no_identity_number_are_a_staff_number(written, born):
    assert read(staff_number, written, born=born, today=TODAY) == (written, [])
    assert read(mail_address, f"{written}@x.vn", born=born, today=TODAY) == (f"{written}@x.vn", [])


@pytest.mark.parametrize(
    ("written", "address"),
    [("AnhNT@LamDong.gov.vn", "anhnt@lamdong.gov.vn"), ("a.b-c_d+e@x.vn", "a.b-c_d+e@x.vn")],
)
def test_addresses_are_lower_case(written, address):
    assert read(mail_address, written, **NOBODYS) == (address, [])


@pytest.mark.parametrize(
    "written",
    [
        "anhnt",
        "anhnt@",
        "@lamdong.gov.vn",
        "anhnt@lamdong",
        "a@b@lamdong.gov.vn",
        "a..b@lamdong.gov.vn",
        ".a@lamdong.gov.vn",
        "ánh@lamdong.gov.vn",
        "a b@lamdong.gov.vn",
        "a@-x.vn",
        "a" * 65 + "@lamdong.gov.vn",
        "a@" + "b" * 64 + ".vn",
        "a@" + "b.c" * 90 + ".vn",
        "mailto:a@x.vn",
    ],
)
def test_what_is_no_address_is_refused(written):
    assert read(mail_address, written, **NOBODYS) == (None, ["!address-malformed"])

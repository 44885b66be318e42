import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.agencies.codes import canonical_code, old_form
from provisioner.errors import Invalid


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("H36.12", "H36.12"),
        ("h36.12", "H36.12"),
        (" H36 . 12\u00a0", "H36.12"),
        ("Ｈ３６.12", "H36.12"),
        ("H36", "H36"),
        ("H36.12.05.001.AB", "H36.12.05.001.AB"),
        ("000.00.12.H36", "H36.12"),
        ("000.00.00.H38", "H38"),
        ("000.00.04.G14", "G14.04"),
        ("001.05.12.H36", "H36.12.05.001"),
        ("001.00.12.H36", "H36.12.00.001"),
        ("H55.242", "H55.242"),
        ("Z01ABC.7", "Z01ABC.7"),
    ],
)
def test_a_code_is_understood_in_either_form(written, code):
    assert canonical_code(written) == code


@pytest.mark.parametrize(
    "written",
    [
        "",
        "12",
        "H3.12",
        "H36.",
        ".H36",
        "H36..12",
        "H36-12",
        "HĐ6.12",
        "Z36",
        "Z00A",
        "H36." + "1" * 32,
        "Z01" + "A" * 33,
        "00.00.12.H36",
        "1.011442.000.00.00.H38",
    ],
)
def test_what_is_no_code_is_refused_in_both_languages(written):
    with pytest.raises(Invalid) as refused:
        canonical_code(written)

    assert refused.value.code == "agency-code-malformed"
    assert "H36.12" in refused.value.text.vi
    assert "H36.12" in refused.value.text.en


def test_the_longest_code_has_35_characters():
    longest = "H36." + "1" * 31

    assert len(longest) == 35
    assert canonical_code(longest) == longest
    assert canonical_code("Z99" + "A" * 32) == "Z99" + "A" * 32


@pytest.mark.parametrize(
    ("code", "old"),
    [
        ("H36.12", "000.00.12.H36"),
        ("H38", "000.00.00.H38"),
        ("H36.12.05.001", "001.05.12.H36"),
        ("H36.12.00.001", "001.00.12.H36"),
        ("H55.242", None),
        ("H36.12.05.001.02", None),
        ("H36.00", None),
        ("Z01ABC", None),
    ],
)
def test_the_old_form_is_given_where_the_code_fits_it(code, old):
    assert old_form(code) == old


group = st.text("ABCXYZ0123456789", min_size=1, max_size=4)
level_1 = st.from_regex(r"[A-Y][0-9]{2}", fullmatch=True)
codes = st.builds(lambda first, below: ".".join([first, *below]), level_1, st.lists(group, max_size=5))
old_codes = st.from_regex(r"[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Y][0-9]{2}", fullmatch=True)


@given(codes)
def test_a_code_of_today_is_its_own_canonical_form_and_survives_the_old_one(code):
    assert canonical_code(code) == code
    old = old_form(code)
    assert old is None or (len(old) == 13 and canonical_code(old) == code)


@given(old_codes)
def test_an_old_code_survives_the_form_of_today(old):
    assert old_form(canonical_code(old)) == old

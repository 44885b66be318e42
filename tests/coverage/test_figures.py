"""Rates are written so that nobody is misled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.coverage.figures import Measure, count, percent, ratio


@pytest.mark.parametrize(
    ("n", "of", "vi", "en"),
    [
        (97, 100, "97%", "97%"),
        (624, 1000, "62,4%", "62.4%"),
        (9, 12, "75%", "75%"),
        (10, 12, "83,3%", "83.3%"),
        (2, 3, "66,7%", "66.7%"),
        (1, 800, "0,1%", "0.1%"),
        (1, 801, "0,1%", "0.1%"),
        (1, 2001, "0%", "0%"),
        (6013, 6199, "97%", "97%"),
        (0, 7, "0%", "0%"),
        (0, 0, "–", "–"),
    ],
)
def test_a_rate_is_rounded_half_up_to_one_decimal_that_is_left_out_when_nought(n, of, vi, en):
    assert percent(Measure(n, of), "vi") == vi
    assert percent(Measure(n, of), "en") == en


def test_half_a_tenth_goes_up():
    assert percent(Measure(1, 2000)) == "0,1%"
    assert percent(Measure(1249, 2000)) == "62,5%"


@pytest.mark.parametrize(("n", "of"), [(9999, 10_000), (199_999, 200_000)])
def test_a_hundred_percent_is_said_only_when_nothing_is_missing(n, of):
    assert percent(Measure(n, of)) == "99,9%"
    assert percent(Measure(of, of)) == "100%"


def test_thousands_are_parted_as_the_language_does():
    assert count(6041) == "6.041"
    assert count(1_234_567, "en") == "1,234,567"
    assert ratio(Measure(6013, 6199)) == "6.013/6.199 (97%)"


@given(st.integers(1, 10**6), st.integers(0, 10**6))
def test_the_rounded_rate_is_never_further_than_half_a_tenth_from_the_true_one(of, n):
    n = min(n, of)
    tenths = Measure(n, of).tenths

    assert abs(tenths * of - 1000 * n) * 2 <= of or (tenths == 999 and n < of)

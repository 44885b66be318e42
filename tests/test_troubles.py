"""Why something came to nothing is told in both languages, also what the directory answers."""

import pytest

from provisioner import troubles
from provisioner.directory.port import Outcome
from provisioner.errors import Conflict, Text


def test_an_error_is_told_as_it_was_said() -> None:
    said = Text(vi="Không có “khóa”.", en="There is no key.")
    columns = troubles.kept(Conflict(said, code="key-away"))

    assert columns["trouble"] == "key-away"
    assert troubles.told(columns["trouble_detail"]) == said


@pytest.mark.parametrize("detail", ["65 characters", "65", '"x"', "[1"])
def test_words_of_an_earlier_version_are_told_as_they_are(detail: str) -> None:
    assert troubles.told(detail) == Text(vi=detail, en=detail)


@pytest.mark.parametrize("outcome", [Outcome.NEEDS_PERSON, Outcome.REFUSED])
def test_what_the_directory_answers_to_a_row_is_told_in_vietnamese_too(outcome: Outcome) -> None:
    sentence = troubles.of_directory(outcome.value, "constraintViolation (19)")

    assert sentence is not None
    assert sentence.vi.endswith("cần người xử lý (constraintViolation (19))")
    assert sentence.en == "constraintViolation (19)"
    assert troubles.of_directory(outcome.value, None) != Text(vi=outcome.value, en=outcome.value)


def test_nothing_is_told_where_nothing_is_wrong() -> None:
    assert troubles.told(None) is None
    assert troubles.of_directory(None, None) is None

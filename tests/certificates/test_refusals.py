"""Why an order came to nothing is kept as a code and what it is about, and told in both languages."""

import pytest

from ca.errors import LintFailure, Unreadable
from ca.errors import Text as CaText
from ca.findings import Finding
from provisioner.certificates.refusals import LONGEST, NOBODY, kept, told
from provisioner.errors import Text


def again(error: LintFailure | Unreadable) -> Text:
    """What is told of this error by what the books keep of it."""
    columns = kept(error)
    assert len(columns["trouble_detail"]) <= LONGEST
    sentence = told(columns["trouble"], columns["trouble_detail"])
    assert sentence is not None
    return sentence


def test_each_finding_is_told_in_both_languages_with_its_value() -> None:
    error = LintFailure(
        (Finding("name.not-printable", "serialNumber", "LĐ900004"), Finding("name.empty", "title"))
    )

    assert kept(error)["trouble"] == "name.not-printable"
    assert again(error) == Text(vi=error.text.vi, en=error.text.en)
    assert "LĐ900004" in again(error).vi
    assert "chữ không dấu" in again(error).vi


def test_of_more_findings_than_there_is_room_for_the_first_are_kept() -> None:
    many = tuple(Finding("name.too-long", "CN", f"{n}" * 300) for n in range(9))

    assert again(LintFailure(many)).en.startswith(many[0].text.en)


def test_an_error_that_is_no_lint_keeps_its_sentences() -> None:
    error = Unreadable("draft.unreadable", CaText(vi="Bản nháp hỏng.", en="The draft is damaged."))

    assert again(error) == Text(vi="Bản nháp hỏng.", en="The draft is damaged.")


def test_sentences_that_have_no_room_are_cut_and_still_told() -> None:
    long = CaText(vi="Hỏng “quá”.\n" * 60, en='Too "long".\n' * 60)

    sentence = again(Unreadable("draft.unreadable", long))

    assert long.vi.startswith(sentence.vi)
    assert long.en.startswith(sentence.en)
    assert min(len(sentence.vi), len(sentence.en)) > 150


def test_one_finding_about_what_cannot_be_written_shortly_is_kept() -> None:
    odd = Finding("name.not-printable", "serialNumber", "\x01" * 121)

    assert again(LintFailure((odd,))).en.startswith(odd.text.en[:40])


@pytest.mark.parametrize("detail", [None, "The owner holds no post."])
def test_a_code_of_ours_is_told_whatever_an_earlier_version_wrote_beside_it(detail: str | None) -> None:
    sentence = told(NOBODY, detail)

    assert sentence is not None
    assert "không có ai" in sentence.vi


@pytest.mark.parametrize("detail", ["65 characters", "65", '"x"'])
def test_what_an_earlier_version_wrote_is_told_as_it_is(detail: str) -> None:
    assert told("name.too-long", detail) == Text(vi=detail, en=detail)


def test_nothing_is_told_without_a_trouble() -> None:
    assert told(None, None) is None

"""The two languages: every message is translated, and the catalogue holds nothing else."""

import re

import pytest

from provisioner.operators.roles import Role
from tests.web.extracting import FILE, WEB, brought_up_to_date, is_translated, template, vietnamese
from tests.web.site import Site


def test_every_message_is_in_the_catalogue_and_nothing_else_is() -> None:
    used = {message.id for message in template() if message.id}
    known = {message.id for message in vietnamese() if message.id}

    assert used == known


def test_every_message_is_translated() -> None:
    assert [message.id for message in vietnamese() if message.id and not is_translated(message)] == []


def test_a_translation_fills_in_the_same_values() -> None:
    def values(text: str) -> set[str]:
        return set(re.findall(r"%\((\w+)\)s", text))

    for message in vietnamese():
        if isinstance(message.id, str) and isinstance(message.string, str):
            assert values(message.id) == values(message.string), message.id


def test_an_extraction_writes_no_moment() -> None:
    before = FILE.read_bytes()

    after = brought_up_to_date(before)

    assert creation_date(after) == creation_date(before)
    assert brought_up_to_date(after) == after


def creation_date(file: bytes) -> bytes:
    return next(line for line in file.splitlines() if line.startswith(b'"POT-Creation-Date'))


def test_templates_say_nothing_that_is_not_a_message() -> None:
    """What is left of a template without its tags, expressions and attributes holds no words."""
    for path in (WEB / "templates").glob("*.html"):
        text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", path.read_text("utf-8"), flags=re.DOTALL)
        text = re.sub(r"<(code|svg|style|script)\b.*?</\1>", " ", text, flags=re.DOTALL)
        text = re.sub(r"<[^>]*>|&\w+;", " ", text)
        words = set(re.findall(r"[^\W\d_]{2,}", text)) - {"English", "Tiếng", "Việt", "html", "doctype"}
        assert words == set(), path.name


@pytest.mark.parametrize(("asked", "language", "title"), [
    ("/coverage", "vi", "Tỷ lệ cấp"),
    ("/coverage?lang=en", "en", "Coverage:"),
    ("/coverage?lang=xx", "vi", "Tỷ lệ cấp"),
])  # fmt: skip
def test_vietnamese_comes_first_and_english_when_asked_for(
    province: Site, asked: str, language: str, title: str
) -> None:
    page = province.signed_in("lan", Role.LEADER).page(asked)

    assert f'<html lang="{language}">' in page
    assert title in page


def test_the_switch_is_remembered(province: Site) -> None:
    browser = province.signed_in("lan", Role.LEADER)

    browser.get("/coverage?lang=en")

    assert '<html lang="en">' in browser.page("/coverage")


@pytest.mark.parametrize(("came_from", "leads_to"), [
    ("http://localhost/operators/new?lang=vi&a=1", "/operators/new?a=1&amp;lang=en"),
    ("http://localhost/operators/1/give", "/?lang=en"),  # a form's address and no page
    ("http://elsewhere.example/operators/new", "/?lang=en"),
])  # fmt: skip
def test_the_switch_of_a_form_that_was_refused_leads_back_to_it_and_says_that_it_empties(
    province: Site, came_from: str, leads_to: str
) -> None:
    browser = province.signed_in("admin", Role.ADMIN)
    assert "làm trống biểu mẫu" not in browser.page("/operators/new")

    answer = browser.client.post(
        "/operators/new",
        data={"form_token": browser.token, "name": "Mới"},
        headers={"Origin": "http://localhost", "Referer": came_from},
    )

    assert answer.status_code == 422
    assert f'<a href="{leads_to}" lang="en"' in answer.text
    assert "làm trống biểu mẫu" in answer.text

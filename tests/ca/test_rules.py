"""The catalogue of rules: every finding has words in both languages, and a source."""

import re
from pathlib import Path

import ca
from ca.findings import RULES, Finding

SOURCES = [
    path.read_text("utf-8")
    for path in Path(ca.__file__).parent.glob("*.py")
    if not path.name.startswith("rules_")
]


def test_every_rule_speaks_both_languages_and_names_its_source():
    for code, rule in RULES.items():
        assert rule.vi.strip(), code
        assert rule.en.strip(), code
        assert rule.vi != rule.en, code
        assert rule.source, code


def test_every_rule_is_used_by_a_lint():
    code_texts = "\n".join(SOURCES)

    assert [code for code in RULES if f'"{code}"' not in code_texts] == []


def test_every_finding_that_a_lint_makes_is_in_the_catalogue():
    made = {code for text in SOURCES for code in re.findall(r'Finding\(\s*"([a-z0-9.-]+)"', text)}

    assert made <= set(RULES)
    assert len(made) > 30


def test_a_finding_quotes_hostile_values_harmlessly():
    finding = Finding("name.spaces", "O", "a\x1b[31m\u202e" + "x" * 500)

    assert "\x1b" not in finding.text.en
    assert "\u202e" not in finding.text.vi
    assert len(finding.text.en) < 250


def test_a_finding_knows_where_its_rule_comes_from():
    assert Finding("serial.too-short").source == "SBR 7.1"

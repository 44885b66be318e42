"""The trail and histories in words: whatever the code records has a name, and days and ids are said as people say them."""

import ast
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import select

from provisioner.agencies.importing import HEAD_COUNTS
from provisioner.agencies.models import Agency
from provisioner.audit import AuditEvent, Change, Who, record
from provisioner.certificates.foreign_life import Step, note
from provisioner.certificates.models import Match
from provisioner.certificates.recovering import Recovered
from provisioner.days import day_of
from provisioner.operators.roles import Role
from provisioner.rosters.facts import RowFacts
from provisioner.web import trail_words
from tests.certificates.test_foreign import CLERK, found, imported, rows
from tests.fakes.directory import FakeDirectory
from tests.province import DIT, an_official, issued, provide, synced, the_mailbox, the_person
from tests.web.site import Site

PRODUCT = Path(trail_words.__file__).parents[1]

OF_MODELS = {
    *(name for name in RowFacts.__dataclass_fields__ if name not in trail_words.LEFT_OUT),
    *(set(Agency.__table__.columns.keys()) & {"abbreviation", "bloc", "code", "code_since", "contact_email"}),
    *("contact_name", "contact_phone", "kind", "legal_personality", "level", "name", "parent_id", "seal"),
    *("short_name", "since", "unit_mailbox", "until"),
    *("identity_number", "mailbox", "status"),  # of `rosters.facts.differences`
    *("family", "middle", "given", "name_confirmed"),  # of `mailboxes.owners.settle_names`
    *Recovered.__dataclass_fields__,
    *Match,
}
"""Fields whose names no literal of the code holds."""


def recording() -> Iterator[tuple[Path, ast.Module, ast.FunctionDef, ast.Call]]:
    """Every place that writes down a change: its file, the function around it and the call."""
    for path in sorted(PRODUCT.rglob("*.py")):
        text = path.read_text("utf-8")
        if "import" in text and "Change(" in text and "provisioner.audit" in text:
            tree = ast.parse(text)
            for around in ast.walk(tree):
                if isinstance(around, ast.FunctionDef):
                    for call in ast.walk(around):
                        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Change":
                            yield path, tree, around, call


def recorded_actions() -> set[str]:
    """Said where they are recorded or, where a name stands for several, elsewhere in the file."""
    actions = {f"{thing}.{deed}" for thing in ("person", "unit") for deed in ("created", "changed")}
    actions.add("person.left")
    for _path, tree, _around, call in recording():
        action, subject, *_rest = call.args
        if isinstance(action, ast.Constant):
            actions.add(action.value)
        elif isinstance(subject, ast.Constant):
            form = re.compile(rf"{subject.value}\.[a-z]+(-[a-z]+)*")
            actions |= {
                node.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and form.fullmatch(node.value)
            }
    return actions


def recorded_fields() -> set[str]:
    """The keys of what is said to be before and after, also where it was put into a variable first."""
    fields: set[str] = set()
    for _path, _tree, around, call in recording():
        said = [keyword.value for keyword in call.keywords if keyword.arg in ("before", "after")]
        names = {node.id for one in said for node in ast.walk(one) if isinstance(node, ast.Name)}
        for node in ast.walk(around):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign) and any(
                isinstance(target, ast.Name) and target.id in names for target in targets
            ):
                said.append(node.value)
        fields |= {
            key.value
            for one in said
            for node in ast.walk(one)
            if isinstance(node, ast.Dict)
            for key in node.keys
            if isinstance(key, ast.Constant)
        }
    return fields


def test_every_action_that_is_recorded_has_a_name_and_nothing_else_has(site: Site) -> None:
    actions = recorded_actions()
    assert {"person.identity-read", "mailbox.locked", "operator.role-taken", "request.returned"} <= actions

    with site.app.test_request_context("/?lang=en"):
        named = trail_words.deeds()
        things = {action.partition(".")[0] for action in actions}

        assert actions - named.keys() == set()
        assert named.keys() - actions == set()
        assert things - trail_words.things().keys() == set()


def test_every_kind_of_thing_that_is_recorded_has_a_name(site: Site) -> None:
    subjects = {call.args[1].value for *_where, call in recording() if isinstance(call.args[1], ast.Constant)}

    with site.app.test_request_context("/?lang=en"):
        assert subjects - trail_words.things().keys() == set()


def test_every_field_that_is_recorded_has_a_name(site: Site) -> None:
    fields = recorded_fields()
    assert {"serial", "ordered_by", "counts", "role", "delta_from"} <= fields

    with site.app.test_request_context("/?lang=en"):
        known = trail_words.fields().keys() | {name.rpartition(".")[2] for name in trail_words.fields()}

    assert (fields | OF_MODELS) - trail_words.LEFT_OUT - known == set()


@pytest.fixture
def filled(province: Site) -> Site:
    """Somebody came, changed the agency and left; everything in the directory and signed."""
    rows = (
        an_official("CB80", "Đặng Thị Hòa", chung_thu="x", ngay_sinh="01/02/1990"),
        an_official("CB80", "Đặng Thị Hòa", ma_co_quan="H36.06", lanh_dao="x", chung_thu="x"),
        an_official("CB80", "Đặng Thị Hòa", ma_co_quan="H36.06", nghi_tu="21/11/2026", quyet_dinh="7/QĐ"),
    )
    for row in rows:
        provide(province.database, row, now=province.now)
    synced(province.database, FakeDirectory(DIT), now=province.now)
    issued(province.database, now=province.now)
    return province


def words_of(page: str) -> str:
    main = page.partition("<main")[2].partition("</main>")[0]
    main = re.sub(r"<form\b.*?</form>", " ", main, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


@pytest.mark.parametrize("language", ["vi", "en"])
def test_whatever_the_trail_of_a_province_holds_is_said_in_words(filled: Site, language: str) -> None:
    with filled.database.reading() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
    codes = {event.action for event in events}
    codes |= {name for event in events for values in (event.before, event.after) for name in values or {}}
    codes = {code for code in codes if re.search(r"[._]", code)} - {HEAD_COUNTS}
    assert len(codes) > 8

    shown = words_of(filled.signed_in("kim", Role.AUDITOR).page(f"/audit?lang={language}"))

    assert [code for code in sorted(codes) if code in shown] == []
    assert not re.search(r"\b(None|True|False)\b|\{'", shown)
    assert not re.search(r"\d{4}-\d{2}-\d{2}", shown)


@pytest.mark.parametrize(
    ("language", "changes"),
    [
        (
            "vi",
            (
                "Cơ quan, đơn vị: H36.05 Sở Khoa học và Công nghệ → H36.06 Sở Tài chính",
                "Lãnh đạo: không → có",
                "Hộp thư: Đang hoạt động → Tạm khóa",
                "Nghỉ từ ngày: 21/11/2026",
                "Ngày sinh: 01/02/1990",
                "Loại: Hộp thư cá nhân",
            ),
        ),
        (
            "en",
            (
                "Agency: H36.05 Sở Khoa học và Công nghệ → H36.06 Sở Tài chính",
                "Leading position: no → yes",
                "Mailbox: Active → Locked",
                "Leaves on: 21 Nov 2026",
                "Date of birth: 1 Feb 1990",
                "Kind: Mailbox of a person",
            ),
        ),
    ],
)
def test_a_history_says_what_became_of_what(filled: Site, language: str, changes: tuple[str, ...]) -> None:
    person = the_person(filled.database, "CB80")

    shown = words_of(filled.signed_in("lan", Role.ADMIN).page(f"/people/{person.id}?lang={language}"))
    history = shown.rpartition("Lịch sử" if language == "vi" else "History")[2]

    for change in changes:
        assert change in history, (change, history)
    assert str(the_mailbox(filled.database, "hoadt@lamdong.gov.vn").id) not in re.findall(
        r": (\d+) ", history
    )


def test_a_trail_is_of_an_action_chosen_from_a_list_and_of_some_days(filled: Site) -> None:
    browser = filled.signed_in("kim", Role.AUDITOR)

    page = browser.page("/audit?action=roster.approved")

    assert '<option value="roster.approved" selected>Danh sách: Đã phê duyệt</option>' in page
    assert '<option value="mailbox.locked">Hộp thư: Tạm khóa</option>' in page
    assert "Tìm thấy: 0<" not in page
    for days, is_there in (
        ("from=2026-11-21&until=2026-11-21", True),
        ("until=21/11/2026", True),
        ("from=2026-11-22", False),
        ("until=2026-11-20", False),
        ("from=9999-12-31&until=0001-01-01", True),
    ):
        shown = browser.page(f"/audit?action=roster.approved&{days}")
        assert ("Tìm thấy: 0<" not in shown) is is_there, days


def test_the_trail_names_whose_a_certificate_and_a_mailbox_are(filled: Site) -> None:
    browser = filled.signed_in("kim", Role.AUDITOR)
    account = the_mailbox(filled.database, "anhnt@lamdong.gov.vn").account_id
    ordered = Change("certificate.ordered", "mailbox", account, after={"purpose": "document"})
    with filled.database.transaction() as session:
        record(session, Who("an"), [ordered], now=filled.now)

    assert "Chứng thư anhnt@lamdong.gov.vn" in words_of(browser.page("/audit?action=certificate.issued"))
    shown = words_of(browser.page("/audit?action=certificate.ordered"))
    assert "Hộp thư anhnt@lamdong.gov.vn Mục đích: Văn bản" in shown


def test_what_the_key_of_a_foreign_certificate_is_on_is_said_in_words(filled: Site) -> None:
    imported(filled.database, found())
    (row,) = rows(filled.database)
    with filled.database.transaction() as session:
        note(
            session,
            row.id,
            Step.DELIVERED,
            on=day_of(filled.now),
            who=CLERK,
            now=filled.now,
            device="central",
        )

    assert "Ký số tập trung" in filled.signed_in("lan", Role.ADMIN).page("/audit?action=foreign.step")

"""The authorization matrix: every page, every role, own and other agency and none, ended roles, every id (T5, T28).

What must happen is worked out from the table of rights alone: who lacks the right is refused, who has it for another
agency is told that there is no such thing, and no answer ever holds a word of what is out of reach. Pages come from
the map of addresses, so a new one is in it by itself; a new kind of id has to be given here, or this fails.
"""

import ast
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import update

from ca.crl import Reason
from provisioner.agencies.models import Agency
from provisioner.certificates import revoking_many
from provisioner.certificates.models import Certificate
from provisioner.mailboxes.models import Mailbox
from provisioner.operators.models import Grant
from provisioner.operators.roles import RIGHTS, WHOLE_PROVINCE_ONLY, Right, Role
from provisioner.people.models import Person
from provisioner.requests.models import Request
from provisioner.web.policies import policy_of
from tests.books import NOW
from tests.operators.people import an_operator
from tests.province import an_official, planned, provide
from tests.requests.letters import a_letter, a_person, submit, written
from tests.web.extracting import WEB
from tests.web.site import Browser, Site

OWN, OTHER = "H36.05", "H36.06"
CANARY = {OWN: "Kim Yến", OTHER: "Sơn Ca"}
"""Given names that stand in everything of one agency and in nothing of the other."""
MISSING = 99_999

ANSWERED = {200, 303, 404, 409, 422}
"""What a page may answer to whoever has the right and the reach: the journeys say more."""

PROVINCE = "province"
"""Instead of an agency: what belongs to all of them, such as a roster."""

Ids = dict[str, dict[str, int]]
"""By the name that an id has in addresses, and by agency."""

Held = tuple[Role, str | None]
"""A role, and the agency it is bound to; None for the whole province."""


@pytest.fixture
def things(province: Site) -> Ids:
    """In each of two agencies one of everything that has an id."""
    books = province.database
    provide(
        books,
        an_official("CBA", f"Nguyễn {CANARY[OWN]}", chung_thu_so="x"),
        an_official("CBB", f"Nguyễn {CANARY[OTHER]}", ma_co_quan=OTHER, chung_thu_so="x"),
    )
    ids: Ids = {}
    for code, number in ((OWN, "CBA"), (OTHER, "CBB")):
        row = a_person(f"R{code[-1]}", f"Trần {CANARY[code]}")
        letter = a_letter(row, document_number=f"{CANARY[code]} 01", signer=f"Lê {CANARY[code]}")
        request_id = written(books, letter, code=code, by="writer")
        submit(books, request_id, by="writer")
        operator_id = an_operator(books, f"someone.{number.lower()}", Role.LEADER, agency=code).id
        with books.transaction() as session:
            person = session.query(Person).filter_by(staff_number=number).one()
            mailbox = session.query(Mailbox).filter_by(person_id=person.id).one()
            certificate = session.query(Certificate).filter_by(mailbox_id=mailbox.id).one()
            found = {
                "request_id": request_id,
                "plan_id": session.get_one(Request, request_id).plan_id or 0,
                "person_id": person.id,
                "mailbox_id": mailbox.id,
                "certificate_id": certificate.id,
                "agency_id": session.query(Agency).filter_by(code=code).one().id,
                "revocation_id": revoking_many.plan(
                    session,
                    {certificate.id: Reason.superseded},
                    note=f"QĐ {CANARY[code]}",
                    by="lan",
                    now=NOW,
                ),
                "operator_id": operator_id,
            }
        for name, value in found.items():
            ids.setdefault(name, {})[code] = value
    ids["plan_id"][PROVINCE] = planned(books, an_official("CBZ", "Võ Văn Zung"), by="planner")
    return ids


@dataclass
class Books:
    """The books of the site, seen from outside the product."""

    connection: sqlite3.Connection

    def version(self) -> int:
        """Another one after anything was written, by whomever (SQLite's `data_version`)."""
        return int(self.connection.execute("PRAGMA data_version").fetchone()[0])

    def of(self, things: Ids, code: str) -> list[Any]:
        """Everything of an agency that somebody might have changed."""
        asked = [
            ("SELECT * FROM requests WHERE id = ?", "request_id"),
            ("SELECT * FROM roster_plans WHERE id = ?", "plan_id"),
            ("SELECT * FROM people WHERE id = ?", "person_id"),
            ("SELECT * FROM mailboxes WHERE id = ?", "mailbox_id"),
            ("SELECT * FROM certificates WHERE mailbox_id = ?", "mailbox_id"),
            ("SELECT * FROM activation_codes WHERE mailbox_id = ?", "mailbox_id"),
            ("SELECT * FROM revocation_plans WHERE id = ?", "revocation_id"),
            ("SELECT * FROM revocation_items WHERE certificate_id = ?", "certificate_id"),
            ("SELECT count(*) FROM requests WHERE agency_id = ?", "agency_id"),
            ("SELECT * FROM agencies WHERE id = ?", "agency_id"),
        ]
        return [self.connection.execute(sql, (things[name][code],)).fetchall() for sql, name in asked]


@pytest.fixture
def books(province: Site) -> Iterator[Books]:
    connection = sqlite3.connect(str(province.database.engine.url.database), isolation_level=None)
    yield Books(connection)
    connection.close()


def addresses(site: Site, things: Ids) -> list[tuple[str, str, str, str | None]]:
    """Endpoint, method, address, and the agency it is about: each page with each id."""
    found = []
    for rule in site.app.url_map.iter_rules():
        policy = policy_of(site.app, rule.endpoint)
        if policy is None or policy.everybody or policy.right is None:
            continue
        ids = [name for name in rule.arguments if name.endswith("_id")]
        assert len(ids) <= 1, f"{rule.rule} holds several ids"
        assert set(ids) <= set(things), f"{rule.rule} holds an id that `things` does not give"
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            for code in (*things[ids[0]], None) if ids else (None,):
                values: dict[str, Any] = dict.fromkeys(rule.arguments, "csv")
                if ids:
                    values[ids[0]] = things[ids[0]][code] if code else MISSING
                with site.app.test_request_context():
                    address = site.app.url_map.bind("localhost").build(rule.endpoint, values, method)
                found.append((rule.endpoint, method, address, code))
    # Ids that stand in the address's question.
    found += [
        ("coverage.show", "GET", f"/coverage?detail=agency&agency={code}", code) for code in (OWN, OTHER)
    ]
    found += [
        (f"{room}.index", "GET", f"/{room}?agency={code}&q={CANARY[code]}", None)
        for room in ("people", "mailboxes", "certificates", "agencies")
        for code in (OWN, OTHER)
    ]
    return found


BODIES: tuple[dict[str, Any], ...] = (
    {},
    {"digest": "0" * 64, "reason": "no", "agency": OTHER, "kind": "people", "document_number": "x"},
    {"request_id": "1", "plan_id": "1", "person_id": "1", "agency_id": "1", "id": "1", "written_by": "me"},
)


CHOSEN = {"revocations": "certificate_id", "people": "person_id", "agencies": "agency_id"}
"""Which ids the rows of a page are chosen by; on all others those of mailboxes."""


def foreign_body(things: Ids, code: str, endpoint: str) -> dict[str, Any]:
    """A form that names what is of this agency, by every name that a field may have."""
    ids = {name: str(by_agency[code]) for name, by_agency in things.items()}
    chosen = ids[CHOSEN.get(endpoint.partition(".")[0], "mailbox_id")]
    return ids | {
        "chosen": chosen,
        "id": chosen,
        "agency": code,
        "kind": "people",
        "reason": "superseded",
        "note": "QĐ 1",
        "document_number": "1",
        "document_date": "2026-11-20",
        "signer": "An",
    }


def words(answer: Any) -> str:
    """What can be read in an answer, a workbook or a PDF included."""
    content = answer.get_data()
    if content.startswith(b"PK"):
        with ZipFile(BytesIO(content)) as parts:
            content = b"\n".join(parts.read(name) for name in parts.namelist())
    elif content.startswith(b"%PDF"):
        content = subprocess.run(
            ["pdftotext", "-", "-"], input=content, capture_output=True, check=True
        ).stdout
    return str(content.decode("utf-8", "replace"))


@pytest.mark.parametrize("where", [OWN, pytest.param(OTHER, marks=pytest.mark.slow), None, "ended"])
def test_nobody_reaches_what_their_role_and_agency_do_not_give(
    province: Site, things: Ids, books: Books, where: str | None
) -> None:
    checks = 0
    pages = addresses(province, things)
    for role in Role:
        agency = where if where in CANARY else None
        browser = province.signed_in(f"{role}.tester".replace("_", "."), role, agency=agency)
        browser.get("/prove")
        if where == "ended":
            end_roles(province)
        for endpoint, method, address, about in pages:
            given = places(
                [] if where == "ended" else [(role, where)], policy_of(province.app, endpoint).right
            )
            expected = answers(given, about)
            has, may_change = bool(given), method == "POST" and expected is ANSWERED
            if may_change and where is None:
                continue  # what may be done is done by the journeys
            other = OTHER if where == OWN else OWN
            bodies: tuple[dict[str, Any], ...] = BODIES if method == "POST" and has else ({},)
            if may_change:
                bodies = (foreign_body(things, other, endpoint),)
            for body in bodies:
                before = books.of(things, other) if may_change else books.version()
                answer = ask(browser, method, address, body)
                told = (role, where, method, address, answer.status_code)
                if may_change:
                    assert answer.status_code in ANSWERED | {403}, told
                    assert books.of(things, other) == before, told
                else:
                    assert answer.status_code in expected, told
                    if method == "POST":
                        assert books.version() == before, told
                if where in CANARY:
                    out_of_reach = CANARY[other]
                    echoed = words(answer).replace(f'value="{out_of_reach}"', "")
                    assert out_of_reach not in echoed, told
                checks += 1

    assert checks >= 600


def every_pair() -> list[tuple[Held, Held]]:
    """Two roles of one operator, each bound to another part of the province."""
    return [
        ((one, here), (other, there))
        for one in Role
        for other in Role
        for here, there in ((OWN, OTHER), (OWN, None))
    ]


SEED = [
    ((Role.APPROVER, OWN), (Role.AUDITOR, None)),
    ((Role.HR, OWN), (Role.APPROVER, OTHER)),
    ((Role.CA_OFFICER, OWN), (Role.LOCAL_ADMIN, OTHER)),
]
"""Pairs of which one half lets see what the other half may decide elsewhere."""


@pytest.mark.parametrize(
    "pairs", [SEED, pytest.param(every_pair(), marks=pytest.mark.slow)], ids=["seed", "every"]
)
def test_what_one_role_shows_another_role_of_the_same_operator_cannot_change(
    province: Site, things: Ids, books: Books, pairs: list[tuple[Held, Held]]
) -> None:
    pages, checks = [page for page in addresses(province, things) if page[1] == "POST"], 0
    for number, pair in enumerate(pairs):
        browser = province.signed_in(f"two.roles.{number}", holding=pair)
        browser.get("/prove")
        for endpoint, method, address, about in pages:
            expected = answers(places(pair, policy_of(province.app, endpoint).right), about)
            if expected is ANSWERED:
                continue  # what may be done is done by the journeys
            before = books.version()
            answer = ask(browser, method, address, BODIES[1])
            told = (pair, address, answer.status_code)
            assert answer.status_code in expected, told
            assert books.version() == before, told
            checks += 1

    assert checks >= 30 * len(pairs)


def places(held: Sequence[Held], right: Right) -> set[str | None]:
    """Where these roles give this right."""
    return {
        where
        for role, where in held
        if right in RIGHTS[role] and (where is None or right not in WHOLE_PROVINCE_ONLY)
    }


def answers(given: set[str | None], about: str | None) -> set[int]:
    """What a page may answer to whoever has its right there, when it is about something of this agency."""
    if not given:
        return {403}
    return ANSWERED if about is None or given & {about, None} else {404}


def test_every_deed_reaches_as_far_as_the_right_it_asks_for() -> None:
    """A page that asks for one right and changes the books with another's reach mixes two roles of one operator."""
    more_than_asked = {"coverage_files.make"}  # asks for the right to sign by itself
    mixed = {
        f"{path.stem}.{view.name}"
        for path in WEB.glob("*.py")
        for view in ast.parse(path.read_text("utf-8")).body
        if isinstance(view, ast.FunctionDef)
        and (asked := _rights("needs", *view.decorator_list))
        and not _rights("changing", *view.body) <= asked
    }

    assert mixed == more_than_asked


def _rights(called: str, *parts: ast.AST) -> set[str]:
    """The rights that calls of this name are made with."""
    return {
        ast.unparse(node.args[0])
        for part in parts
        for node in ast.walk(part)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == called
    }


def end_roles(site: Site) -> None:
    """Every role that anybody was given has run out."""
    with site.database.transaction() as session:
        session.execute(update(Grant).values(until=NOW))


def ask(browser: Browser, method: str, address: str, body: dict[str, Any]) -> Any:
    return browser.get(address) if method == "GET" else browser.post(address, body)

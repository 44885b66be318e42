"""The authorization matrix: every page, every role, own and other agency and none, every id (T5, T28).

What must happen is worked out from the table of rights alone: who lacks the right is refused, who has it for another
agency is told that there is no such thing, and no answer ever holds a word of what is out of reach.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.audit import AuditEvent
from provisioner.operators.roles import RIGHTS, WHOLE_PROVINCE_ONLY, Role
from provisioner.people.models import Person
from provisioner.requests.models import Request
from provisioner.rosters.models import RosterPlan, RosterRow
from provisioner.web.policies import policy_of
from tests.province import an_official, planned, provide
from tests.requests.letters import a_letter, a_person, submit, written
from tests.web.site import Browser, Site

OWN, OTHER = "H36.05", "H36.06"
CANARY = {OWN: "Kim Yến", OTHER: "Sơn Ca"}
"""Given names that stand in everything of one agency and in nothing of the other."""
MISSING = 99_999


@dataclass
class Things:
    """Ids by agency, for every kind of id that an address may hold."""

    request_id: dict[str, int]
    person_id: dict[str, int]
    plan_id: dict[str, int]


@pytest.fixture
def things(province: Site) -> Things:
    """In each of two agencies a person and a request that waits; and a roster of the whole province."""
    books = province.database
    provide(
        books,
        an_official("CBA", f"Nguyễn {CANARY[OWN]}"),
        an_official("CBB", f"Nguyễn {CANARY[OTHER]}", ma_co_quan=OTHER),
    )
    requests, plans = {}, {}
    for code in (OWN, OTHER):
        row = a_person(f"R{code[-1]}", f"Trần {CANARY[code]}")
        letter = a_letter(row, document_number=f"{CANARY[code]} 01", signer=f"Lê {CANARY[code]}")
        requests[code] = written(books, letter, code=code, by="writer")
        submit(books, requests[code], by="writer")
    planned(books, an_official("CBZ", "Võ Văn Zung"), by="planner")
    with books.reading() as session:
        people = {
            code: session.query(Person).filter_by(staff_number=number).one().id
            for code, number in ((OWN, "CBA"), (OTHER, "CBB"))
        }
        for code, request_id in requests.items():
            plans[code] = session.get_one(Request, request_id).plan_id or 0
    return Things(requests, people, plans)


def books_as_they_are(site: Site) -> Any:
    """What a refused request must not change."""
    with site.database.reading() as session:
        return (
            [
                (r.id, r.state, r.document_number, r.decided_by)
                for r in session.scalars(select(Request).order_by(Request.id))
            ],
            [
                (p.id, p.state, p.approved_by)
                for p in session.scalars(select(RosterPlan).order_by(RosterPlan.id))
            ],
            session.query(RosterRow).count(),
            session.query(Person).count(),
            session.query(Agency).count(),
            session.query(AuditEvent).count(),
        )


def addresses(site: Site, things: Things) -> list[tuple[str, str, str, str | None]]:
    """Endpoint, method, address, and the agency it is about: each page with each id."""
    found = []
    for rule in site.app.url_map.iter_rules():
        policy = policy_of(site.app, rule.endpoint)
        if policy is None or policy.everybody or policy.right is None:
            continue
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            ids = [name for name in rule.arguments if name.endswith("_id")]
            assert len(ids) <= 1
            for code in (OWN, OTHER, None) if ids else (None,):
                values: dict[str, Any] = dict.fromkeys(rule.arguments, "csv")
                if ids:
                    values[ids[0]] = getattr(things, ids[0])[code] if code else MISSING
                with site.app.test_request_context():
                    found.append(
                        (
                            rule.endpoint,
                            method,
                            site.app.url_map.bind("localhost").build(rule.endpoint, values, method),
                            code,
                        )
                    )
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


BODIES: tuple[dict[str, str], ...] = (
    {},
    {"digest": "0" * 64, "reason": "no", "agency": OTHER, "kind": "people", "document_number": "x"},
    {"request_id": "1", "plan_id": "1", "person_id": "1", "agency_id": "1", "id": "1", "written_by": "me"},
)


@pytest.mark.parametrize("where", [OWN, OTHER, None, "nowhere"])
def test_nobody_reaches_what_their_role_and_agency_do_not_give(
    province: Site, things: Things, where: str | None
) -> None:
    checks = 0
    for role in Role:
        held = [] if where == "nowhere" else [role]
        browser = province.signed_in(f"{role}-tester", *held, agency=where if where != "nowhere" else None)
        browser.get("/prove")
        for endpoint, method, address, about in addresses(province, things):
            right = policy_of(province.app, endpoint).right
            has = bool(held) and right in RIGHTS[role] and (where is None or right not in WHOLE_PROVINCE_ONLY)
            reaches = where is None or about is None or about == where
            for body in BODIES if method == "POST" else ({},):
                if method == "POST" and has and reaches:
                    continue  # what may be done is done by the journeys
                before = books_as_they_are(province) if method == "POST" else None
                answer = ask(browser, method, address, body)
                expected = {403} if not has else {200, 303, 404, 422} if reaches else {404}
                assert answer.status_code in expected, (role, where, method, address, answer.status_code)
                if method == "POST":
                    assert books_as_they_are(province) == before, (role, where, address)
                if where in CANARY:
                    out_of_reach = CANARY[OTHER if where == OWN else OWN]
                    echoed = answer.text.replace(f'value="{out_of_reach}"', "")
                    assert out_of_reach not in echoed, (role, where, address)
                checks += 1

    assert checks >= 500


def ask(browser: Browser, method: str, address: str, body: dict[str, str]) -> Any:
    return browser.get(address) if method == "GET" else browser.post(address, body)

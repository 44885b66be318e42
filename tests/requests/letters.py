"""Letters for tests: an agency asks, and the same clock, rules and books as everywhere."""

from datetime import date, datetime

from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.days import Calendar
from provisioner.db import Database
from provisioner.operators.reach import Reach
from provisioner.requests import deciding
from provisioner.requests.models import Kind, Request
from provisioner.requests.writing import Letter, write
from provisioner.rosters.approving import get_plan
from provisioner.rosters.files.columns import Column
from provisioner.settings import ROOT
from tests.books import NOW
from tests.province import rules

WRITER, DECIDER = "hoa", "binh"
CALENDAR = Calendar.load(ROOT / "config" / "reference" / "holidays.toml")


def a_person(staff_number: str = "CB1", name: str = "Nguyễn Thị Ánh", **more: str) -> dict[Column, str]:
    return {Column.STAFF_NUMBER: staff_number, Column.FULL_NAME: name, Column.CATEGORY: "công chức"} | {
        Column(key): value for key, value in more.items()
    }


def a_letter(*rows: dict[Column, str], kind: Kind = Kind.PEOPLE, **more: object) -> Letter:
    values = {
        "kind": kind,
        "document_number": "12/SKHCN-VP",
        "document_date": date(2026, 11, 20),
        "signer": "Nguyễn Văn Giám Đốc",
        "decision": "QĐ 45/QĐ-SKHCN",
        "rows": rows or (a_person(),),
    }
    return Letter(**values | more)


def written(
    database: Database,
    letter: Letter,
    *,
    code: str = "H36.05",
    by: str = WRITER,
    request_id: int | None = None,
    now: datetime = NOW,
) -> int:
    with database.reading() as session:
        agency = session.scalars(select(Agency).where(Agency.code == code)).one()
    reach = Reach(frozenset({agency.path}))
    return write(database, letter, agency, rules(), within=reach, request_id=request_id, by=by, now=now)


def the_request(database: Database, request_id: int) -> Request:
    with database.reading() as session:
        found = session.get(Request, request_id)
        assert found is not None
        return found


def digest_of(database: Database, request_id: int) -> str:
    """What somebody sees who opens the page of this request now."""
    with database.reading() as session:
        return get_plan(session, session.get_one(Request, request_id).plan_id or 0).digest


def submit(
    database: Database,
    request_id: int,
    *,
    by: str = WRITER,
    now: datetime = NOW,
    digest: str | None = None,
    within: int = 3,
) -> None:
    seen = digest or digest_of(database, request_id)
    with database.transaction() as session:
        request = session.get_one(Request, request_id)
        deciding.submit(session, request, digest=seen, by=by, within=within, calendar=CALENDAR, now=now)


def approve(database: Database, request_id: int, *, by: str = DECIDER, now: datetime = NOW) -> None:
    with database.transaction() as session:
        request = session.get_one(Request, request_id)
        digest = get_plan(session, request.plan_id or 0).digest
        deciding.approve(session, request, digest=digest, by=by, now=now)


def send_back(database: Database, request_id: int, reason: str, *, by: str = DECIDER) -> None:
    with database.transaction() as session:
        deciding.send_back(session, session.get_one(Request, request_id), reason=reason, by=by, now=NOW)

"""The books of a province at work, for the site to be measured on: named people, a roster half way, signed-in operators."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from itertools import count, islice
from random import Random
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.coverage import snapshots
from provisioner.coverage.recounting import recount
from provisioner.db import Database
from provisioner.mailboxes.models import Address
from provisioner.operators import naming, sessions
from provisioner.operators.models import Way
from provisioner.operators.roles import Role
from provisioner.people.models import Person
from provisioner.people.names import parse, sort_key
from provisioner.rosters.models import Outcome, PlanState, RosterPlan, RosterRow
from provisioner.vietnamese import search_key
from tests.coverage.books import BEFORE, Books

AGENCIES = 550
CATEGORIES = ("can_bo", "cong_chuc", "vien_chuc")
WINDOW = timedelta(days=90)
MONTHS = 12
"""Pictures of the past that the board draws its trend from."""

FAMILIES = (
    ("Nguyễn",) * 8 + ("Trần", "Lê") * 3 + ("Phạm", "Hoàng", "Phan", "Vũ", "Đặng", "Bùi", "Đỗ", "Ngô", "Võ")
)
MIDDLES = (
    "Văn",
    "Thị",
    "Hữu",
    "Đức",
    "Minh",
    "Thanh",
    "Ngọc",
    "Quốc",
    "Xuân",
    "Thu",
    "Hoài",
    "Kim",
    "Bích",
    "Công",
)
GIVEN = (
    *(
        "An",
        "Anh",
        "Ánh",
        "Bình",
        "Châu",
        "Chi",
        "Cường",
        "Dũng",
        "Dương",
        "Đạt",
        "Giang",
        "Hà",
        "Hải",
        "Hạnh",
    ),
    *(
        "Hiền",
        "Hiếu",
        "Hòa",
        "Hồng",
        "Huệ",
        "Hùng",
        "Hương",
        "Khánh",
        "Lan",
        "Linh",
        "Loan",
        "Long",
        "Mai",
        "Nam",
    ),
    *(
        "Nga",
        "Ngân",
        "Nhung",
        "Oanh",
        "Phong",
        "Phúc",
        "Phương",
        "Quang",
        "Quân",
        "Sơn",
        "Tâm",
        "Thảo",
        "Thắng",
    ),
    *("Thủy", "Toàn", "Trang", "Trung", "Tuấn", "Tùng", "Uyên", "Việt", "Yến"),
)


class NamedBooks(Books):
    """Books whose people have names of their own and whose mailboxes have addresses and stand in the directory."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self._random = Random("site")  # the same province at every run

    def person(self, person: int) -> None:
        pick = self._random.choice
        name = _named(f"{pick(FAMILIES)} {pick(MIDDLES)} {pick(GIVEN)}")
        self._add(Person, id=person, uid=f"{person:032x}", staff_number=f"CB{person}", **name)

    def mailbox(self, **facts: Any) -> int:
        mailbox = super().mailbox(synced_revision=1, **facts)
        address = f"hop{mailbox}@lamdong.gov.vn"
        self._add(
            Address, address=address, normal_form=address, mailbox_id=mailbox, is_primary=True, since=BEFORE
        )
        return mailbox

    def write(self, session: Session) -> None:
        super().write(session)
        session.execute(insert(Address), self.rows[Address])


@cache
def _named(full_name: str) -> dict[str, Any]:
    name = parse(full_name)
    return {
        "full_name": name.full_name,
        "family": name.family,
        "middle": name.middle,
        "given": name.given,
        "name_order": name.order,
        "name_confirmed": name.confirmed,
        "sort_key": sort_key(name),
        "search_key": search_key(name.full_name),
    }


def fill(database: Database, people: int, *, at: datetime) -> None:
    """People in agencies of three levels, nearly all with a mailbox, two in five with a certificate; coverage counted."""
    books = NamedBooks(at)
    agencies = min(AGENCIES, people // 10)
    made: list[int] = []
    for number in range(agencies):
        parent = None if number < 30 else made[number % 30] if number < 200 else made[30 + number % 170]
        above = "" if parent is None else f"{books.rows[Agency][made.index(parent)]['code']}."
        agency = books.agency(
            f"{above or 'H36.'}{number}",
            parent=parent,
            level="tinh" if number < 200 else "xa",
            certificates=1,
            name=f"Phòng chuyên môn số {number}",
            synced_revision=1,
        )
        made.append(agency)
        size = people * (number + 1) // agencies - people * number // agencies
        for index, category in enumerate(CATEGORIES):
            part = size * (index + 1) // 3 - size * index // 3
            books.people(
                agency,
                part,
                category=category,
                leaders=part // 20,
                mailboxes=part * 19 // 20,
                handed_over=part * 9 // 10,
                used=part * 3 // 4,
                certificates=part * 2 // 5,
            )
    with database.transaction() as session:
        books.write(session)
    with database.transaction() as session:
        recount(session, now=at, used_within=WINDOW)
        for month in range(MONTHS, 0, -1):
            snapshots.take(session, now=at - timedelta(days=30 * month), used_within=WINDOW)


def a_roster_under_way(database: Database, rows: int, *, at: datetime) -> int:
    """A plan of so many rows, half of them in the books; its id."""
    with database.transaction() as session:
        plan = RosterPlan(
            file_name="toan-tinh.xlsx",
            file_sha256="0" * 64,
            file_sealed=b"",
            understood={
                "format": "xlsx",
                "sheet": "Danh sách",
                "header_row": 1,
                "row_count": rows,
                "columns": {"Mã cán bộ": "ma_can_bo", "Họ và tên": "ho_va_ten", "Mã cơ quan": "ma_co_quan"},
            },
            problems=[],
            counts={"create": rows - rows // 50, "refused": rows // 50},
            digest="0" * 64,
            state=PlanState.APPLYING,
            planned_by="an",
            planned_at=at,
            approved_by="binh",
            approved_at=at,
            started_at=at,
        )
        session.add(plan)
        session.flush()  # its rows name its id
        agency = session.scalars(select(Agency.id).where(Agency.code == "H36.1")).one()
        for part in _parts(_rows(plan.id, rows, agency, at)):
            session.execute(insert(RosterRow), part)
        return plan.id


def _rows(plan_id: int, rows: int, agency: int, at: datetime) -> Iterator[dict[str, Any]]:
    names = Random("roster")
    for number in range(2, rows + 2):
        refused = number % 50 == 1
        problem = {"severity": "refused", "column": "ho_va_ten", "vi": "Thiếu họ và tên.", "en": "No name."}
        yield {
            "plan_id": plan_id,
            "number": number,
            "key": f"p:R{number}",
            "outcome": Outcome.REFUSED if refused else Outcome.CREATE,
            "facts": {
                "kind": "personal",
                "agency_id": agency,
                "agency_code": "H36.1",
                "staff_number": f"R{number}",
                "full_name": f"Nguyễn Văn {names.choice(GIVEN)}",
                "title": "Chuyên viên",
                "leader": False,
                "category": "cong_chuc",
                "certificate": True,
            },
            "address": None if refused else f"nv{number}@lamdong.gov.vn",
            "problems": [problem] if refused else [],
            "applied_at": at if number < rows // 2 and not refused else None,
        }


def _parts(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    while part := list(islice(rows, 5000)):
        yield part


_NUMBERS = count(1)


def sign_in(database: Database, role: Role, agency: str | None = None, *, at: datetime) -> str:
    """The token of a session that has just begun, of a new operator with this role for a sub-tree."""
    with database.transaction() as session:
        name = f"{role.replace('_', '-')}-{next(_NUMBERS)}"
        operator = naming.name_operator(session, name, name, by="bench", now=at)
        where = session.scalars(select(Agency).where(Agency.code == agency)).one() if agency else None
        naming.grant(session, operator, role, where, by=None, now=at)
        session.flush()  # a session names its operator
        return sessions.begin(session, operator, way=Way.PASSWORD, source="bench", now=at).reveal()

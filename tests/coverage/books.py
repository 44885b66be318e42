"""Filling the books with agencies, people, mailboxes and certificates by the hundred, in few words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from sqlalchemy import insert
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency, HeadCount
from provisioner.certificates.models import Certificate
from provisioner.mailboxes.models import Mailbox
from provisioner.people.models import Person, Post

SINCE = date(2010, 1, 1)
BEFORE = datetime(2015, 1, 1, tzinfo=UTC)
"""When everything was opened, issued and signed, unless a test says otherwise."""


@dataclass
class Books:
    """Rows gathered here and written at once by `write`. `at` is the moment the reports will ask about."""

    at: datetime
    rows: dict[type, list[dict[str, Any]]] = field(default_factory=dict)
    paths: dict[int, str] = field(default_factory=dict)
    ids: Any = field(default_factory=lambda: count(1))

    def agency(
        self,
        code: str,
        *,
        bloc: str = "nha_nuoc",
        level: str = "tinh",
        parent: int | None = None,
        seal: bool = True,
        entitled: bool = True,
        mailboxes: int = 1,
        certificates: int = 0,
        declared: Mapping[str, int] | None = None,
        **more: Any,
    ) -> int:
        """An agency with so many unit mailboxes and organisation certificates; its id."""
        agency = next(self.ids)
        self.paths[agency] = f"{self.paths.get(parent, '/')}{agency}/" if parent else f"/{agency}/"
        self._add(
            Agency,
            id=agency,
            uid=uuid4().hex,
            code=code,
            name=more.pop("name", f"Cơ quan {code}"),
            abbreviation=f"cq{agency}",
            search_key=code.lower(),
            bloc=bloc,
            level=level,
            kind="so",
            parent_id=parent,
            path=self.paths[agency],
            legal_personality=seal,
            seal=seal,
            unit_mailbox=entitled,
            **{"since": SINCE, "until": None, **more},
        )
        self.declare(agency, declared or {})
        for number in range(max(mailboxes, certificates)):
            mailbox = self.mailbox(agency_id=agency, unit_key=str(number))
            if number < certificates:
                self.certificate(mailbox)
        return agency

    def people(
        self,
        agency: int,
        number: int,
        *,
        category: str = "cong_chuc",
        leaders: int = 0,
        mailboxes: int | None = None,
        handed_over: int = 0,
        used: int = 0,
        certificates: int = 0,
    ) -> list[int]:
        """So many people in post, the first of them leaders, with mailboxes, in use, with certificates."""
        people = []
        for position in range(number):
            person = next(self.ids)
            people.append(person)
            self.person(person)
            self.post(person, agency, category=category, is_leader=position < leaders)
            if position >= (number if mailboxes is None else mailboxes):
                continue
            used_at = self.at - timedelta(days=3) if position < used else None
            mailbox = self.mailbox(
                person_id=person,
                handed_over_at=BEFORE if position < handed_over else None,
                first_used_at=used_at,
                last_used_at=used_at,
            )
            if position < certificates:
                self.certificate(mailbox)
        return people

    def declare(self, agency: int, heads: Mapping[str, int], *, since: date = SINCE) -> None:
        for category, number in heads.items():
            self._add(HeadCount, agency_id=agency, category=category, since=since, count=number)

    def unit_mailboxes(self) -> list[dict[str, Any]]:
        return [row for row in self.rows[Mailbox] if row["agency_id"]]

    def person(self, person: int) -> None:
        self._add(
            Person,
            id=person,
            uid=uuid4().hex,
            staff_number=f"CB{person}",
            full_name="Nguyễn Văn A",
            given="A",
            name_order="family-first",
            name_confirmed=True,
            sort_key="a",
            search_key="a",
        )

    def post(self, person: int, agency: int, **more: Any) -> None:
        self._add(
            Post,
            person_id=person,
            agency_id=agency,
            **{"category": "cong_chuc", "is_leader": False, "since": SINCE, "until": None, **more},
        )

    def mailbox(self, **facts: Any) -> int:
        mailbox = next(self.ids)
        personal = "person_id" in facts
        self._add(
            Mailbox,
            id=mailbox,
            account_id=uuid4().hex,
            kind="personal" if personal else "unit",
            **{
                "person_id": None,
                "agency_id": None,
                "unit_key": None,
                "status": "active",
                "opened_at": BEFORE,
                "first_synced_at": BEFORE,
                "handed_over_at": None,
                "first_used_at": None,
                "last_used_at": None,
                "closed_at": None,
                **facts,
            },
        )
        return mailbox

    def certificate(self, mailbox: int, **facts: Any) -> None:
        self._add(
            Certificate,
            mailbox_id=mailbox,
            profile="person-mail",
            ordered_at=BEFORE,
            ordered_by="somebody",
            **{
                "state": "issued",
                "issued_at": BEFORE,
                "not_before": BEFORE,
                "not_after": self.at + timedelta(days=365),
                "revoked_at": None,
                "replaced_at": None,
                **facts,
            },
        )

    def write(self, session: Session) -> None:
        for model in (Agency, HeadCount, Person, Post, Mailbox, Certificate):
            if rows := self.rows.get(model):
                session.execute(insert(model), rows)

    def _add(self, model: type, **row: Any) -> None:
        self.rows.setdefault(model, []).append(row)

"""A small province for tests: some agencies, rosters of a few rows, and the way from a file into the books."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from types import MappingProxyType
from typing import Any, Final
from weakref import WeakKeyDictionary, finalize

from sqlalchemy import select

from ca.authority import der
from ca.profiles import Profile
from ldap_schema.dit import Dit
from provisioner.agencies.importing import Imported, import_agencies
from provisioner.agencies.reference import Reference
from provisioner.audit import AuditEvent, Who
from provisioner.certificates.issuing import Desk, issue
from provisioner.certificates.journal import Journal
from provisioner.certificates.models import Issuer
from provisioner.certificates.subjects import Naming
from provisioner.db import Database
from provisioner.directory.port import Directory
from provisioner.directory.syncing import Synced, sync
from provisioner.mailboxes.models import Address, Kind, Mailbox
from provisioner.mailboxes.policy import NamingPolicy, load_policy
from provisioner.people.models import Person
from provisioner.people.sealing import Sealer
from provisioner.rosters import approving
from provisioner.rosters.addressing import Rules
from provisioner.rosters.applying import Tools, apply_approved
from provisioner.rosters.models import RosterPlan, RosterRow
from provisioner.rosters.planning import Upload, plan
from provisioner.rosters.reading import read_roster
from provisioner.settings import ROOT
from tests.books import NOW
from tests.ca.world import mail_authority, profiles, world
from tests.ldap_server import SUFFIX
from tests.rosters.files import csv_text

GB: Final = 1024**3
QUOTAS: Final = MappingProxyType({Kind.PERSONAL: 4 * GB, Kind.UNIT: 10 * GB})
SEALER: Final = Sealer({1: bytes(range(32))}, current=1)
DIT: Final = Dit(SUFFIX)
NAMING: Final = Naming("GOVVN+35", "Lâm Đồng")
HR, CHIEF = "an", "binh"
"""Who plans rosters, and who approves them."""

Row = dict[str, str]

TOO_LONG_A_NAME = "Trung tâm Nghiên cứu, Ứng dụng, Chuyển giao Khoa học và Công nghệ"
"""65 characters, one more than a certificate holds."""

TOO_LONG_A_TITLE = "Phó Chủ tịch Thường trực Ủy ban Mặt trận Tổ quốc Việt Nam tỉnh Lâm Đồng"


@cache
def reference() -> Reference:
    return Reference.load(ROOT / "config" / "reference")


@cache
def policy() -> NamingPolicy:
    return load_policy(ROOT / "config" / "naming" / "lamdong.toml")


def rules(sealer: Sealer = SEALER) -> Rules:
    return Rules(policy(), QUOTAS, sealer)


def a_clock(now: datetime = NOW) -> Callable[[], datetime]:
    return lambda: now


def an_agency(code: str, name: str, abbreviation: str, parent: str = "", **more: str) -> Row:
    """A row of the agency list."""
    kind = more.pop("loai", "so" if parent == "H36" else "phong" if parent else "ubnd_tinh")
    return {
        "ma_co_quan": code,
        "ten": name,
        "viet_tat": abbreviation,
        "khoi": "nha_nuoc",
        "cap": "tinh",
        "loai": kind,
        "ma_cha": parent,
        "con_dau": "x",
        "hop_thu_don_vi": "x",
        "hieu_luc_tu": "2025-07-01",
        **more,
    }


PROVINCE = an_agency("H36", "Ủy ban nhân dân tỉnh Lâm Đồng", "ubnd")
SCIENCE = an_agency("H36.05", "Sở Khoa học và Công nghệ", "skhcn", "H36")
FINANCE = an_agency("H36.06", "Sở Tài chính", "stc", "H36")
DIGITAL = an_agency("H36.05.01", "Phòng Chuyển đổi số", "cds", "H36.05", con_dau="")
CENTRE = an_agency(
    "H36.05.21", TOO_LONG_A_NAME, "ttudkhcn", "H36.05", ten_ngan="Trung tâm Ứng dụng KHCN", loai="trung_tam"
)
NAMELESS = an_agency("H36.05.22", TOO_LONG_A_NAME, "ttkn", "H36.05", loai="trung_tam")
"""Its name is too long for a certificate, and no short one is registered."""

AGENCIES = (PROVINCE, SCIENCE, FINANCE, DIGITAL, CENTRE, NAMELESS)


def an_agency_list(*rows: Row) -> bytes:
    headers = list(dict.fromkeys(name for row in rows for name in row))
    table = [headers, *([row.get(name, "") for name in headers] for row in rows)]
    return csv_text(table).encode("utf-8-sig")


def import_list(database: Database, *rows: Row, now: datetime = NOW) -> Imported:
    with database.transaction() as session:
        return import_agencies(
            session,
            an_agency_list(*rows),
            reference=reference(),
            who=Who("quantri"),
            today=now.date(),
            now=now,
        )


def a_province(database: Database) -> Database:
    """The six agencies of `AGENCIES` in the books."""
    assert import_list(database, *AGENCIES).problems == []
    return database


def an_official(staff_number: str = "CB1", full_name: str = "Nguyễn Thị Ánh", **more: str) -> Row:
    """A row for a person of the Department of Science; more cells by their canonical headers."""
    return {
        "ma_co_quan": "H36.05",
        "ma_can_bo": staff_number,
        "ho_va_ten": full_name,
        "phan_loai": "công chức",
        **more,
    }


def a_unit(code: str = "H36.05", name: str = "", **more: str) -> Row:
    """A row for the mailbox of an agency."""
    return {"loai_dong": "đơn vị", "ma_co_quan": code, "ho_va_ten": name, **more}


def a_roster_of(*rows: Row) -> list[list[str]]:
    """These rows as a table, with the canonical headers that any of them uses."""
    headers = list(dict.fromkeys(["ma_co_quan", "ma_can_bo", "ho_va_ten", *(k for row in rows for k in row)]))
    return [headers, *([row.get(header, "") for header in headers] for row in rows)]


def planned_file(
    database: Database,
    content: bytes,
    *,
    name: str = "roster.csv",
    by: str = HR,
    sealer: Sealer = SEALER,
    now: datetime = NOW,
) -> int:
    reading = read_roster(content, filename=name, today=now.date())
    return plan(database, reading, Upload(name, content, None, by), rules(sealer), now=now)


def planned(database: Database, *rows: Row, by: str = HR, now: datetime = NOW) -> int:
    """The id of the plan for a roster of these rows."""
    return planned_file(database, csv_text(a_roster_of(*rows)).encode(), by=by, now=now)


def the_plan(database: Database, plan_id: int) -> RosterPlan:
    with database.reading() as session:
        return approving.get_plan(session, plan_id)


def counts(database: Database, plan_id: int) -> dict[str, int]:
    """The plan's counts by outcome, without the zeros."""
    return {outcome: n for outcome, n in the_plan(database, plan_id).counts.items() if n}


def plan_rows(database: Database, plan_id: int) -> list[RosterRow]:
    """The plan's rows in the order of the file."""
    with database.reading() as session:
        return list(
            session.scalars(select(RosterRow).where(RosterRow.plan_id == plan_id).order_by(RosterRow.number))
        )


def codes(row: RosterRow) -> list[str]:
    """The codes of a row's problems."""
    return [problem["code"] for problem in row.problems]


def approve(database: Database, plan_id: int, *, by: str = CHIEF, now: datetime = NOW) -> None:
    with database.transaction() as session:
        approving.approve(
            session, plan_id, digest=approving.get_plan(session, plan_id).digest, by=by, now=now
        )


def start(database: Database, plan_id: int, *, by: str = CHIEF, now: datetime = NOW) -> None:
    with database.transaction() as session:
        approving.start(session, plan_id, by=by, now=now)


def run(database: Database, *, now: datetime = NOW) -> int:
    """Apply what was set going; how many rows."""
    return apply_approved(database, Tools(SEALER, dict(QUOTAS), a_clock(now)))


def apply(database: Database, plan_id: int, *, now: datetime = NOW) -> int:
    """Approve this plan, set it going and apply it."""
    approve(database, plan_id, now=now)
    start(database, plan_id, now=now)
    return run(database, now=now)


def provide(database: Database, *rows: Row, now: datetime = NOW) -> int:
    """Take a roster of these rows from file to books; the plan's id."""
    plan_id = planned(database, *rows, now=now)
    apply(database, plan_id, now=now)
    return plan_id


def synced(database: Database, directory: Directory, *, now: datetime = NOW, chunk: int = 500) -> Synced:
    return sync(database, directory, dit=DIT, quotas=QUOTAS, clock=a_clock(now), chunk=chunk)


_journals: WeakKeyDictionary[Database, str] = WeakKeyDictionary()


def journal_of(database: Database) -> Journal:
    """The mail authority's journal, one for these books; gone with them."""
    if database not in _journals:
        _journals[database] = folder = mkdtemp(prefix="journal-")
        finalize(database, rmtree, folder)
    return Journal(Path(_journals[database]), mail_authority().label)


def a_desk(database: Database, *, now: datetime = NOW, **changes: Any) -> Desk:
    """The mail authority, with the issuers it needs in these books."""
    ceremony, _ = world()
    with database.transaction() as session:
        known = set(session.scalars(select(Issuer.label)))
        session.add_all(
            Issuer(label=label, certificate=der(certificate))
            for label, certificate in ceremony.certificates.items()
            if label not in known
        )
    values: dict[str, Any] = {
        "authority": mail_authority(),
        "profiles": profiles(),
        "naming": NAMING,
        "sealer": SEALER,
        "journal": journal_of(database),
        "clock": a_clock(now),
    }
    return Desk(**values | changes)


def issued(database: Database, *, now: datetime = NOW, chunk: int = 250) -> int:
    """Sign what is ordered; how many."""
    return issue(database, a_desk(database, now=now), chunk=chunk)


def a_profile(name: str) -> Profile:
    return profiles()[name]


def addresses(database: Database) -> dict[str, str]:
    """Staff number to primary address of the open mailbox."""
    with database.reading() as session:
        rows = session.execute(
            select(Person.staff_number, Address.address)
            .join(Mailbox, Mailbox.person_id == Person.id)
            .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
            .where(Mailbox.closed_at.is_(None))
        )
        return dict(rows.all())


def the_mailbox(database: Database, address: str) -> Mailbox:
    with database.reading() as session:
        return session.scalars(
            select(Mailbox).join(Address, Address.mailbox_id == Mailbox.id).where(Address.address == address)
        ).one()


def the_person(database: Database, staff_number: str) -> Person:
    with database.reading() as session:
        return session.scalars(select(Person).where(Person.staff_number == staff_number)).one()


def trail(database: Database, action: str) -> list[AuditEvent]:
    """The audit events of this action, oldest first."""
    with database.reading() as session:
        return list(
            session.scalars(select(AuditEvent).where(AuditEvent.action == action).order_by(AuditEvent.id))
        )

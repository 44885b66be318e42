"""A province ready to be measured: books with an approved roster, and copies of them with real servers.

The agencies stand in the directory before any clock starts, in all cases.
"""

import csv
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from redis import Redis
from rq import Worker
from sqlalchemy import select
from sqlalchemy.dialects import sqlite

from provisioner.agencies.importing import import_agencies
from provisioner.audit import Who
from provisioner.ceremonies import hold_ceremony
from provisioner.certificates.models import is_open
from provisioner.demo.officials import HEADERS, write_roster
from provisioner.demo.province import AGENCIES
from provisioner.directory import facts
from provisioner.directory.entries import mailbox_entry
from provisioner.directory.port import Entry
from provisioner.mailboxes.models import Mailbox
from provisioner.private.process import ServerProcess, find_program
from provisioner.private.redis import PrivateRedis
from provisioner.private.slapd import Durability, PrivateSlapd
from provisioner.rosters import approving
from provisioner.rosters.models import PlanState, RosterPlan
from provisioner.rosters.planning import Upload, plan
from provisioner.rosters.reading import read_roster
from provisioner.secret import Secret
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.tables import metadata
from tests.benchmarks.ldif import ldif

SUFFIX: Final = "dc=lamdong,dc=gov,dc=vn"
WAITING: Final = [
    str(
        select(1)
        .where(waits)
        .limit(1)
        .compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    )
    for waits in (
        RosterPlan.state == PlanState.APPLYING,
        Mailbox.synced_revision < Mailbox.revision,
        is_open(),
    )
]
"""Questions to SQLite with an answer as long as there is work."""

PATIENCE: Final = 120.0
"""Seconds after which a run has failed."""


@dataclass(frozen=True, slots=True)
class Province:
    """Books with one approved roster, the data of a slapd that knows their agencies, and what opens both."""

    folder: Path
    plan_id: int
    environment: Mapping[str, str]
    """The secrets, and all settings that are the same for every copy."""


def prepare(folder: Path, *, rows: int, certificates: bool) -> Province:
    """Load the sample agencies into books and directory, plan a roster of so many rows, and approve it."""
    folder.mkdir(parents=True)
    environment = {
        "PROVISIONER_AUTHORITY__FOLDER": str(folder / "authority"),
        "PROVISIONER_AUTHORITY__PASSPHRASE": secrets.token_hex(16),
        "PROVISIONER_IDENTITY__KEYS": f"1:{secrets.token_hex(32)}",
        "PROVISIONER_DIRECTORY__BIND_PASSWORD": secrets.token_hex(16),
        "PROVISIONER_DIRECTORY__SUFFIX": SUFFIX,
    }
    with a_slapd(folder / "slapd", environment, "none") as slapd:
        services = services_with(
            environment,
            PROVISIONER_DATABASE__URL=f"sqlite:///{folder}/books.db",
            PROVISIONER_DIRECTORY__URL=slapd.url,
        )
        metadata.create_all(services.database.engine)
        now = services.clock()
        with services.database.transaction() as session:
            imported = import_agencies(
                session,
                AGENCIES.read_bytes(),
                reference=services.reference,
                who=Who("an"),
                today=now.date(),
                now=now,
            )
        assert imported.created
        assert not imported.problems
        hold_ceremony(services, by="an")
        assert not services.sync_directory().waiting_for
        plan_id = _approved(services, folder / "roster.csv", rows=rows, certificates=certificates)
        services.close()
    return Province(folder, plan_id, environment)


def _approved(services: Services, path: Path, *, rows: int, certificates: bool) -> int:
    now = services.clock()
    write_roster(path, rows=rows)
    if not certificates:
        rewrite(path, lambda row: row | {"chung_thu": ""})
    content = path.read_bytes()
    reading = read_roster(content, filename=path.name, today=now.date())
    plan_id = plan(
        services.database, reading, Upload(path.name, content, None, "an"), services.rules, now=now
    )
    with services.database.transaction() as session:
        planned = approving.get_plan(session, plan_id)
        assert planned.counts == {"create": rows}, planned.counts
        approving.approve(session, plan_id, digest=planned.digest, by="binh", now=now)
    return plan_id


def rewrite(path: Path, change: Callable[[dict[str, str]], dict[str, str] | None]) -> None:
    """Change every row of a roster in CSV; None leaves it out."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [changed for row in csv.DictReader(file) if (changed := change(row)) is not None]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, HEADERS)
        writer.writeheader()
        writer.writerows(rows)


class World:
    """A copy of a province with a slapd of its own; `run` takes the approved roster to its end."""

    def __init__(self, province: Province, folder: Path, durability: Durability) -> None:
        self.folder = folder
        self._province = province
        self.plan_id = province.plan_id
        self.peaks: dict[str, float] = {}
        """Megabytes by kind of process, as the kernel kept them; noted while somebody waits."""
        folder.mkdir(parents=True)
        shutil.copy(province.folder / "books.db", folder / "books.db")
        # With its authority: the signer's journal would not let a second copy of the books sign.
        shutil.copytree(province.folder / "authority", folder / "authority")
        # With its holes: written out as zeros, the gigabytes that slapd reserves keep the disk busy for minutes.
        (folder / "slapd").mkdir()
        data = (province.folder / "slapd" / "data", folder / "slapd" / "data")
        subprocess.run(["cp", "--recursive", "--sparse=always", *data], check=True)
        self.slapd = a_slapd(folder / "slapd", province.environment, durability)
        self.redis = PrivateRedis(folder / "redis")
        self.environment = {
            **province.environment,
            "PROVISIONER_AUTHORITY__FOLDER": str(folder / "authority"),
            "PROVISIONER_DATABASE__URL": f"sqlite:///{folder}/books.db",
            "PROVISIONER_REDIS__URL": self.redis.url(),
            "PROVISIONER_DIRECTORY__URL": self.slapd.url,
        }
        self.services = services_with(self.environment)
        self._looking = sqlite3.connect(folder / "books.db", isolation_level=None)
        self.processes: list[ServerProcess] = []

    def __enter__(self) -> Self:
        self.slapd.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            process.stop()
        self._looking.close()
        self.services.close()
        self.redis.stop()
        self.slapd.stop()
        shutil.rmtree(self.folder)

    def employ(self, *, workers: int = 2, signers: int = 0) -> Self:
        """Start Redis, the clock and so many workers and signers, and wait until they listen."""
        self.redis.start()
        for name, module in (
            *(("worker", "jobs.worker worker"),) * workers,
            *(("signer", "jobs.worker signer"),) * signers,
            ("clock", "jobs.clock"),
        ):
            process = ServerProcess(f"{name}-{len(self.processes)}", self.folder)
            process.start([sys.executable, "-m", *module.split()], environment=self.environment)
            self.processes.append(process)
        ours = {process.pid for process in self.processes[:-1]}
        self._until(lambda: len(self._listening() & ours) == len(ours), what="the workers listen")
        return self

    def _listening(self) -> set[int]:
        with Redis.from_url(self.redis.url()) as connection:
            return {w.pid for w in Worker.all(connection=connection) if w.pid and w.get_state() == "idle"}

    def approve(self, plan_id: int) -> None:
        """Say yes to a plan, as a second person."""
        with self.services.database.transaction() as session:
            digest = approving.get_plan(session, plan_id).digest
            approving.approve(session, plan_id, digest=digest, by="binh", now=self.services.clock())

    def carry_out(self) -> None:
        """Bring the approved roster into the books, and only there."""
        self.start(self.plan_id)
        self.services.apply_rosters()

    def start(self, plan_id: int) -> None:
        """Set an approved roster going, as `provisioner roster apply` does."""
        with self.services.database.transaction() as session:
            approving.start(session, plan_id, by="binh", now=self.services.clock())

    def run(self, plan_id: int | None = None) -> float:
        """Set a roster, or the province's own, going and wait until books, directory and certificates are at rest; the seconds."""
        began = time.perf_counter()
        self.start(plan_id or self.plan_id)
        self._until(self._is_at_rest, what="the roster is done")
        taken = time.perf_counter() - began
        self._check(plan_id or self.plan_id)
        return taken

    def run_first_load(self) -> float:
        """Set the roster going and let one command of the product do it all; its seconds with its start."""
        began = time.perf_counter()
        self.start(self.plan_id)
        self.first_load()
        taken = time.perf_counter() - began
        self._check(self.plan_id)
        return taken

    def first_load(self) -> None:
        """Work off all that waits in the books, in one command and into a directory without a mailbox."""
        program = Path(sys.executable).with_name("provisioner")
        password = {"PROVISIONER_DIRECTORY__CONFIG_PASSWORD": self.slapd.config_password.reveal()}
        subprocess.run(
            [program, "work", "--until-idle", "--first-load"],
            env={**os.environ, **self.environment, **password},
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def ldapadd(self, file: Path) -> float:
        """The seconds `ldapadd` takes for this file."""
        password = self.folder / "password"
        password.touch(mode=0o600)
        password.write_text(self._province.environment["PROVISIONER_DIRECTORY__BIND_PASSWORD"])
        command = [
            find_program("ldapadd", package="ldap-utils"),
            *("-x", "-H", self.slapd.url, "-D", self.slapd.bind_dn, "-y", str(password), "-f", str(file)),
        ]
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - began

    def apply_only(self, plan_id: int) -> dict[str, float]:
        """Set a plan going and wait until its rows are in the books, whatever waits for the directory then.

        Returns the peak megabytes of each kind of process.
        """
        self.start(plan_id)
        self._until(lambda: self._state(plan_id) is PlanState.APPLIED, what="the roster is applied")
        return self.peaks

    def _state(self, plan_id: int) -> PlanState | None:
        with self.services.database.reading() as session:
            return session.scalar(select(RosterPlan.state).where(RosterPlan.id == plan_id))

    def export(self, file: Path) -> int:
        """Write the entries of all mailboxes in the books as LDIF; how many."""
        number = 0
        with file.open("w", encoding="ascii") as out:
            for number, entry in enumerate(self._entries(), start=1):  # noqa: B007 - the last one counts
                out.write(ldif(entry))
        return number

    def _entries(self) -> Iterator[Entry]:
        now = self.services.clock()
        with self.services.database.reading() as session:
            ids = session.scalars(select(Mailbox.id).order_by(Mailbox.id)).all()
            agencies = facts.agencies_by_id(session)
            for at in range(0, len(ids), 500):
                chunk = ids[at : at + 500]
                for shown in facts.mailboxes(
                    session, chunk, agencies=agencies, quotas=self.services.quotas, now=now
                ):
                    yield mailbox_entry(shown.facts, self.services.dit)

    def _is_at_rest(self) -> bool:
        # In plain SQL: who measures on two cores must not take an eighth of one to look at the clock.
        return not any(self._looking.execute(question).fetchone() for question in WAITING)

    def _check(self, plan_id: int) -> None:
        """Nothing may be fast because it was left out."""
        with self.services.database.reading() as session:
            counts = approving.progress(session, plan_id)
            assert counts["work"] == counts["applied"], counts
            unseen = session.scalars(select(Mailbox.id).where(Mailbox.first_synced_at.is_(None))).all()
            assert not unseen

    def _note_memory(self) -> None:
        for process in self.processes:
            kind = process.name.partition("-")[0]
            for pid in with_children(process.pid) if process.pid else ():
                self.peaks[kind] = max(self.peaks.get(kind, 0.0), peak_of(pid))

    def _until(self, true: Any, *, what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        looks = count()
        while not true():
            if next(looks) % 10 == 0:
                self._note_memory()
            if time.monotonic() > deadline:
                logs = "\n".join(process.log.read_text()[-2000:] for process in self.processes)
                raise AssertionError(f"after {PATIENCE} s it is not so that {what}\n{logs}")
            time.sleep(0.02)


def a_slapd(folder: Path, environment: Mapping[str, str], durability: Durability) -> PrivateSlapd:
    password = Secret(environment["PROVISIONER_DIRECTORY__BIND_PASSWORD"])
    return PrivateSlapd(folder, suffix=SUFFIX, service_password=password, durability=durability)


def services_with(environment: Mapping[str, str], **more: str) -> Services:
    """Services with these settings, whatever this process's own environment says."""
    sections: dict[str, dict[str, str]] = {}
    for variable, value in {**environment, **more}.items():
        section, _, setting = variable.removeprefix("PROVISIONER_").lower().partition("__")
        sections.setdefault(section, {})[setting] = value
    rings = None if "redis" in sections else lambda _bell: None
    return Services(Settings.load(**sections), ring=rings)


def with_children(pid: int) -> list[int]:
    """A process and the children it has now."""
    try:
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    except (FileNotFoundError, ProcessLookupError):
        return [pid]


def peak_of(pid: int) -> float:
    """The most megabytes a process ever had in memory; 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)

"""One small province at work: private servers, and the product's own processes, to be struck.

Everything has its own ports and folder, so that cases run beside each other; everything ends with the case, and with
the test process if that dies first.
"""

import secrets
import shutil
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil
import redis
from ldap3 import MODIFY_REPLACE
from sqlalchemy import func, select

from provisioner.certificates.models import Certificate, State
from provisioner.certificates.recording import is_unsealed
from provisioner.errors import Unavailable
from provisioner.mailboxes.models import Mailbox
from provisioner.private.postgres import PrivatePostgres
from provisioner.private.process import ServerProcess
from provisioner.private.redis import PrivateRedis
from provisioner.private.slapd import PrivateSlapd
from provisioner.rosters import approving
from provisioner.rosters.models import PlanState, RosterPlan, RosterRow
from provisioner.secret import Secret
from provisioner.services import Services
from provisioner.working import remaining
from tests.faults.province import SECRETS, Province, merged, settings
from tests.invariants import LOSSES, Judgement, judge
from tests.ldap_server import raw
from tests.servers import state_of

LEASE = timedelta(seconds=4)
"""Shorter than in production, and still longer than a chunk on a busy machine."""

PATIENCE = 60.0
"""Seconds within which a province must be at rest after the last fault."""


class World:
    """A copy of an approved province with its servers; `begin` sets the roster going."""

    def __init__(
        self,
        folder: Path,
        province: Province,
        *,
        lease: timedelta = LEASE,
        max_bytes: int = 1 << 30,
        chunk: int = 100,
        told: Callable[[str, object], None] = lambda _name, _value: None,
    ) -> None:
        """`told` takes the figures of `hold`: rows, faults, what was lost, doubled and wrong."""
        self.folder = folder
        self.province = province
        self.password = Secret(secrets.token_hex(12))
        self.slapd = PrivateSlapd(
            folder / "slapd",
            suffix="dc=lamdong,dc=gov,dc=vn",
            service_password=self.password,
            durability="none",
            max_bytes=max_bytes,
        )
        self.redis = PrivateRedis(folder / "redis")
        books = province.copy(folder / "books")
        self.sections = merged(
            SECRETS,
            books,
            {
                "redis": {"url": self.redis.url()},
                "directory": {
                    "url": self.slapd.url,
                    "bind_password": self.password.reveal(),
                    "timeout": 3.0,
                    "chunk": chunk,
                },
                "authority": {"chunk": max(chunk // 2, 1)},
            },
        )
        self.services = Services(settings(self.sections))
        self.processes: list[ServerProcess] = []
        self.faults = 0
        self._lease = lease
        self._told = told

    @property
    def postgres(self) -> PrivatePostgres:
        assert self.province.postgres is not None
        return self.province.postgres

    def __enter__(self) -> Self:
        self.slapd.start()
        self.redis.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes:
            process.kill()
        self.services.close()
        self.redis.stop()
        self.slapd.stop()
        if self.province.postgres is not None:
            self.province.postgres.start().drop_database(
                self.services.settings.database.url.rpartition("/")[2]
            )

    def begin(self) -> None:
        """Set the roster going, as the second person does."""
        with self.services.database.transaction() as session:
            approving.start(session, self.province.plan_id, by="binh", now=self.services.clock())

    def worker(self, failpoint: str = "") -> ServerProcess:
        return self._process("worker", ["jobs.worker", "worker"], failpoint)

    def signer(self, failpoint: str = "") -> ServerProcess:
        return self._process("signer", ["jobs.worker", "signer"], failpoint)

    def clock(self) -> ServerProcess:
        return self._process("clock", ["jobs.clock"], "")

    def staff(self) -> tuple[ServerProcess, ServerProcess, ServerProcess]:
        """A worker, a signer and a clock."""
        return self.worker(), self.signer(), self.clock()

    def strike(self, process: ServerProcess) -> None:
        """End a process as a crash would."""
        process.kill()
        self.faults += 1

    def frozen(self, process: ServerProcess) -> psutil.Process:
        """The child of this worker, once it has stopped at a failpoint."""
        found: list[psutil.Process] = []

        def stopped() -> bool:
            found[:] = [c for c in children(process) if state_of(c.pid) == psutil.STATUS_STOPPED]
            return bool(found)

        self.until(stopped, within=PATIENCE, what="nobody stopped")
        self.faults += 1
        return found[0]

    def applied(self) -> int:
        """How many rows of the roster are in the books."""
        with self.services.database.reading() as session:
            return session.scalar(select(func.count(RosterRow.applied_at))) or 0

    def progress(self) -> int:
        """How much is done: rows in the books, entries in the directory, certificates; it only grows."""
        with self.services.database.reading() as session:
            counts = (
                select(func.count(RosterRow.applied_at)),
                select(func.coalesce(func.sum(Mailbox.synced_revision), 0)),
                select(func.count()).where(Certificate.state == State.ISSUED),
            )
            return sum(session.scalar(count) or 0 for count in counts)

    def reach(self, share: float) -> None:
        """Wait until about this share of all work is done."""
        goal = (
            share * 2.2 * self.province.rows
        )  # each row once in the books, once in the directory, some again
        self.until(lambda: self.progress() >= goal, within=PATIENCE, what=f"{share:.0%} is not done")

    def entries_stand(self) -> None:
        """Wait until the roster is in the books and every entry in the directory."""

        def stand() -> bool:
            with self.services.database.reading() as session:
                return remaining(session).entries == 0

        self.until(
            lambda: self.applied() == self.province.rows and stand(),
            within=PATIENCE,
            what="not all entries stand",
        )

    def is_at_rest(self) -> bool:
        """Whether nothing is pending; rows that wait for a person are not."""
        with self.services.database.reading() as session:
            left = remaining(session)
            applying = session.scalar(
                select(func.count()).where(RosterPlan.state.in_((PlanState.APPROVED, PlanState.APPLYING)))
            )
            unsealed = session.scalar(select(is_unsealed()))
        return not (left.entries or left.certificates or applying or unsealed)

    def rest(self, *, within: float = PATIENCE) -> float:
        """Wait until nothing is pending; the seconds it took."""
        return self.until(self.is_at_rest, within=within, what="the province is not at rest")

    def until(self, true: Callable[[], bool], *, within: float, what: str) -> float:
        """Wait until something is true, with the books away or not; the seconds it took."""
        began = time.monotonic()
        while True:
            try:
                if true():
                    return time.monotonic() - began
            except (Unavailable, redis.exceptions.RedisError):
                pass
            if time.monotonic() - began > within:
                raise AssertionError(f"after {within} s {what}\n{self._logs()}")
            time.sleep(0.05)

    def struck(self, process: ServerProcess, name: str) -> None:
        """Wait until the failpoint of this name did what it was asked for."""
        self.until(
            lambda: f"struck at {name}" in process.log.read_text(errors="replace"),
            within=PATIENCE,
            what=f"nothing was struck at {name}",
        )
        self.faults += 1

    def kill_slapd(self, *, away: float = 0) -> None:
        self.slapd.kill()
        self.faults += 1
        time.sleep(away)
        self.slapd.start()

    def kill_postgres(self, *, away: float = 0) -> None:
        self.postgres.kill()
        self.faults += 1
        time.sleep(away)
        self.postgres.start()

    def kill_redis(self, *, away: float = 0) -> None:
        """It comes back without anything it held."""
        self.redis.kill()
        shutil.rmtree(self.redis.folder)
        self.faults += 1
        time.sleep(away)
        self.redis.start()

    def configure_slapd(self, attribute: str, value: str) -> None:
        """Change a setting of slapd's database while it runs."""
        with raw(self.slapd, dn=self.slapd.config_dn, password=self.slapd.config_password) as connection:
            connection.modify("olcDatabase={1}mdb,cn=config", {attribute: [(MODIFY_REPLACE, [value])]})  # type: ignore[no-untyped-call]

    def flush(self) -> None:
        """Lose everything that Redis holds."""
        with redis.Redis.from_url(self.redis.url()) as client:
            client.flushall()
        self.faults += 1

    def hold(self) -> Judgement:
        """Wait for rest, then assert that nothing is lost, doubled or wrong; what every case ends with."""
        self.rest()
        judged = judge(self.services)
        self._told("faults", self.faults)
        self._told("rows", judged.rows)
        for loss in LOSSES:
            self._told(loss, judged.count(loss))
        assert not judged.breaches, judged.breaches[:20]
        assert judged.done + judged.refused + judged.needs_person == judged.rows == self.province.rows
        return judged

    def _process(self, name: str, module: list[str], failpoint: str) -> ServerProcess:
        environment = {
            f"PROVISIONER_{section}__{setting}".upper(): str(value)
            for section, values in self.sections.items()
            for setting, value in values.items()
        }
        environment |= {
            "PROVISIONER_TESTING": "1",
            "PROVISIONER_FAILPOINT": failpoint,
            "PROVISIONER_LEASE": str(self._lease.total_seconds()),
            "PROVISIONER_IDLE_LIMIT": str(self._lease.total_seconds()),
        }
        process = ServerProcess(f"{name}-{len(self.processes)}", self.folder)
        process.start([sys.executable, "-m", *module], environment=environment)
        self.processes.append(process)
        return process

    def _logs(self) -> str:
        return "\n".join(
            f"== {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-12:])
            for log in [process.log for process in self.processes] + [self.slapd.log, self.redis.log]
            if log.exists()
        )


def children(process: ServerProcess) -> list[psutil.Process]:
    """The work-horses of a worker; none when it is gone."""
    try:
        return psutil.Process(process.pid).children() if process.pid else []
    except psutil.NoSuchProcess:
        return []

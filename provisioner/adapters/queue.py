"""The doorbell: RQ on Redis. A job carries a name and nothing else; it means "look at the books".

Losing every job loses nothing: the clock rings again for whatever is pending. So nothing here
raises, and a bell that has calls waiting is not rung again.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError
from rq import Queue
from rq.worker_registration import get_keys

from provisioner.errors import Text, Unavailable

log = logging.getLogger(__name__)

WORKER: Final = "worker"
SIGNER: Final = "signer"

BELLS: Final = {
    "planning": (WORKER, "jobs.tasks.plan_rosters"),
    "rosters": (WORKER, "jobs.tasks.apply_rosters"),
    "results": (WORKER, "jobs.tasks.write_results"),
    "directory": (WORKER, "jobs.tasks.sync_directory"),
    "reconciliation": (WORKER, "jobs.tasks.reconcile_directory"),
    "signing": (SIGNER, "jobs.tasks.sign_certificates"),
    "lists": (SIGNER, "jobs.tasks.renew_lists"),
    "record": (SIGNER, "jobs.tasks.seal_record"),
    "reports": (SIGNER, "jobs.tasks.seal_reports"),
    "revocations": (WORKER, "jobs.tasks.carry_out_revocations"),
    "responders": (SIGNER, "jobs.tasks.delegate_answers"),
    "answers": (WORKER, "jobs.tasks.sign_answers"),
    "renewals": (WORKER, "jobs.tasks.renew_certificates"),
    "audit": (WORKER, "jobs.tasks.audit_certificates"),
    "stale": (WORKER, "jobs.tasks.note_stale_certificates"),
    "coverage": (WORKER, "jobs.tasks.recount_coverage"),
    "sign-ins": (WORKER, "jobs.tasks.bring_in_sign_ins"),
    "sizes": (WORKER, "jobs.tasks.bring_in_sizes"),
    "timers": (WORKER, "jobs.tasks.run_timers"),
    "snapshot": (WORKER, "jobs.tasks.take_snapshot"),
    "notices": (WORKER, "jobs.tasks.send_notices"),
}
"""What is rung for: the queue of the process that answers, and the function it calls."""

ENOUGH: Final = 8
"""Calls of one bell waiting; more would only say the same again. What rings once an hour finds its place beside them."""

JOB_TIMEOUT: Final = 3600


@dataclass(frozen=True, slots=True)
class Manned:
    """One queue. Redis forgets a worker two minutes after it was last heard of, at the latest."""

    workers: int
    waiting: int


class Doorbell:
    """Rings for workers through Redis; a Redis that is away is logged and forgotten."""

    def __init__(self, url: str) -> None:
        self._address = url.rpartition("@")[2]
        self._redis = Redis.from_url(url, socket_connect_timeout=2, socket_timeout=2)

    def __call__(self, *bells: str) -> None:
        """Ring these bells; the first that Redis does not hear is the last, so that nobody waits for each in turn."""
        for bell in bells:
            try:
                self._ring(bell)
            except RedisError as error:
                log.warning("Redis does not answer (%s); the clock will ring for %s later", error, bell)
                return

    def _ring(self, bell: str) -> None:
        queue_name, function = BELLS[bell]
        queue = self._queue(queue_name)
        ids: list[Any] = self._redis.lrange(queue.key, 0, -1)
        if sum(job_id.startswith(f"{bell}-".encode()) for job_id in ids) < ENOUGH:
            job_id = f"{bell}-{uuid4()}"
            queue.enqueue(function, job_id=job_id, job_timeout=JOB_TIMEOUT, result_ttl=0, failure_ttl=86400)

    def waiting(self) -> int:
        """How many calls wait in all queues. Raises `Unavailable`."""
        return sum(queue.waiting for queue in self.queues().values())

    def queues(self) -> dict[str, Manned]:
        """Who works at each queue, and what waits in it. Raises `Unavailable`."""
        with self._translated():
            found = {}
            for name in (WORKER, SIGNER):
                queue = self._queue(name)
                registered = get_keys(queue=queue)
                alive = self._redis.exists(*registered) if registered else 0
                found[name] = Manned(alive, queue.count)
            return found

    def _queue(self, name: str) -> Queue:
        # JSON, never pickle: whoever can write to Redis must not be able to run code here.
        return Queue(name, connection=self._redis, serializer="json")

    def version(self) -> str:
        """The server's version. Raises `Unavailable`."""
        with self._translated():
            return str(self._redis.info("server")["redis_version"])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except AuthenticationError as error:
            raise Unavailable(
                Text(
                    vi=f"Redis tại {self._address} từ chối mật khẩu: {error}. Hãy sửa PROVISIONER_REDIS__URL và khởi động lại.",
                    en=f"Redis at {self._address} refuses the password: {error}. Correct PROVISIONER_REDIS__URL and start again.",
                ),
                code="redis-password-refused",
            ) from error
        except RedisError as error:
            raise Unavailable(
                Text(
                    vi=f"Redis không trả lời tại {self._address}: {error}. Hãy khởi động redis-server; "
                    "trong khi chờ không mất gì cả.",
                    en=f"Redis does not answer at {self._address}: {error}. Start redis-server; "
                    "nothing is lost meanwhile.",
                ),
                code="redis-unavailable",
            ) from error

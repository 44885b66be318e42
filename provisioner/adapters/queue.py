"""The doorbell: RQ on Redis. A job carries a name and nothing else; it means "look at the books".

Losing every job loses nothing: the clock rings again for whatever is pending. So nothing here
raises, and a bell that has calls waiting is not rung again.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue

from provisioner.errors import Text, Unavailable

log = logging.getLogger(__name__)

WORKER: Final = "worker"
SIGNER: Final = "signer"

BELLS: Final = {
    "planning": (WORKER, "jobs.tasks.plan_rosters"),
    "rosters": (WORKER, "jobs.tasks.apply_rosters"),
    "results": (WORKER, "jobs.tasks.write_results"),
    "directory": (WORKER, "jobs.tasks.sync_directory"),
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
    "timers": (WORKER, "jobs.tasks.run_timers"),
    "snapshot": (WORKER, "jobs.tasks.take_snapshot"),
    "notices": (WORKER, "jobs.tasks.send_notices"),
}
"""What is rung for: the queue of the process that answers, and the function it calls."""

ENOUGH: Final = 8
"""Calls of one bell waiting; more would only say the same again. What rings once an hour finds its place beside them."""

JOB_TIMEOUT: Final = 3600


class Doorbell:
    """Rings for workers through Redis; a Redis that is away is logged and forgotten."""

    def __init__(self, url: str) -> None:
        self._address = url.rpartition("@")[2]
        self._redis = Redis.from_url(url, socket_connect_timeout=2, socket_timeout=5)

    def __call__(self, bell: str) -> None:
        queue_name, function = BELLS[bell]
        try:
            # JSON, never pickle: whoever can write to Redis must not be able to run code here.
            queue = Queue(queue_name, connection=self._redis, serializer="json")
            ids: list[Any] = self._redis.lrange(queue.key, 0, -1)
            if sum(job_id.startswith(f"{bell}-".encode()) for job_id in ids) < ENOUGH:
                job_id = f"{bell}-{uuid4()}"
                queue.enqueue(
                    function, job_id=job_id, job_timeout=JOB_TIMEOUT, result_ttl=0, failure_ttl=86400
                )
        except RedisError as error:
            log.warning("Redis does not answer (%s); the clock will ring for %s later", error, bell)

    def waiting(self) -> int:
        """How many calls wait in all queues. Raises `Unavailable`."""
        with self._translated():
            queues = (Queue(name, connection=self._redis, serializer="json") for name in (WORKER, SIGNER))
            return sum(queue.count for queue in queues)

    def version(self) -> str:
        """The server's version. Raises `Unavailable`."""
        with self._translated():
            return str(self._redis.info("server")["redis_version"])

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
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

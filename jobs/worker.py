"""A worker for one queue: `python -m jobs.worker worker` or `python -m jobs.worker signer`.

One queue per process: RQ loses a job that is on its way between two queues. JSON, because a
worker that unpickles executes what Redis says; only functions of `jobs.tasks` are called, and a
job that brings anything else along is refused. Its work-horses end with it, so that an orphan
never works beside its successor. Whatever Redis does, the worker goes on until it is told to stop.
"""

import ctypes
import gc
import logging
import os
import signal
import sys
import time
from types import FrameType

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue, Worker
from rq.exceptions import DeserializationError, StopRequested
from rq.job import Job
from sqlalchemy.orm import configure_mappers

import jobs.tasks  # noqa: F401 - imported before the fork, once, instead of in every work-horse
from provisioner.adapters.queue import BELLS, SIGNER, WORKER
from provisioner.collecting import set_imports_aside
from provisioner.errors import ProvisionerError
from provisioner.services import Services
from provisioner.settings import Settings

log = logging.getLogger(__name__)

ALLOWED = {function for _, function in BELLS.values()}

PR_SET_PDEATHSIG = 1

PAUSE = 2.0
"""Seconds before a worker that lost Redis, or stumbled over what it found there, begins anew."""


class Call(Job):
    """A call as Redis has it, without what else it may bring along.

    RQ would import and call its callbacks and post to its webhooks, also when it clears up after a worker that died.
    """

    success_callback = failure_callback = stopped_callback = None

    def send_webhooks(self, *_about: object, **_more: object) -> None:
        """Tell nobody."""


class OneQueueWorker(Worker):
    """A worker that refuses jobs that are not ours, and whose work-horses die with it."""

    max_connection_wait_time = 5.0
    """Seconds between two looks for a Redis that is away; RQ's own 60 would be a minute's delay after an outage."""

    asked_to_stop = False

    def execute_job(self, job: Job, queue: Queue) -> None:
        if not is_ours(job):
            log.error("refused job %s: not one of our calls", job.id)
            job.delete()
            return
        super().execute_job(job, queue)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self.pid:
            os._exit(1)  # the parent died before we could ask to die with it
        super().main_work_horse(job, queue)

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        self.asked_to_stop = True
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]


def is_ours(job: Job) -> bool:
    """Whether this is one of our calls and nothing besides.

    A job in Redis may also name callbacks, which RQ would import and call, and webhooks, which it would post to.
    """
    try:
        is_plain = job.func_name in ALLOWED and not (job.instance or job.args or job.kwargs)
    except DeserializationError:
        return False
    brought = ("_success_callback_name", "_failure_callback_name", "_stopped_callback_name", "webhooks")
    return is_plain and not any(getattr(job, name) for name in brought)


def a_worker(queue_name: str, redis_url: str) -> OneQueueWorker:
    """A worker for this queue, to whom nothing in Redis is more than a call."""
    connection = Redis.from_url(redis_url)
    return OneQueueWorker(
        [Queue(queue_name, connection=connection, serializer="json", job_class=Call)],
        connection=connection,
        serializer="json",
        job_class=Call,
        worker_ttl=45,
        maintenance_interval=15,
        job_monitoring_interval=5,
    )


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if sys.argv[1:] not in ([WORKER], [SIGNER]):
        sys.exit(f"usage: python -m jobs.worker {WORKER}|{SIGNER}")
    try:
        settings = Services(Settings.load()).checked().settings
        if sys.argv[1] == SIGNER:
            settings.key_secret()
    except ProvisionerError as error:
        sys.exit(str(error))
    configure_mappers()  # SQLAlchemy would do it at the first question, in each work-horse anew
    gc.collect()
    set_imports_aside()
    while not _worked_until_told(sys.argv[1], settings.redis.url):
        pass


def _worked_until_told(queue_name: str, redis_url: str) -> bool:
    """Work until told to stop, or until RQ gives up: it ends its loop at a lost Redis and at what it cannot read."""
    worker = None
    try:
        worker = a_worker(queue_name, redis_url)
        worker.work(logging_level="WARNING")
        if not worker.asked_to_stop:
            log.warning("the worker stumbled; beginning anew")
            time.sleep(PAUSE)
    except RedisError as error:
        if worker is None or not worker.asked_to_stop:
            log.warning("Redis does not answer (%s); trying again", error)
            time.sleep(PAUSE)
    except StopRequested:
        return True
    return worker is not None and worker.asked_to_stop


if __name__ == "__main__":
    main()

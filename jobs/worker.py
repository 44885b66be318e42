"""A worker for one queue: `python -m jobs.worker worker` or `python -m jobs.worker signer`.

One queue per process: RQ loses a job that is on its way between two queues. JSON, because a
worker that unpickles executes what Redis says; only functions of `jobs.tasks` are called. Its
work-horses end with it, so that an orphan never works beside its successor.
"""

import ctypes
import logging
import os
import signal
import sys
import time

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from rq import Queue, Worker
from rq.job import Job

import jobs.tasks  # noqa: F401 - imported before the fork, once, instead of in every work-horse
from provisioner.adapters.queue import BELLS, SIGNER, WORKER
from provisioner.errors import ProvisionerError
from provisioner.settings import Settings

log = logging.getLogger(__name__)

ALLOWED = {function for _, function in BELLS.values()}

PR_SET_PDEATHSIG = 1


class OneQueueWorker(Worker):
    """A worker that refuses functions it does not know, and whose work-horses die with it."""

    def execute_job(self, job: Job, queue: Queue) -> None:
        if job.func_name not in ALLOWED:
            log.error("refused to run %s: not one of our tasks", job.func_name)
            job.delete()
            return
        super().execute_job(job, queue)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # the parent died before we could ask to die with it
        super().main_work_horse(job, queue)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if sys.argv[1:] not in ([WORKER], [SIGNER]):
        sys.exit(f"usage: python -m jobs.worker {WORKER}|{SIGNER}")
    try:
        settings = Settings.load()
        if sys.argv[1] == SIGNER:
            settings.passphrase()
    except ProvisionerError as error:
        sys.exit(str(error))
    while True:
        try:
            connection = Redis.from_url(settings.redis.url)
            queue = Queue(sys.argv[1], connection=connection, serializer="json")
            worker = OneQueueWorker(
                [queue],
                connection=connection,
                serializer="json",
                worker_ttl=45,
                maintenance_interval=15,
                job_monitoring_interval=5,
            )
            worker.work(logging_level="WARNING")
        except RedisConnectionError as error:
            log.warning("Redis does not answer (%s); trying again", error)
            time.sleep(2)
            continue
        return


if __name__ == "__main__":
    main()

"""Workers: what strangers write into Redis is a call of ours, or it is nothing."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from redis import Redis
from rq import Callback, Queue
from rq.job import Job, JobStatus
from rq.webhook import Webhook

from jobs.worker import a_worker
from provisioner.adapters.queue import SIGNER

called: list[str] = []


def stranger(job: Job, *_about: object) -> None:
    """What somebody who can write to Redis would like us to call."""
    called.append(job.id)


@pytest.fixture
def posted() -> Iterator[tuple[str, list[str]]]:
    """A site somewhere, and what was posted to it."""
    seen: list[str] = []

    class Site(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.path)
            self.send_response(204)
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Site) as site:
        Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{site.server_port}/", seen
        site.shutdown()


def test_clearing_up_after_a_dead_worker_calls_and_tells_nobody(
    redis_url: str, posted: tuple[str, list[str]]
) -> None:
    """RQ calls what a job names for its failure when it finds that its worker died, and no worker ever took it."""
    address, seen = posted
    with Redis.from_url(redis_url) as redis:
        queue = Queue(SIGNER, connection=redis, serializer="json")
        job = queue.enqueue(
            "jobs.tasks.sign_certificates",
            on_failure=Callback(f"{__name__}.stranger"),
            webhooks=[Webhook(address, "failed", method="POST")],
        )
        redis.delete(queue.key)
        job.set_status(JobStatus.STARTED)
        redis.zadd(f"rq:wip:{SIGNER}", {f"{job.id}:somebody": 1})

    a_worker(SIGNER, redis_url).clean_registries()

    with Redis.from_url(redis_url) as redis:
        assert redis.zcard(f"rq:wip:{SIGNER}") == 0
    assert (called, seen) == ([], [])

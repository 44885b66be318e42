"""Workers that die, race and wake up late, and what strangers push into their queues."""

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import redis
from rq import Callback, Queue
from sqlalchemy import select, update

from provisioner.mailboxes.models import Mailbox
from provisioner.mailboxes.opening import touch
from provisioner.people.models import Person
from tests.faults.conftest import Books
from tests.faults.world import World, children

BOTH = pytest.mark.parametrize("books", ["sqlite", "postgres"])


@pytest.mark.slow
@BOTH
def test_work_horses_die_with_their_worker(world: Callable[..., World], books: Books) -> None:
    province = world(books)
    province.begin()
    province.clock()
    province.signer()
    worker = province.worker("sync.put=stop@2")
    horse = province.frozen(worker)

    worker.kill()

    horse.wait(timeout=2)
    province.worker()
    province.hold()


@pytest.mark.slow
def test_a_worker_alone_is_killed_in_the_middle_and_leaves_no_orphan(world: Callable[..., World]) -> None:
    province = world()
    worker, _, _ = province.staff()
    province.begin()
    horses: list[psutil.Process] = []

    def at_work() -> bool:
        horses[:] = children(worker)
        return bool(horses) and province.progress() > province.province.rows

    province.until(at_work, within=60, what="nobody works")
    province.strike(worker)

    horses[0].wait(timeout=2)
    province.worker()
    province.hold()


@pytest.mark.slow
@BOTH
def test_two_workers_and_two_signers_race_and_double_nothing(
    world: Callable[..., World], books: Books
) -> None:
    province = world(books, chunk=20)
    for _ in range(2):
        province.staff()

    province.begin()

    province.hold()


@pytest.mark.slow
@pytest.mark.parametrize("books", ["sqlite", "postgres"])
def test_a_worker_that_wakes_up_late_does_not_bring_the_old_state_back(
    world: Callable[..., World], books: Books
) -> None:
    province = world(books)
    province.begin()
    province.clock()
    late = province.worker("sync.gathered=stop@2")
    horse = province.frozen(late)
    province.staff()
    province.rest()
    with province.services.database.transaction() as session:
        mailboxes = session.execute(
            select(Mailbox.id, Mailbox.person_id).where(Mailbox.person_id.is_not(None))
        )
        whose = {row.id: row.person_id for row in mailboxes}
        session.execute(update(Person).where(Person.id.in_(whose.values())).values(phone="0263 000 000"))
        touch(session, whose)
    province.rest()

    horse.resume()
    horse.wait(timeout=30)

    province.hold()


def test_what_strangers_push_into_the_queue_is_refused(world: Callable[..., World], tmp_path: Path) -> None:
    province = world()
    made = [tmp_path / name for name in ("pickled", "unknown", "called-back")]
    with redis.Redis.from_url(province.redis.url()) as client:
        Queue("worker", connection=client).enqueue("os.mkdir", str(made[0]))
        ours = Queue("worker", connection=client, serializer="json")
        ours.enqueue("os.mkdir", str(made[1]))
        ours.enqueue("jobs.tasks.apply_rosters", on_success=Callback("os.mkdir"))
        ours.enqueue("jobs.tasks.sync_directory", str(made[2]))
        client.hset(
            "rq:job:garbage", mapping={"data": b"\x80\x04.", "created_at": "yesterday", "status": "odd"}
        )
        client.rpush("rq:queue:worker", "garbage")
        province.faults += 5

    worker, signer, _ = province.staff()
    running = (worker.pid, signer.pid)
    province.begin()

    province.hold()
    assert (worker.pid, signer.pid) == running
    assert not any(path.exists() for path in made)
    assert worker.log.read_text().count("refused job") == 4

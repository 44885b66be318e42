"""The doorbell: each bell finds its place in the queue, however often another one was rung."""

from collections import Counter
from pathlib import Path

import pytest
from redis import Redis

from provisioner.adapters.queue import ENOUGH, SIGNER, Doorbell
from provisioner.errors import Unavailable
from provisioner.private.redis import PrivateRedis
from provisioner.secret import Secret


def test_a_bell_rung_too_often_keeps_no_other_from_being_heard(redis_url: str) -> None:
    bell = Doorbell(redis_url)
    with Redis.from_url(redis_url) as redis:
        redis.rpush(f"rq:queue:{SIGNER}", b"\xff somebody's garbage")

        for _ in range(3 * ENOUGH):
            bell("signing")
        bell("responders")

        ids = redis.lrange(f"rq:queue:{SIGNER}", 1, -1)
    assert Counter(job_id.partition(b"-")[0] for job_id in ids) == {b"signing": ENOUGH, b"responders": 1}
    assert bell.waiting() == ENOUGH + 2


def test_a_refused_password_is_told_as_one_and_not_printed(tmp_path: Path) -> None:
    with PrivateRedis(tmp_path / "redis", password=Secret("the-new-one")) as server:
        bell = Doorbell(f"redis://:the-old-one@127.0.0.1:{server.port}/0")

        with pytest.raises(Unavailable, match=r"refuses the password.*PROVISIONER_REDIS__URL") as refused:
            bell.version()

    assert "the-old-one" not in str(refused.value)

"""Struck at every named place in the code: killed, raised, frozen past the lease."""

from collections.abc import Callable

import pytest

from tests.faults.world import World

AT_WORK = ("apply.carried-out", "apply.before-commit", "sync.claimed", "sync.put", "sync.marked")
AT_SIGNING = ("issue.reserved", "issue.signed", "issue.recorded")


def strike(world: World, name: str, action: str) -> None:
    """Let a process reach the failpoint, end it, and put a fresh one in its place."""
    at_signing = name in AT_SIGNING
    struck = (world.signer if at_signing else world.worker)(f"{name}={action}")
    other = (world.worker if at_signing else world.signer)()
    world.clock()
    world.begin()
    world.struck(struck, name)
    struck.kill()
    assert other.pid
    (world.signer if at_signing else world.worker)()


@pytest.mark.parametrize("name", ["sync.put", "issue.signed"])
def test_killed_between_an_effect_and_its_record(world: Callable[..., World], name: str) -> None:
    province = world()

    strike(province, name, "kill@2")

    province.hold()

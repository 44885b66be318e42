"""Series of random faults: one seed is one series, and the same seed is the same series."""

import random
import time
from collections.abc import Callable

import psutil
import pytest

from tests.faults.conftest import Books
from tests.faults.world import World

Fault = Callable[["Crew"], None]


class Crew:
    """A province with its processes, each replaced when it is struck."""

    def __init__(self, province: World, dice: random.Random) -> None:
        self.province = province
        self.dice = dice
        self.hands = {"worker": province.worker(), "signer": province.signer(), "clock": province.clock()}

    def killed(self, name: str) -> None:
        self.province.strike(self.hands[name])
        self.hands[name] = getattr(self.province, name)()

    def frozen(self, name: str) -> None:
        """Freeze a process and all it forked until its lease is over, beside another that goes on."""
        parent = psutil.Process(self.hands[name].pid)
        family = [parent, *parent.children()]
        for process in family:
            process.suspend()
        self.province.faults += 1
        getattr(self.province, name)()
        time.sleep(5)
        for process in family:
            if process.is_running():
                process.resume()

    def read_only(self) -> None:
        self.province.configure_slapd("olcReadOnly", "TRUE")
        self.province.faults += 1
        time.sleep(self.dice.uniform(0, 3))
        self.province.configure_slapd("olcReadOnly", "FALSE")


FAULTS: dict[str, Fault] = {
    "worker killed": lambda crew: crew.killed("worker"),
    "signer killed": lambda crew: crew.killed("signer"),
    "clock killed": lambda crew: crew.killed("clock"),
    "worker frozen": lambda crew: crew.frozen("worker"),
    "signer frozen": lambda crew: crew.frozen("signer"),
    "slapd killed": lambda crew: crew.province.kill_slapd(away=crew.dice.uniform(0, 3)),
    "Redis killed": lambda crew: crew.province.kill_redis(away=crew.dice.uniform(0, 3)),
    "Redis flushed": lambda crew: crew.province.flush(),
    "slapd read-only": Crew.read_only,
}

OF_POSTGRES: dict[str, Fault] = {
    "PostgreSQL killed": lambda crew: crew.province.kill_postgres(away=crew.dice.uniform(0, 3)),
}


@pytest.mark.slow
@pytest.mark.parametrize("books", ["sqlite", "postgres"])
def test_a_series_of_random_faults_loses_and_doubles_nothing(
    world: Callable[..., World], books: Books, seed: int
) -> None:
    dice = random.Random(seed)
    province = world(books)
    crew = Crew(province, dice)
    faults = FAULTS | (OF_POSTGRES if books == "postgres" else {})
    province.begin()

    for name in dice.choices(sorted(faults), k=6):
        time.sleep(dice.uniform(0, 1.5))
        faults[name](crew)

    province.hold()

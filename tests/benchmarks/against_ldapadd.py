"""The whole way of a roster against `ldapadd` of the same ready-made entries into the same kind of slapd."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from provisioner.private.slapd import Durability
from tests.benchmarks.results import Result, in_turns, median, ratio
from tests.benchmarks.stage import Province, World

SAMPLE = 6041


def measure(folder: Path, plain: Province, certified: Province, *, rounds: int = 5) -> list[Result]:
    """From the approved plan to the last entry synced (and the last certificate published), in turns.

    Both provinces have the same number of rows; only the second asks for certificates.
    """
    folder.mkdir()
    numbers = count()
    signer: list[float] = []

    @contextmanager
    def world(province: Province, durability: Durability) -> Iterator[World]:
        with World(province, folder / f"world-{next(numbers)}", durability) as opened:
            yield opened

    file = folder / "entries.ldif"
    with world(plain, "none") as exporting:
        exporting.carry_out()
        rows = exporting.export(file)

    def ldapadd(durability: Durability) -> Callable[[], float]:
        def once() -> float:
            with world(plain, durability) as opened:
                return opened.ldapadd(file)

        return once

    def ours(province: Province, *, signers: int = 0) -> Callable[[], float]:
        def once() -> float:
            with world(province, "nometasync") as opened:
                seconds = opened.employ(signers=signers).run()
                signer.append(opened.peaks.get("signer", 0.0))
                return seconds

        return once

    def first_load() -> float:
        with world(plain, "stock") as opened:
            return opened.run_first_load()

    taken = in_turns(
        rounds,
        {
            "ldapadd": ldapadd("nometasync"),
            "mailboxes": ours(plain),
            "stock": ldapadd("stock"),
            "certificates": ours(certified, signers=1),
            "first load": first_load,
        },
    )
    return [
        ratio(
            "mailboxes: ldapadd's time by ours, same server settings",
            taken["ldapadd"],
            taken["mailboxes"],
            goal=">= 1.0",
        ),
        ratio(
            "mailboxes: ldapadd's time with stock settings by ours as shipped",
            taken["stock"],
            taken["mailboxes"],
            goal=">= 1.5",
        ),
        ratio(
            "mailboxes: ldapadd's time with stock settings by ours in a first load",
            taken["stock"],
            taken["first load"],
            goal=">= 3",
        ),
        ratio(
            "with certificates: our time by ldapadd's without them",
            taken["certificates"],
            taken["ldapadd"],
            goal="<= 2",
        ),
        Result(f"peak memory: signer, {rows:,} rows", max(signer), "MB", "<= 250"),
        *(
            median(f"{name}: entries a second", [rows / s for s in runs], "1/s")
            for name, runs in taken.items()
        ),
    ]

"""`./run bench`: measure, print a table, write var/bench.json."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from tests.benchmarks import against_ldapadd, growth, hsm, lists, memory, ocsp, reporting, signing, site
from tests.benchmarks.results import Result, show, write
from tests.benchmarks.stage import Province, prepare

OUT = Path("var/bench.json")


def measures(folder: Path, *, quick: bool) -> dict[str, Callable[[], list[Result]]]:
    """Every measure by name, in full size or in one that only shows that it works."""
    rows = 600 if quick else against_ldapadd.SAMPLE
    made: dict[str, Province] = {}

    def province(name: str) -> Province:
        if name not in made:
            made[name] = prepare(folder / name, rows=rows, certificates=name == "certified")
        return made[name]

    return {
        "ldapadd": lambda: against_ldapadd.measure(
            folder / "ldapadd", province("plain"), province("certified"), rounds=1 if quick else 5
        ),
        "signing": lambda: signing.measure(
            folder / "signing", province("certified"), rounds=1 if quick else 5, loop=10 if quick else 100
        ),
        "hsm": lambda: hsm.measure(folder / "hsm", number=40 if quick else 400, rounds=1 if quick else 5),
        "lists": lambda: lists.measure(
            folder / "lists", entries=2_000 if quick else 100_000, rounds=1 if quick else 5
        ),
        "ocsp": lambda: ocsp.measure(
            folder / "ocsp",
            certificates=20 if quick else 1_000,
            number=200 if quick else 5_000,
            rounds=1 if quick else 5,
        ),
        "memory": lambda: memory.measure(
            folder / "memory", province("plain"), rows=2_000 if quick else 100_000
        ),
        "growth": lambda: growth.measure(
            folder / "growth",
            province("plain"),
            sizes=(1_000, 4_000) if quick else (10_000, 200_000),
            rounds=1 if quick else 5,
        ),
        "coverage": lambda: reporting.measure(
            folder / "coverage", people=5_000 if quick else 200_000, rounds=3 if quick else 9
        ),
        "site": lambda: site.measure(
            folder / "site",
            people=2_000 if quick else 200_000,
            seconds=6 if quick else 60,
            alone=20 if quick else 100,
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it works, says nothing")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="one of these measures; may be repeated"
    )
    given = parser.parse_args()
    console = Console()
    folder = Path(tempfile.mkdtemp(prefix="provisioner-bench-"))
    folder.chmod(0o711)
    results: list[Result] = []
    try:
        chosen = measures(folder, quick=given.quick)
        for name in given.only or list(chosen):
            began = time.monotonic()
            print(name, file=sys.stderr)
            results += chosen[name]()
            print(f"  {time.monotonic() - began:.0f} s in all", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        show(results, console)
        write(results, OUT)
    sys.exit(any(result.holds is False for result in results) and not given.quick)


if __name__ == "__main__":
    main()

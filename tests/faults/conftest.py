"""Worlds for the faults: small ones beside the other tests, with a thousand rows for `./run faults`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from provisioner.private.postgres import PrivatePostgres
from tests.faults.province import Province
from tests.faults.world import World
from tests.invariants import LOSSES

Books = Literal["sqlite", "postgres"]

SHORT, FULL = 240, 1000
"""Rows of a roster: in the main suite, and with `--long`."""


def seed_and_all(names: Sequence[str], seed: Sequence[tuple[str, Books]]) -> pytest.MarkDecorator:
    """Every name on both databases; outside `--long` only the pairs of the seed."""
    return pytest.mark.parametrize(
        ("name", "books"),
        [
            pytest.param(name, books, marks=() if (name, books) in seed else pytest.mark.slow)
            for name in names
            for books in get_args(Books)
        ],
    )


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--seeds", type=int, default=5, help="how many series of random faults, for ./run faults"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", range(metafunc.config.getoption("--seeds", default=5)))


@pytest.fixture(scope="session")
def rows(request: pytest.FixtureRequest) -> int:
    return FULL if request.config.getoption("--long") else SHORT


@pytest.fixture(scope="session")
def province(server_folder: Path, request: pytest.FixtureRequest, rows: int) -> Callable[[Books], Province]:
    """Approved books on a kind of database, made at the first call."""
    made: dict[Books, Province] = {}

    def on(books: Books) -> Province:
        if books not in made:
            postgres: PrivatePostgres | None = None
            if books == "postgres":
                postgres = request.getfixturevalue("postgres_server")
            made[books] = Province.make(server_folder / f"province-{books}", postgres, rows=rows)
        return made[books]

    return on


@pytest.fixture
def world(
    province: Callable[[Books], Province], tmp_path: Path, record_property: Callable[[str, object], None]
) -> Iterator[Callable[..., World]]:
    """Open worlds, and close them after the test."""
    with ExitStack() as stack:
        number = count()

        def open_world(books: Books = "sqlite", **options: Any) -> World:
            folder = tmp_path / f"world-{next(number)}"
            return stack.enter_context(World(folder, province(books), told=record_property, **options))

        yield open_world


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line: how much was struck, and what it cost."""
    reports = [*terminalreporter.stats.get("passed", []), *terminalreporter.stats.get("failed", [])]
    told = [report.user_properties for report in reports if report.when == "call"]
    totals = {
        name: sum(int(value) for properties in told for key, value in properties if key == name)
        for name in ("faults", "rows", *LOSSES)
    }
    if totals["faults"]:
        terminalreporter.write_line(
            "{faults} faults struck, {rows} rows: {lost} lost, {doubled} doubled, {wrong} wrong".format(
                **totals
            )
        )
    for properties in told:
        for name, value in properties:
            if name.startswith("recovery: "):
                terminalreporter.write_line(f"{name.removeprefix('recovery: ')}: {value} s")

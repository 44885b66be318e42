"""Whether adding slows down as the directory and the books fill: the same rosters into a small and a large province."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.demo.officials import write_roster
from provisioner.mailboxes.opening import NewMailbox, open_mailboxes
from provisioner.people.names import parse
from provisioner.people.registering import Newcomer, PostFacts, register
from provisioner.rosters.planning import Upload, plan
from provisioner.rosters.reading import read_roster
from tests.benchmarks.results import Result, in_turns, median, ratio
from tests.benchmarks.stage import Province, World, rewrite

ROWS = 1000
"""Rows of each roster that is measured, before those of units are left out."""

NAMES = ("Nguyễn Văn An", "Trần Thị Bình", "Lê Minh Châu", "Phạm Quốc Dũng", "K'Brơi")


def measure(
    folder: Path, empty: Province, *, sizes: tuple[int, int] = (10_000, 200_000), rounds: int = 5
) -> list[Result]:
    """Entries a second of whole rosters, workers and all, in turns on provinces of two sizes."""
    folder.mkdir()
    with ExitStack() as stack:
        ways: dict[str, Callable[[], float]] = {}
        for size in sizes:
            world = World(empty, folder / f"{size}", "nometasync")
            order_mailboxes(world, size)
            # As the product fills a directory. What slapadd writes in large pieces lies in large folios of the
            # kernel's page cache, and each later Add then pays a millisecond more for the pages it writes.
            stack.enter_context(world).first_load()
            ways[f"{size:,}"] = _runs(world.employ(), folder)
        taken = in_turns(rounds, ways)
    small, large = (f"{size:,}" for size in sizes)
    return [
        ratio(
            f"rate of adding at {large} entries by the rate at {small}",
            taken[small],
            taken[large],
            goal=">= 0.7",
            note=f"rosters of some {ROWS:,} people, books and directory both of that size",
        ),
        *(median(f"seconds of such a roster at {name} entries", runs, "s") for name, runs in taken.items()),
    ]


def order_mailboxes(world: World, size: int) -> None:
    """Fill the books with as many people whose mailboxes the directory does not show yet."""
    services = world.services
    now = datetime.now(UTC)
    with services.database.reading() as session:
        agencies = session.scalars(select(Agency.id)).all()
    for start in range(0, size, 5000):
        numbers = range(start, min(start + 5000, size))
        with services.database.transaction() as session:
            people = register(
                session,
                [
                    Newcomer(
                        staff_number=f"DAY-{number}",
                        name=parse(NAMES[number % len(NAMES)]),
                        birth_date=None,
                        phone=None,
                        identity_number=None,
                        post=PostFacts(agencies[number % len(agencies)], "Chuyên viên", False, "cong_chuc"),
                    )
                    for number in numbers
                ],
                sealer=services.sealer,
                on=now.date(),
            )
            opened = [
                NewMailbox(address=f"day{number}@lamdong.gov.vn", person_id=person)
                for number, person in zip(numbers, people, strict=True)
            ]
            open_mailboxes(session, opened, now=now)


def plan_some(world: World, number: int, folder: Path) -> int:
    """Plan and approve a roster of people who are not there yet; the plan's id."""
    services, now = world.services, world.services.clock()
    path = folder / f"roster-{number}.csv"
    write_roster(path, rows=ROWS, seed=f"growth {number}")
    rewrite(path, lambda row: _newcomer(row, number))
    content = path.read_bytes()
    reading = read_roster(content, filename=path.name, today=now.date())
    plan_id = plan(
        services.database, reading, Upload(path.name, content, None, "an"), services.rules, now=now
    )
    world.approve(plan_id)
    return plan_id


def _newcomer(row: dict[str, str], number: int) -> dict[str, str] | None:
    """A person whom no other of these rosters holds; units of agencies are there only once."""
    if row["loai_dong"] == "don_vi":
        return None
    return row | {"ma_can_bo": f"G{number}-{row['ma_can_bo']}", "so_dinh_danh": "", "chung_thu": ""}


def _runs(world: World, folder: Path) -> Callable[[], float]:
    """Run one roster after the other; each is planned when the one before is in, before its clock starts."""
    numbers = count()
    return lambda: world.run(plan_some(world, next(numbers), folder))

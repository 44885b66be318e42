"""Peak memory of every process with a roster of 100,000 rows, as CSV and as XLSX: planned, approved and applied."""

import os
import subprocess
import sys
import time
from pathlib import Path

from sqlalchemy import select

from provisioner.demo.officials import write_roster
from provisioner.rosters.models import RosterPlan
from tests.benchmarks.results import Result
from tests.benchmarks.stage import Province, World, peak_of, with_children

LIMIT = "<= 250"


def measure(folder: Path, empty: Province, *, rows: int = 100_000) -> list[Result]:
    """The planner reads each kind of file; the workers carry one of them out while they sync what is there."""
    folder.mkdir()
    results = []
    for suffix in ("csv", "xlsx"):
        file = folder / f"roster.{suffix}"
        write_roster(file, rows=rows)
        with World(empty, folder / suffix, "none") as world:
            plan_id, megabytes = plan_in_a_process(world, file)
            results.append(_result(f"planning {rows:,} rows of {suffix.upper()}", megabytes))
            if suffix == "csv":
                world.approve(plan_id)
                peaks = world.employ(signers=1).apply_only(plan_id)
                results += [_result(f"{name}, {rows:,} rows", peak) for name, peak in peaks.items()]
    return results


def plan_in_a_process(world: World, file: Path) -> tuple[int, float]:
    """Plan the file as an operator does; the plan's id, and the megabytes of the planner or of what it started.

    Looked at while it lasts: what the kernel says of a process that has ended includes the one that started it.
    """
    program = Path(sys.executable).with_name("provisioner")
    peak = 0.0
    with subprocess.Popen(
        [program, "roster", "plan", str(file), "--by", "an"],
        env={**os.environ, **world.environment},
        stdout=subprocess.DEVNULL,
    ) as process:
        while process.poll() is None:
            peak = max(peak, *(peak_of(pid) for pid in with_children(process.pid)))
            time.sleep(0.02)
    with world.services.database.reading() as session:
        plan_id = session.scalars(select(RosterPlan.id).order_by(RosterPlan.id.desc())).first()
    assert plan_id is not None
    assert plan_id != world.plan_id, "the file was refused"
    return plan_id, peak


def _result(name: str, megabytes: float) -> Result:
    return Result(f"peak memory: {name}", megabytes, "MB", LIMIT)

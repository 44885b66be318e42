"""What was measured: figures with their goals, as a table for people and as JSON for programs."""

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Result:
    """One figure. `goal` reads like ">= 1.5"; without one the figure is there to explain another."""

    name: str
    value: float
    unit: str
    goal: str | None = None
    note: str = ""
    """How far the runs lay apart, and what it was measured on."""

    @property
    def holds(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        if self.goal is None:
            return None
        relation, figure = self.goal.split()
        return self.value >= float(figure) if relation == ">=" else self.value <= float(figure)


def in_turns(rounds: int, ways: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    """Measure each way once a round, so that what disturbs the machine disturbs all of them; seconds by way."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        # Every other round backwards: no way always comes after the same one.
        for name in list(ways)[:: -1 if number % 2 else 1]:
            taken[name].append(ways[name]())
            print(f"  round {number + 1}, {name}: {taken[name][-1]:.3f} s", file=sys.stderr)
    return taken


def ratio(
    name: str, above: Sequence[float], below: Sequence[float], *, goal: str | None = None, note: str = ""
) -> Result:
    """The median seconds of one way by another's, with the lowest and the highest ratio within one round."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    told = f"{min(ratios):.2f} to {max(ratios):.2f} in {len(ratios)} rounds"
    value = statistics.median(above) / statistics.median(below)
    return Result(name, value, "ratio", goal, f"{told}; {note}" if note else told)


def median(
    name: str, values: Sequence[float], unit: str, *, goal: str | None = None, note: str = ""
) -> Result:
    """The median of the runs, with the lowest and the highest."""
    told = f"{min(values):,.4g} to {max(values):,.4g} in {len(values)} runs"
    return Result(name, statistics.median(values), unit, goal, f"{told}; {note}" if note else told)


def write(results: Sequence[Result], path: Path) -> None:
    """Write the list of figures as JSON."""
    figures = [asdict(result) | {"holds": result.holds} for result in results]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def show(results: Sequence[Result], console: Console) -> None:
    """Print the table."""
    table = Table(box=None, pad_edge=False)
    table.add_column("figure", overflow="fold", ratio=5)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("goal", justify="right", no_wrap=True)
    table.add_column("holds", no_wrap=True)
    table.add_column("spread and notes", style="dim", overflow="fold", ratio=5)
    words = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}
    for result in results:
        value = f"{result.value:,.2f}" if abs(result.value) < 100 else f"{result.value:,.0f}"
        table.add_row(result.name, value, result.unit, result.goal or "", words[result.holds], result.note)
    console.print(table)

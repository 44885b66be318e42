"""The harness measures what it says; how fast anything is stands in no test."""

import io
import json
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from provisioner.directory.port import Entry
from tests.benchmarks import results
from tests.benchmarks.ldif import ldif
from tests.benchmarks.results import Result, in_turns, median, ratio
from tests.benchmarks.signing import bare_signing
from tests.benchmarks.stage import World, prepare


@pytest.mark.parametrize(
    ("value", "goal", "holds"),
    [
        (1.5, ">= 1.5", True),
        (1.49, ">= 1.5", False),
        (2.0, "<= 2", True),
        (2.1, "<= 2", False),
        (3, None, None),
    ],
)
def test_a_goal_holds_or_it_does_not(value, goal, holds):
    assert Result("a figure", value, "s", goal).holds is holds


def test_the_ways_are_measured_in_turns_and_every_other_round_backwards():
    order: list[str] = []

    def way(name: str):
        return lambda: float(len(order.append(name) or order))

    taken = in_turns(2, {"a": way("a"), "b": way("b")})

    assert order == ["a", "b", "b", "a"]
    assert taken == {"a": [1.0, 4.0], "b": [2.0, 3.0]}


def test_a_ratio_is_of_medians_and_tells_the_spread():
    found = ratio("theirs by ours", [2.0, 8.0, 100.0], [1.0, 2.0, 4.0], goal=">= 1")

    assert found.value == 4.0
    assert found.note == "2.00 to 25.00 in 3 rounds"
    assert median("a rate", [1.0, 5.0, 3.0], "1/s").value == 3.0


def test_the_figures_are_written_as_a_list_for_programs(tmp_path: Path):
    path = tmp_path / "var" / "bench.json"

    results.write([Result("rate", 2.0, "1/s", ">= 1"), Result("size", 3.0, "MB")], path)

    figures = json.loads(path.read_text())
    assert [{key: one[key] for key in ("name", "value", "unit", "goal", "holds")} for one in figures] == [
        {"name": "rate", "value": 2.0, "unit": "1/s", "goal": ">= 1", "holds": True},
        {"name": "size", "value": 3.0, "unit": "MB", "goal": None, "holds": None},
    ]


def test_the_table_says_which_goals_hold():
    console = Console(record=True, width=120, file=io.StringIO())

    results.show([Result("rate", 2.0, "1/s", ">= 3"), Result("memory", 90.0, "MB", "<= 250")], console)

    lines = console.export_text().splitlines()
    assert [line.split()[-1] for line in lines if line.startswith(("rate", "memory"))] == ["no", "yes"]


def test_values_that_ldif_cannot_show_are_in_base64():
    entry = Entry(
        "uid=a,dc=x", "a", {"cn": ("Ánh".encode(),), "uid": (b"a",), "title": (b" led by a space",)}
    )

    assert ldif(entry) == "dn: uid=a,dc=x\ncn:: w4FuaA==\nuid: a\ntitle:: IGxlZCBieSBhIHNwYWNl\n\n"


def test_bare_signing_takes_time_for_every_certificate():
    processor: list[float] = []

    assert bare_signing(4, processor) > 0
    assert processor[0] > 0


def test_one_roster_goes_in_by_a_first_load_and_by_ldapadd(tmp_path: Path):
    province = prepare(tmp_path / "province", rows=40, certificates=True)
    with World(province, tmp_path / "exporting", "none") as world:
        world.carry_out()
        assert world.export(tmp_path / "entries.ldif") == 40
    with World(province, tmp_path / "theirs", "none") as world:
        assert world.ldapadd(tmp_path / "entries.ldif") > 0
        assert len(list(world.services.directory.scan(world.services.dit.people))) > 0
    with World(province, tmp_path / "ours", "stock") as world:
        assert world.run_first_load() > 0
        with pytest.raises(subprocess.CalledProcessError):  # there are mailboxes in it now
            world.first_load()

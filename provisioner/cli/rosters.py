"""`provisioner roster`: plan, approve, apply, and the same file back."""

import time
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy import select

from provisioner.cli.shell import (
    Shell,
    acting,
    as_json,
    by,
    counted,
    pass_shell,
    print_json,
    print_table,
    row_number,
)
from provisioner.days import day_of
from provisioner.rosters import approving
from provisioner.rosters.examples import agencies_to_list, example_roster
from provisioner.rosters.models import RosterPlan, RosterRow
from provisioner.rosters.planning import Upload, plan
from provisioner.rosters.reading import read_roster
from provisioner.rosters.results import write_plan_result
from provisioner.working import Remaining, remaining, stuck_of

FIRST_PROBLEMS = 10

STANDSTILL = 20
"""Seconds without progress after which somebody who waits is told so."""


@click.group()
def roster() -> None:
    """Many mailboxes at once, from a CSV or XLSX file."""


@roster.command("plan")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--encoding", type=click.Choice(["utf-8", "utf-16", "windows-1258", "tcvn3", "vni"]))
@by
@as_json
@pass_shell
@click.pass_context
def plan_(
    context: click.Context, shell: Shell, file: Path, encoding: str | None, by: str, as_json: bool
) -> None:
    """Say what FILE would do and store that as a plan; exit 1 when rows are refused."""
    services = shell.services
    now = services.clock()
    content = file.read_bytes()
    reading = read_roster(content, filename=file.name, today=day_of(now), encoding=encoding)
    upload = Upload(name=file.name, content=content, encoding=encoding, by=by)
    plan_id = plan(services.database, reading, upload, services.rules, now=now)
    told = _told(shell, plan_id)
    if as_json:
        print_json(told)
    else:
        click.echo(f"plan {plan_id}   digest {told['digest']}")
        click.echo(f"{file.name}: {counted(told['counts'])}")
        _tell_of_those_standing_out(told)
        for problem in told["file_problems"] + told["problems"]:
            where = " ".join(
                filter(None, (f"row {problem['row']}" if problem["row"] else "", problem["column"] or ""))
            )
            click.echo(f"  {where or 'file'}: {problem[shell.language]} [{problem['code']}]")
        click.echo(f"next: provisioner roster approve {plan_id} --by SOMEBODY-ELSE")
    stopped = {name: told["counts"].get(name, 0) for name in ("refused", "conflict")}
    if any(stopped.values()):
        context.exit(1)


@roster.command("template")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@pass_shell
def template_(shell: Shell, out: Path) -> None:
    """Write an example file (XLSX) to type over, with the codes of all agencies."""
    services = shell.services
    with services.database.reading() as session:
        agencies = agencies_to_list(session, today=day_of(services.clock()))
    out.write_bytes(example_roster(agencies, services.quotas))
    click.echo(f"an example and the codes of {len(agencies):,} agencies written to {out}")


@roster.command("approve")
@click.argument("plan_id", metavar="PLAN", type=row_number)
@click.option("--digest", help="The digest of the plan you looked at; without it, the plan's as it is now.")
@click.option("--by", required=True, callback=acting, help="Who approves; not the planner.")
@pass_shell
def approve_(shell: Shell, plan_id: int, digest: str | None, by: str) -> None:
    """Say yes to exactly this plan."""
    services = shell.services
    with services.database.transaction() as session:
        found = approving.get_plan(session, plan_id)
        approving.approve(session, plan_id, digest=digest or found.digest, by=by, now=services.clock())
        click.echo(f"plan {plan_id} approved by {by}: {counted(found.counts)}")


@roster.command("apply")
@click.argument("plan_id", metavar="PLAN", type=row_number)
@click.option("--wait", is_flag=True, help="Show progress until nothing is pending.")
@by
@pass_shell
@click.pass_context
def apply_(context: click.Context, shell: Shell, plan_id: int, wait: bool, by: str) -> None:
    """Set an approved plan going; the workers do the rest."""
    services = shell.services
    with services.database.transaction() as session:
        approving.start(session, plan_id, by=by, now=services.clock())
    if wait and not watch(shell, plan_id):
        context.exit(1)


@roster.command("list")
@as_json
@pass_shell
def list_(shell: Shell, as_json: bool) -> None:
    """Every plan of a file, the newest first; those of requests are theirs."""
    wanted = select(RosterPlan).where(RosterPlan.agency_id.is_(None)).order_by(RosterPlan.id.desc())
    with shell.services.database.reading() as session:
        rows = [
            {
                "plan": found.id,
                "file": found.file_name,
                "state": found.state.value,
                "rows": sum(found.counts.values()),
                "planned_by": found.planned_by,
                "planned_at": found.planned_at.isoformat(timespec="minutes"),
                "approved_by": found.approved_by,
            }
            for found in session.scalars(wanted)
        ]
    if as_json:
        print_json(rows)
        return
    heads = ("plan", "file", "state", "rows", "planned_by", "planned_at", "approved_by")
    print_table([head.replace("_", " ") for head in heads], [[row[head] for head in heads] for row in rows])


@roster.command("status")
@click.argument("plan_id", metavar="PLAN", type=row_number)
@as_json
@pass_shell
def status_(shell: Shell, plan_id: int, as_json: bool) -> None:
    """How far a plan has come."""
    told = _told(shell, plan_id)
    if as_json:
        print_json(told)
        return
    click.echo(f"plan {plan_id} ({told['file']}): {told['state']}")
    click.echo(f"planned by {told['planned_by']}, approved by {told['approved_by'] or 'nobody yet'}")
    click.echo(f"rows: {counted(told['counts'])}")
    _tell_of_those_standing_out(told)
    done = told["progress"]
    click.echo(
        f"in the books: {done['applied']:,} of {done['work']:,}, {done['refused_since']:,} refused since"
    )
    if told["stopped"]:
        click.echo(f"stopped: {told['stopped'][shell.language]} [{told['stopped']['code']}]")
    left = told["pending"]
    click.echo(
        f"pending in the whole system: {left['entries']:,} directory entries, {left['certificates']:,} certificates"
    )
    if left["stuck"]:
        click.echo(f"of this roster need a person: {left['stuck']:,}")


@roster.command("result")
@click.argument("plan_id", metavar="PLAN", type=row_number)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True)
@by
@pass_shell
def result_(shell: Shell, plan_id: int, out: Path, by: str) -> None:
    """Write the same rows back with status, address and reason; xlsx or csv by the name of OUT."""
    services = shell.services
    rows = write_plan_result(
        services.database,
        plan_id,
        out,
        sealer=services.sealer,
        language=shell.language,
        by=by,
        now=services.clock(),
    )
    click.echo(f"{rows:,} rows written to {out}")


def watch(shell: Shell, plan_id: int) -> bool:
    """Show progress until nothing is pending; False when something of this roster needs a person."""
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=36),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    left = Remaining()
    with Progress(*columns, refresh_per_second=4) as bars:
        books = bars.add_task("books", total=None)
        entries = bars.add_task("directory", total=None)
        certificates = bars.add_task("certificates", total=None)
        seen: object = None
        moved = time.monotonic()
        while True:
            with shell.services.database.reading() as session:
                done = approving.progress(session, plan_id)
                state = approving.get_plan(session, plan_id).state
                left = remaining(session, totals=True)
            bars.update(books, total=done["work"], completed=done["applied"] + done["refused_since"])
            bars.update(entries, total=left.all_entries, completed=left.all_entries - left.entries)
            bars.update(
                certificates, total=left.all_certificates, completed=left.all_certificates - left.certificates
            )
            if state == "stopped":
                click.echo(f"stopped; see: provisioner roster status {plan_id}", err=True)
                return False
            if state == "applied" and not left.entries and not left.certificates:
                break
            seen, moved = _moved((done["applied"], left), seen, moved)
            if time.monotonic() - moved > STANDSTILL:
                moved = time.monotonic()
                bars.console.print(f"No progress for {STANDSTILL} s. What is wrong: provisioner doctor")
            time.sleep(0.25)
    with shell.services.database.reading() as session:
        stuck = stuck_of(session, plan_id)
    if stuck:
        click.echo(
            f"{stuck:,} rows need a person; see: provisioner directory stuck, provisioner certificates refused",
            err=True,
        )
    return not stuck


def _moved(now: object, seen: object, moved: float) -> tuple[object, float]:
    """What was seen last, and since when it has been so."""
    return (seen, moved) if now == seen else (now, time.monotonic())


def _tell_of_those_standing_out(told: dict[str, Any]) -> None:
    if count := told["standing_out"]:
        click.echo(
            f"  to look at before approving: {count:,} with a size or an address of their own, of somebody who leaves, "
            "or perhaps of somebody else than they seem"
        )


def _told(shell: Shell, plan_id: int) -> dict[str, Any]:
    with shell.services.database.reading() as session:
        found = approving.get_plan(session, plan_id)
        with_problems = session.scalars(
            select(RosterRow.problems)
            .where(RosterRow.plan_id == plan_id, RosterRow.outcome.in_(("refused", "conflict")))
            .order_by(RosterRow.number)
            .limit(FIRST_PROBLEMS)
        )
        left = remaining(session)
        return {
            "plan": plan_id,
            "file": found.file_name,
            "state": found.state,
            "digest": found.digest,
            "counts": found.counts,
            "standing_out": found.standing_out,
            "understood": found.understood,
            "planned_by": found.planned_by,
            "approved_by": found.approved_by,
            "stopped": found.stopped,
            "file_problems": found.problems,
            "problems": [
                problem for row in with_problems for problem in row if problem["severity"] == "refused"
            ],
            "progress": approving.progress(session, plan_id),
            "pending": {
                "entries": left.entries,
                "certificates": left.certificates,
                "stuck": stuck_of(session, plan_id),
            },
        }

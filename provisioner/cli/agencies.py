"""`provisioner agencies`: the list of agencies, in and out."""

from pathlib import Path

import click

from provisioner.agencies.importing import import_agencies
from provisioner.agencies.register import Register
from provisioner.audit import Who
from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json, print_table
from provisioner.days import day_of
from provisioner.people.left_behind import left_behind


@click.group()
def agencies() -> None:
    """The agencies of the province."""


@agencies.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@by
@as_json
@pass_shell
@click.pass_context
def import_(context: click.Context, shell: Shell, file: Path, by: str, as_json: bool) -> None:
    """Add and change agencies from a CSV list; exit 1 when rows could not be used."""
    services = shell.services
    now = services.clock()
    with services.database.transaction() as session:
        result = import_agencies(
            session,
            file.read_bytes(),
            reference=services.reference,
            who=Who(by),
            today=day_of(now),
            now=now,
        )
        behind = left_behind(session)
    counts = {"created": result.created, "changed": result.changed, "unchanged": result.unchanged}
    if as_json:
        problems = [{"row": p.row, "code": p.code, "text": shell.text(p.text)} for p in result.problems]
        left = [{"agency": one.code, "until": one.until.isoformat(), "people": one.people} for one in behind]
        print_json(counts | {"problems": problems, "left_behind": left})
    else:
        click.echo(", ".join(f"{count:,} {what}" for what, count in counts.items()))
        for problem in result.problems:
            click.echo(f"row {problem.row}: {shell.text(problem.text)} [{problem.code}]", err=True)
        for one in behind:
            click.echo(
                f"{one.code} {one.name} closes after {one.until} with {one.people:,} people in post: "
                "move them, or let them leave, by a roster",
                err=True,
            )
    if result.problems:
        context.exit(1)


@agencies.command("list")
@click.option("--under", metavar="CODE", help="Only this agency and what is below it.")
@as_json
@pass_shell
def list_(shell: Shell, under: str | None, as_json: bool) -> None:
    """List the agencies in the order of the tree."""
    with shell.services.database.reading() as session:
        register = Register.read(session)
    path = register.get(under).path if under else ""
    chosen = [agency for agency in register if agency.path.startswith(path)]
    if as_json:
        print_json(
            [
                {"code": a.code, "name": a.name, "bloc": a.bloc, "level": a.level, "kind": a.kind}
                for a in chosen
            ]
        )
        return
    print_table(
        ["code", "name", "bloc", "level", "kind"], [[a.code, a.name, a.bloc, a.level, a.kind] for a in chosen]
    )

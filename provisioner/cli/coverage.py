"""`provisioner coverage`: how far it has come, for people and for programs."""

import csv
import sys
from datetime import date, datetime

import click

from provisioner.cli.shell import Shell, pass_shell, print_json
from provisioner.coverage import asking
from provisioner.coverage.reporting import Detail, printed, records, totals
from provisioner.coverage.tallies import Coverage, Scope
from provisioner.errors import Invalid, Text


@click.command()
@click.option("--agency", metavar="CODE", help="This agency and everything below it.")
@click.option("--bloc", "blocs", multiple=True, help="May be given several times.")
@click.option("--level", "levels", multiple=True, help="May be given several times.")
@click.option("--category", "categories", multiple=True, help="Staff category; may be given several times.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d", "%d/%m/%Y"]), help="The end of this day.")
@click.option("--by-agency", is_flag=True, help="One line per agency.")
@click.option("--format", "format_", type=click.Choice(["table", "json", "csv"]), default="table")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@pass_shell
def coverage(
    shell: Shell,
    agency: str | None,
    blocs: tuple[str, ...],
    levels: tuple[str, ...],
    categories: tuple[str, ...],
    as_of: datetime | None,
    by_agency: bool,
    format_: str,
    as_json: bool,
) -> None:
    """Mailboxes and certificates, issued, handed over and in use, of those entitled.

    In JSON and CSV each agency has the figures of its own (own_), of its people in post (staff_), of those who left
    and have no other post (left_), and of what it left open when it ended (ended_, with its last_day). The four of
    all agencies together are the totals; rates are made of the first two only.
    """
    scope = Scope(frozenset(blocs), frozenset(levels), frozenset(categories), agency)
    check_codes(shell, scope)
    found = ask(shell, scope, asked_day(shell, as_of))
    if as_json or format_ == "json":
        print_json(totals(found) | {"agencies": records(found)})
    elif format_ == "csv":
        rows = records(found)
        writer = csv.DictWriter(sys.stdout, fieldnames=list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)
    else:
        print_coverage(shell, found, detail=Detail.AGENCY if by_agency else Detail.LEVEL)


def ask(shell: Shell, scope: Scope, day: date | None) -> Coverage:
    """Coverage now or at the end of a day; see `coverage.asking`."""
    services = shell.services
    with services.database.reading() as session:
        return asking.ask(session, scope, day, now=services.clock(), used_within=services.used_within)


def asked_day(shell: Shell, as_of: datetime | None) -> date | None:
    """The day of `--as-of`. Raises `Invalid` for one that has no figures."""
    if as_of is None:
        return None
    day = as_of.date()  # typed without a zone
    return asking.asked_day(day, now=shell.services.clock())


def print_coverage(shell: Shell, found: Coverage, *, detail: Detail = Detail.LEVEL) -> None:
    click.echo(printed(found, shell.services.reference, detail=detail, language=shell.language))


def check_codes(shell: Shell, scope: Scope) -> None:
    """Refuse codes that the reference data does not know: a misspelt bloc must not read as 0 %."""
    reference = shell.services.reference
    for chosen, terms in (
        (scope.blocs, reference.blocs),
        (scope.levels, reference.levels),
        (scope.categories, reference.categories),
    ):
        for code in chosen - terms.keys():
            raise Invalid(
                Text(
                    vi=f"«{code}» không có trong danh mục; dùng một trong: {', '.join(terms)}.",
                    en=f"“{code}” is not in the reference data; use one of: {', '.join(terms)}.",
                ),
                code="code-unknown",
            )

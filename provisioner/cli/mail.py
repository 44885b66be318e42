"""`provisioner mail`: the mail servers' configuration, and the groups of commands for those who use mail."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from provisioner.cli.codes import codes
from provisioner.cli.lists import lists
from provisioner.cli.mailboxes import disable, enable, purge
from provisioner.cli.shell import Shell, as_json, pass_shell, print_json, print_table
from provisioner.cli.sizes import sizes
from provisioner.cli.timers import timers
from provisioner.coverage.counting import cover
from provisioner.coverage.figures import Measure, percent
from provisioner.coverage.tallies import Scope
from provisioner.errors import Invalid, Text
from provisioner.mail.configuring import SERVERS, render, write
from provisioner.mail.usage import bring_in, last_logins, unused, use_of


@click.group()
def mail() -> None:
    """Real mail: servers, first passwords, use."""


@mail.command()
@click.option("--server", type=click.Choice(SERVERS), required=True)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="A folder for the files; those that hold a password are readable to you only.",
)
@pass_shell
def config(shell: Shell, server: str, out: Path) -> None:
    """Write complete, commented configuration for a mail server, from our settings and schema."""
    files = render(server, shell.services.mail_server)
    write(files, out)
    for name in files:
        click.echo(out / name)


@mail.command("sign-ins")
@click.option(
    "--from",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where Dovecot's last_login writes, or a copy of it.",
)
@click.option(
    "--directory", is_flag=True, help="Ask the directory instead, which has to keep pwdLastSuccess."
)
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Ask the directory for sign-ins since this day only."
)
@as_json
@pass_shell
def sign_ins(
    shell: Shell, folder: Path | None, directory: bool, since: datetime | None, as_json: bool
) -> None:
    """Bring in who signed in, from the mail server or the directory. The same ones twice change nothing."""
    services = shell.services
    if (folder is not None) == directory:
        raise Invalid(
            Text(vi="Hãy nêu --from hoặc --directory.", en="Give --from or --directory."), code="one-of-two"
        )
    start = since.replace(tzinfo=UTC) if since else None
    found = last_logins(folder) if folder is not None else services.directory_sign_ins(start)
    done = bring_in(services.database, found, now=services.clock())
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(
            f"{done.read:,} sign-ins read, {done.changed:,} mailboxes changed, "
            f"{done.unknown:,} of nobody we know, {done.from_the_future:,} from the future"
        )


@mail.command()
@click.option("--agency", metavar="CODE", help="This agency and everything below it.")
@click.option(
    "--idle",
    metavar="DAYS",
    type=click.IntRange(0, 36_500),
    help="List those that were used, but not for so many days; 0 lists those never used.",
)
@as_json
@pass_shell
def usage(shell: Shell, agency: str | None, idle: int | None, as_json: bool) -> None:
    """Who uses their mailbox: of those issued, activated and entitled; who never did, and who stopped."""
    services = shell.services
    now = services.clock()
    if idle is not None:
        with services.database.reading() as session:
            rows = [asdict(one) for one in unused(session, agency, now=now, days=idle or None)]
        if as_json:
            print_json(rows)
        else:
            print_table(["mailbox", "agency", "issued", "last used"], [list(row.values()) for row in rows])
        return
    with services.database.reading() as session:
        found = use_of(session, agency, now=now, within=services.used_within)
        sums = cover(session, Scope(agency=agency), at=now, used_within=services.used_within).sums
    entitled = sums.own.entitled + sums.people.entitled
    if as_json:
        print_json(asdict(found) | {"entitled": entitled, "within_days": services.used_within.days})
        return
    click.echo(f"used within {services.used_within.days} days: {found.used:,}")
    for name, whole in (("issued", found.issued), ("activated", found.activated), ("entitled", entitled)):
        click.echo(
            f"  of {whole:,} {name}" + (f": {percent(Measure(found.used, whole), 'en')}" if whole else "")
        )
    click.echo(f"never used: {found.never_used:,}")
    click.echo(f"idle for 45, 90, 180 days: {found.idle_45:,}, {found.idle_90:,}, {found.idle_180:,}")


mail.add_command(sizes)
mail.add_command(codes)
mail.add_command(lists)
mail.add_command(timers)
mail.add_command(disable)
mail.add_command(enable)
mail.add_command(purge)

"""`provisioner mail codes`: one-time codes on paper, by which owners set their passwords."""

from pathlib import Path

import click

from provisioner import connecting
from provisioner.audit import Who
from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json
from provisioner.days import day_of
from provisioner.errors import Invalid, Text
from provisioner.mail import codes as codes_
from provisioner.mail import handing_out, issuing
from provisioner.mail.codes import NewCode, new_code
from provisioner.mail.slips import print_slips, save

alone = click.option("--alone", is_flag=True, help="The agency without those below it.")


@click.group()
def codes() -> None:
    """First passwords without anybody knowing them: codes on slips of paper."""


@codes.command()
@click.option(
    "--agency", metavar="CODE", help="Everybody in this agency and below it who has no password yet."
)
@alone
@click.option("--address", help="One mailbox, also one whose owner forgot the password.")
@click.option("--again", is_flag=True, help="Also those who hold a good code; it will be void.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The PDF, a new file."
)
@by
@pass_shell
def issue(
    shell: Shell, agency: str | None, alone: bool, address: str | None, again: bool, out: Path, by: str
) -> None:
    """Make codes and print them as slips, in one PDF that only you can read. The codes are kept nowhere else.

    When somebody else prints for one of the mailboxes at the same moment, their slips stay good and here none is made.
    """
    if (agency is None) == (address is None):
        raise Invalid(
            Text(vi="Hãy nêu --agency hoặc --address.", en="Give --agency or --address."), code="one-of-two"
        )
    services = shell.services
    now = services.clock()
    expires_at = codes_.good_until(now, days=services.settings.activation.code_days)
    with services.database.reading() as session:
        holders = (
            codes_.holders_in(session, agency, now=now, again=again, below=not alone)
            if agency is not None
            else [codes_.holder_of(session, address or "")]
        )
    if not holders:
        raise issuing.nobody_needs_one()
    wanted = [NewCode(holder, new_code()) for holder in holders]
    sheet = connecting.sheet(services.settings, services.password_policy)
    save(print_slips(wanted, sheet=sheet, now=now, expires_at=expires_at), out)
    try:
        with services.database.transaction() as session:
            issued = issuing.issue(session, wanted, who=Who(by), now=now, expires_at=expires_at)
        if issued.left_out:
            out.unlink()
            save(print_slips(issued.made, sheet=sheet, now=now, expires_at=expires_at), out)
    except BaseException:
        out.unlink(missing_ok=True)  # slips whose codes never became good would only confuse
        raise
    click.echo(
        f"{len(issued.made):,} slips in {out}, good until {day_of(expires_at):%Y-%m-%d}. Print it, then delete it."
    )
    if issued.voided:
        click.echo(f"{issued.voided:,} codes on earlier slips are void now.")
    for new in issued.left_out:
        click.echo(f"{new.holder.address}: left out, set a password meanwhile or is not active any more")


@codes.command()
@click.option("--agency", metavar="CODE", required=True)
@alone
@by
@pass_shell
def delivered(shell: Shell, agency: str, alone: bool, by: str) -> None:
    """Record that the slips of an agency and below it were handed out."""
    with shell.services.database.transaction() as session:
        count = handing_out.deliver(session, agency, below=not alone, who=Who(by), now=shell.services.clock())
    click.echo(f"{count:,} mailboxes handed over")


@codes.command()
@click.option("--agency", metavar="CODE", required=True)
@alone
@as_json
@pass_shell
def status(shell: Shell, agency: str, alone: bool, as_json: bool) -> None:
    """How far first passwords have come in an agency and below it."""
    with shell.services.database.reading() as session:
        found = handing_out.progress(session, agency, below=not alone, now=shell.services.clock())
    counts = {
        "mailboxes": found.mailboxes,
        "coded": found.coded,
        "delivered": found.delivered,
        "activated": found.activated,
        "expired": found.expired,
    }
    if as_json:
        print_json(counts)
    else:
        click.echo(", ".join(f"{count:,} {name}" for name, count in counts.items()))

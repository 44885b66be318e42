"""`provisioner mail codes`: one-time codes on paper, by which owners set their passwords."""

from pathlib import Path

import click

from provisioner.audit import Who
from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json
from provisioner.days import day_of
from provisioner.errors import Conflict, Invalid, Text
from provisioner.mail import codes as codes_
from provisioner.mail.codes import NewCode, new_code
from provisioner.mail.slips import Sheet, print_slips, save


@click.group()
def codes() -> None:
    """First passwords without anybody knowing them: codes on slips of paper."""


@codes.command()
@click.option(
    "--agency", metavar="CODE", help="Everybody in this agency and below it who has no password yet."
)
@click.option("--address", help="One mailbox, also one whose owner forgot the password.")
@click.option("--again", is_flag=True, help="Also those who hold a good code; it will be void.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The PDF, a new file."
)
@by
@pass_shell
def issue(shell: Shell, agency: str | None, address: str | None, again: bool, out: Path, by: str) -> None:
    """Make codes and print them as slips, in one PDF that only you can read. The codes are kept nowhere else."""
    if (agency is None) == (address is None):
        raise Invalid(
            Text(vi="Hãy nêu --agency hoặc --address.", en="Give --agency or --address."), code="one-of-two"
        )
    services = shell.services
    now = services.clock()
    expires_at = codes_.good_until(now, days=services.settings.activation.code_days)
    with services.database.reading() as session:
        holders = (
            codes_.holders_in(session, agency, now=now, again=again)
            if agency is not None
            else [codes_.holder_of(session, address or "")]
        )
    if not holders:
        raise Conflict(
            Text(
                vi="Không còn ai cần mã: mọi người đã có mật khẩu hoặc đang giữ mã còn hạn (--again để cấp lại).",
                en="Nobody needs a code: all have a password or hold a good code (--again issues anew).",
            ),
            code="nobody-needs-a-code",
        )
    made = [NewCode(holder, new_code()) for holder in holders]
    sheet = Sheet(
        province=services.settings.authority.province,
        page=services.settings.activation.page,
        own_page=services.settings.notices.own_page,
        host=services.settings.mail.hostname,
        length=services.password_policy.length,
    )
    save(print_slips(made, sheet=sheet, now=now, expires_at=expires_at), out)
    try:
        with services.database.transaction() as session:
            codes_.issue(session, made, who=Who(by), now=now, expires_at=expires_at)
    except BaseException:
        out.unlink(missing_ok=True)  # slips whose codes never became good would only confuse
        raise
    click.echo(
        f"{len(made):,} slips in {out}, good until {day_of(expires_at):%Y-%m-%d}. Print it, then delete it."
    )


@codes.command()
@click.option("--agency", metavar="CODE", required=True)
@by
@pass_shell
def delivered(shell: Shell, agency: str, by: str) -> None:
    """Record that the slips of an agency and below it were handed out."""
    with shell.services.database.transaction() as session:
        count = codes_.deliver(session, agency, who=Who(by), now=shell.services.clock())
    click.echo(f"{count:,} mailboxes handed over")


@codes.command()
@click.option("--agency", metavar="CODE", required=True)
@as_json
@pass_shell
def status(shell: Shell, agency: str, as_json: bool) -> None:
    """How far first passwords have come in an agency and below it."""
    with shell.services.database.reading() as session:
        found = codes_.progress(session, agency, now=shell.services.clock())
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

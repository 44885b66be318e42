"""`provisioner notices`: what people are told by mail: what waits, what was refused, and sending it now."""

import click

from provisioner.audit import Who
from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json, print_table
from provisioner.notices import standing as standing_


@click.group()
def notices() -> None:
    """Mail to people who have to know: requests, plans that wait, what ends."""


@notices.command()
@as_json
@pass_shell
def status(shell: Shell, as_json: bool) -> None:
    """How many wait, left, or were refused."""
    with shell.services.database.reading() as session:
        found = standing_.standing(session)
    counts = {
        "queued": found.queued,
        "unsent": found.unsent,
        "refused": found.refused,
        "sent": found.sent,
        "oldest": found.oldest.isoformat() if found.oldest else None,
        "server": shell.services.settings.notices.server,
    }
    if as_json:
        print_json(counts)
        return
    click.echo(
        f"{found.queued:,} notices queued, {found.unsent:,} letters to be sent, {found.refused:,} refused, "
        f"{found.sent:,} sent"
    )
    if not counts["server"]:
        click.echo("Nothing is sent: the setting notices.server is empty.")
    elif found.oldest:
        click.echo(f"the oldest that waits is of {found.oldest:%Y-%m-%d %H:%M} UTC")


@notices.command()
@pass_shell
def send(shell: Shell) -> None:
    """Look up what has to be told, and send it now instead of at the clock's next stroke."""
    sent = shell.services.send_notices()
    click.echo(f"{sent.letters:,} letters sent, {sent.refused:,} refused, {sent.later:,} put off")
    if sent.waiting_for is not None:
        raise sent.waiting_for


@notices.command()
@as_json
@pass_shell
def refused(shell: Shell, as_json: bool) -> None:
    """The letters that no mail server takes, and what it said."""
    with shell.services.database.reading() as session:
        rows = [(row.recipient, row.trouble_detail or "") for row in standing_.refused(session)]
    if as_json:
        print_json([{"recipient": recipient, "said": said} for recipient, said in rows])
    else:
        print_table(["recipient", "what the server said"], [list(row) for row in rows])


@notices.command()
@by
@pass_shell
def retry(shell: Shell, by: str) -> None:
    """Have the refused letters tried again."""
    with shell.services.database.transaction() as session:
        count = standing_.try_again(session, who=Who(by), now=shell.services.clock())
    click.echo(f"{count:,} letters are tried again")

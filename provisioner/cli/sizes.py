"""`provisioner mail sizes`: how much mailboxes hold, and which are nearly full."""

from dataclasses import asdict
from pathlib import Path

import click

from provisioner.cli.shell import Shell, as_json, pass_shell, print_json, print_table
from provisioner.coverage.figures import Measure, percent
from provisioner.mail.sizes import NEARLY, bring_in_sizes, cloned_sizes, nearly_full, sizes_of
from provisioner.mailboxes.quotas import format_quota


@click.command()
@click.option(
    "--from",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Bring in what Dovecot's quota_clone writes here, or a copy of it, first.",
)
@click.option("--agency", metavar="CODE", help="This agency and everything below it.")
@click.option(
    "--full",
    metavar="PERCENT",
    type=click.IntRange(1, 100),
    default=round(NEARLY[0] * 100),
    show_default=True,
    help="List mailboxes that hold so much of their quota.",
)
@as_json
@pass_shell
def sizes(shell: Shell, folder: Path | None, agency: str | None, full: int, as_json: bool) -> None:
    """How much mailboxes hold, and which are nearly full. The same sizes twice change nothing."""
    services = shell.services
    done = None
    if folder is not None:
        done = bring_in_sizes(services.database, cloned_sizes(folder), now=services.clock())
    with services.database.reading() as session:
        found = sizes_of(session, agency, quotas=services.quotas)
        nearly = nearly_full(session, agency, quotas=services.quotas, share=full / 100)
    if as_json:
        print_json(
            asdict(found)
            | {"brought_in": done and asdict(done), "nearly_full": [asdict(one) for one in nearly]}
        )
        return
    if done is not None:
        click.echo(
            f"{done.read:,} sizes read, {done.changed:,} mailboxes changed, {done.unknown:,} of nobody we know"
        )
    click.echo(
        f"{found.known:,} of {found.mailboxes:,} mailboxes hold {found.bytes / 2**30:,.2f} GB; "
        f"{found.nearly_full:,} are at {NEARLY[0]:.0%} or more"
    )
    print_table(
        ["mailbox", "agency", "holds", "quota", "share"],
        [
            [
                one.address,
                one.agency_code,
                f"{one.size / 2**20:,.1f} MB",
                format_quota(one.quota, shell.language),
                percent(Measure(one.size, one.quota), "en"),
            ]
            for one in nearly
        ],
        right=(2, 3, 4),
    )

"""`provisioner work`: the controllers in this process, without Redis."""

from collections.abc import Callable
from contextlib import closing
from typing import Any

import click

from provisioner.cli.shell import Shell, as_json, pass_shell, print_json
from provisioner.directory.syncing import Synced
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.signing import delegate_answers, renew_lists, seal_record, sign_certificates


@click.command()
@click.option("--until-idle", is_flag=True, required=True, help="Stop when nothing is pending any more.")
@click.option(
    "--first-load",
    is_flag=True,
    help="Load a directory without a mailbox in it, with slapd not waiting for the disk: several times as fast, "
    "but a power loss meanwhile can leave the directory corrupt, to be thrown away and loaded again. "
    "Nothing counts as done before it is on the disk. Needs PROVISIONER_DIRECTORY__CONFIG_PASSWORD.",
)
@as_json
@click.pass_context
@pass_shell
def work(
    shell: Shell,  # noqa: ARG001 - what every command gets
    context: click.Context,
    until_idle: bool,  # noqa: ARG001 - it says that work ends
    first_load: bool,
    as_json: bool,
) -> None:
    """Apply, sync and sign whatever is pending; exit 1 when the directory could not take all of it."""
    with closing(Services(Settings.load(), ring=lambda _bell: None)) as services:
        if first_load:
            with services.first_load() as sync_directory:
                done = _work_off(services, sync_directory)
        else:
            done = _work_off(services, services.sync_directory)
    if as_json:
        print_json(done)
    else:
        click.echo(
            f"{done['rows']:,} rows applied, {done['entries']:,} entries synced, "
            f"{done['certificates']:,} certificates issued"
        )
    if done["waiting_for"]:
        click.echo(f"the directory cannot take more now: {done['waiting_for']}", err=True)
        context.exit(1)


def _work_off(services: Services, sync_directory: Callable[[], Synced]) -> dict[str, Any]:
    """Go round until nothing was done in a whole turn, or the directory cannot take more."""
    done: dict[str, Any] = {"rows": 0, "entries": 0, "certificates": 0, "waiting_for": ""}
    while True:
        rows = services.apply_rosters()
        services.carry_out_revocations()
        synced = sync_directory()
        certificates = sign_certificates(services)
        entries = synced.outcomes.total()
        done["rows"] += rows
        done["entries"] += entries
        done["certificates"] += certificates
        done["waiting_for"] = synced.waiting_for
        if synced.waiting_for or not rows + entries + certificates:
            break
    renew_lists(services)
    delegate_answers(services)
    seal_record(services)
    services.ocsp.sign_ahead()
    return done

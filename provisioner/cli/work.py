"""`provisioner work`: the controllers in this process, without Redis."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from typing import Any

import click

from provisioner.cli.shell import Shell, as_json, pass_shell, print_json
from provisioner.directory.syncing import Synced
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.signing import delegate_answers, renew_lists, seal_record, sign_certificates

_PAUSE = 0.02
"""Seconds to wait for rows that are being applied."""


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
    with closing(_services()) as services:
        done = _load(services) if first_load else _work_off(services, services.sync_directory)
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


def _services() -> Services:
    return Services(Settings.load(), ring=lambda _bell: None)


def _load(services: Services) -> dict[str, Any]:
    """Work everything off, with a process of its own that applies rosters: such a directory is quicker than the books."""
    with services.first_load() as sync_directory, ProcessPoolExecutor(1, get_context("fork")) as beside:
        return _work_off(services, sync_directory, beside.submit(_apply))


def _apply() -> int:
    """Apply rosters in this process, with what it holds itself; how many rows."""
    with closing(_services()) as services:
        return services.apply_rosters()


def _work_off(
    services: Services, sync_directory: Callable[[], Synced], applying: Future[int] | None = None
) -> dict[str, Any]:
    """Go round until nothing was done in a whole turn, or the directory cannot take more."""
    done: dict[str, Any] = {"rows": 0, "entries": 0, "certificates": 0, "waiting_for": ""}
    while True:
        # Asked before anything else is looked at: what is applied later is found in a turn that follows.
        is_applied = applying is None or applying.done()
        rows = 0 if applying else services.apply_rosters()
        services.carry_out_revocations()
        synced = sync_directory()
        certificates = sign_certificates(services)
        entries = synced.outcomes.total()
        done["rows"] += rows
        done["entries"] += entries
        done["certificates"] += certificates
        done["waiting_for"] = synced.waiting_for
        if synced.waiting_for or (is_applied and not rows + entries + certificates):
            break
        if not is_applied:
            time.sleep(_PAUSE)
    if applying:
        done["rows"] = applying.result()
    renew_lists(services)
    delegate_answers(services)
    seal_record(services)
    services.ocsp.sign_ahead()
    return done

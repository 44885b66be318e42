"""`provisioner demo`: the whole main job on the demo province, with real servers, in a minute or two."""

import os
import time
from datetime import timedelta
from pathlib import Path

import click
from sqlalchemy import exists, select

from provisioner.agencies.importing import import_agencies
from provisioner.audit import Who
from provisioner.ceremonies import hold_ceremony
from provisioner.certificates.models import Certificate, Purpose
from provisioner.cli.coverage import ask, print_coverage
from provisioner.cli.operators import link_address
from provisioner.cli.rosters import watch
from provisioner.cli.shell import Shell, counted, pass_shell
from provisioner.coverage.tallies import Scope
from provisioner.days import day_of
from provisioner.demo.first_days import let_owners_in
from provisioner.demo.newcomers import FILE_NAME, write_newcomers
from provisioner.demo.officials import write_roster
from provisioner.demo.operators import ERRANDS, sign_in_links
from provisioner.demo.stage import Stage
from provisioner.mail import codes, issuing
from provisioner.migrating import upgrade
from provisioner.operators.roles import NAMES
from provisioner.rosters import approving
from provisioner.rosters.models import PlanState, RosterPlan
from provisioner.rosters.planning import Upload, plan
from provisioner.rosters.reading import read_roster
from provisioner.settings import ROOT
from provisioner.stamping import order_seal

FOLDER = ROOT / "var" / "demo"
ROOT_AGENCY = "H36"
PLANNER, APPROVER = "nguyen.van.an", "tran.thi.binh"


@click.command()
@click.option("--stop", is_flag=True, help="Stop the demo's servers and processes; the data stays.")
@click.option("--mail", is_flag=True, help="Dovecot and Postfix too, on loopback, and two mailboxes to try.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), default=FOLDER, show_default=True)
@pass_shell
def demo(shell: Shell, stop: bool, mail: bool, folder: Path) -> None:
    """From a roster of 6,041 rows to mailboxes, certificates and coverage. Running it again is harmless."""
    stage = Stage(folder)
    if stop:
        stopped = list(stage.stop())
        click.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")
        return
    began = time.monotonic()

    _say("1", "slapd and Redis on loopback, data under", str(folder))
    stage.start_servers()
    if mail:
        click.echo("   Dovecot and Postfix on loopback")
        stage.start_mail()
    os.environ.update(stage.environment)
    services = shell.services
    upgrade(services.database)

    _say("2", "the ceremony: a root and a mail authority for development")
    hold_ceremony(services, by=PLANNER)

    _say("3", "the agencies of today's Lâm Đồng")
    now = services.clock()
    with services.database.transaction() as session:
        imported = import_agencies(
            session,
            (services.settings.reference.folder / "lamdong_agencies.csv").read_bytes(),
            reference=services.reference,
            who=Who(PLANNER),
            today=day_of(now),
            now=now,
        )
    click.echo(
        f"   {imported.created:,} created, {imported.changed:,} changed, {imported.unchanged:,} unchanged"
    )
    stage.start_processes()

    plan_id = _carry_out(shell, folder / "roster.xlsx")
    watch(shell, plan_id)

    _say("6", "coverage, after some owners had their slips and came in")
    let_owners_in(services.database, now=services.clock(), code_days=services.settings.activation.code_days)
    services.take_snapshot()
    print_coverage(shell, ask(shell, Scope(), None))
    _order_seal(shell)
    click.echo(
        f"\nDone in {time.monotonic() - began:.0f} s. The site: {stage.address}   Stop it with: ./run stop"
    )
    _invite(shell, folder)
    if mail:
        _tell_of_mail(shell, stage)
    click.echo("Any command on the demo's data: ./run provisioner COMMAND, for example")
    click.echo("   ./run provisioner coverage --bloc dang     ./run provisioner directory check")


def _carry_out(shell: Shell, roster: Path) -> int:
    """Take the roster from plan to workers; the plan's id.

    Once: what visitors of the site changed since is not set back when the demo is run again.
    """
    services = shell.services
    _say("4", "the roster, planned by", PLANNER)
    if not roster.exists():
        write_roster(roster)
    content = roster.read_bytes()
    reading = read_roster(content, filename=roster.name, today=day_of(services.clock()))
    is_applied = (RosterPlan.file_sha256 == reading.sha256) & (RosterPlan.state == PlanState.APPLIED)
    with services.database.reading() as session:
        known = session.scalar(select(RosterPlan.id).where(is_applied).order_by(RosterPlan.id).limit(1))
    if known is not None:
        click.echo(f"   plan {known} was carried out before; what was changed since stays")
        return known
    upload = Upload(name=roster.name, content=content, encoding=None, by=PLANNER)
    plan_id = plan(services.database, reading, upload, services.rules, now=services.clock())
    with services.database.transaction() as session:
        planned = approving.get_plan(session, plan_id)
        click.echo(f"   plan {plan_id}: {counted(planned.counts)}; digest {planned.digest[:16]}…")
        approving.approve(session, plan_id, digest=planned.digest, by=APPROVER, now=services.clock())
    _say("5", "approved by", APPROVER, "- the workers apply, provision and sign")
    with services.database.transaction() as session:
        approving.start(session, plan_id, by=APPROVER, now=services.clock())
    return plan_id


def _invite(shell: Shell, folder: Path) -> None:
    """Print a way in for each kind of visitor, and what to try there; write the file that is to be loaded."""
    services = shell.services
    to_load = folder / FILE_NAME
    if not to_load.exists():
        write_newcomers(to_load)
    to_load = to_load.relative_to(Path.cwd()) if to_load.is_relative_to(Path.cwd()) else to_load
    click.echo("Sign in with one of these links; each is good once, and the demo run again makes new ones:")
    with services.database.transaction() as session:
        for operator, role, token in sign_in_links(session, sealer=services.sealer, now=services.clock()):
            click.echo(f"   {shell.text(NAMES[role]):<24} {link_address(shell, token)}  ({operator.name})")
            click.echo(f"      {shell.text(ERRANDS[role]).format(file=to_load)}")


def _order_seal(shell: Shell) -> None:
    """Let the province have its seal, so that leaders can have a report signed; once."""
    services = shell.services
    with services.database.reading() as session:
        is_there = session.scalar(
            select(exists().where(Certificate.purpose == Purpose.DOCUMENT, Certificate.key_by_owner))
        )
    if not is_there:
        order_seal(services, f"ubnd@{services.policy.domain}", by=PLANNER)


def _tell_of_mail(shell: Shell, stage: Stage) -> None:
    """How to come in with a mail program: the servers, and two owners with fresh codes to set their passwords with."""
    services, facts = shell.services, stage.mail.facts
    now = services.clock()
    with services.database.transaction() as session:
        owners = codes.holders_in(session, ROOT_AGENCY, now=now)[:2]
        slips = [codes.NewCode(owner, codes.new_code()) for owner in owners]
        issuing.issue(session, slips, who=Who(PLANNER), now=now, expires_at=now + timedelta(days=1))
    ports = facts.ports
    click.echo(
        f"Mail: IMAP over TLS localhost:{ports.imaps}, submission over TLS localhost:{ports.submissions} or"
    )
    click.echo(f"   STARTTLS localhost:{ports.submission}, a stranger's way in 127.0.0.1:{ports.smtp}.")
    click.echo(f"   Their certificate, for the mail program to trust: {facts.certificate}")
    click.echo("Two owners without a password; open the link, set one, and sign in with the address:")
    for slip in slips:
        link = f"{services.settings.activation.page}#{slip.code.reveal()}"
        click.echo(f"   {slip.holder.address:<32} {link}")
    click.echo(f"   Afterwards their own page (password, second factor, signing key): {stage.address}toi")


def _say(number: str, *words: str) -> None:
    click.secho(f"{number}. {' '.join(words)}", bold=True)

"""`provisioner foreign`: certificates of other authorities, the Government Cipher Committee's above all."""

from datetime import datetime
from pathlib import Path

import click
from cryptography import x509
from sqlalchemy import select

from provisioner.audit import Who
from provisioner.certificates import foreign as room
from provisioner.certificates.foreign_due import due
from provisioner.certificates.foreign_life import Ending, Step, note, state_of
from provisioner.certificates.foreign_reading import DEVICES, read_foreign
from provisioner.certificates.models import ForeignCertificate, Issuer
from provisioner.cli.shell import Shell, as_json, by, counted, pass_shell, print_json, print_table, row_number
from provisioner.days import day_of
from provisioner.rounds import foreign_deadlines


@click.group()
def foreign() -> None:
    """Certificates that other authorities issued."""


@foreign.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@by
@pass_shell
def import_command(shell: Shell, file: Path, by: str) -> None:
    """Record the certificates of FILE: PEM, DER, P7B, a ZIP of those, or a list as CSV. Twice does no harm.

    Columns of a list: so_hieu, don_vi_cap, ho_va_ten, dia_chi_thu, ma_can_bo, ma_co_quan, hieu_luc_tu, hieu_luc_den,
    thiet_bi (token, sim, hsm, tap_trung).
    """
    services = shell.services
    read = read_foreign(file.read_bytes(), name=file.name)
    with services.database.transaction() as session:
        ours = frozenset(
            x509.load_der_x509_certificate(data).subject.rfc4514_string()
            for data in session.scalars(select(Issuer.certificate))
        )
        done = room.import_foreign(session, read, our_issuers=ours, who=Who(by), now=services.clock())
    click.echo(
        counted(
            {"new": done.new, "known before": done.known, "completed": done.completed, "our own": done.ours}
            | {f"match {match.value}": count for match, count in done.matches.items()}
        )
    )
    for unread in done.unread:
        click.echo(f"{unread.place}: {shell.text(unread.why)}", err=True)


@foreign.command("list")
@click.option("--undecided", is_flag=True, help="Only those that wait for a person to say whose they are.")
@as_json
@pass_shell
def list_command(shell: Shell, undecided: bool, as_json: bool) -> None:
    """Every certificate of another authority, whose it is and where it stands."""
    services = shell.services
    today, deadlines = day_of(services.clock()), foreign_deadlines(services)
    with services.database.reading() as session:
        rows = (
            room.undecided(session)
            if undecided
            else list(session.scalars(select(ForeignCertificate).order_by(ForeignCertificate.id)))
        )
    told = [
        {
            "id": row.id,
            "name": row.name,
            "mail": row.mail,
            "code": row.code,
            "serial": row.serial,
            "match": row.match.value,
            "state": state_of(row, today=today, deadlines=deadlines),
        }
        for row in rows
    ]
    if as_json:
        print_json(told)
    else:
        print_table(list(told[0]) if told else ["none"], [list(row.values()) for row in told])


@foreign.command()
@click.argument("foreign_id", type=row_number)
@click.option("--person", help="A staff number.")
@click.option("--agency", help="An agency code.")
@click.option("--nobody", is_flag=True, help="Nobody's in the books.")
@by
@pass_shell
def decide(
    shell: Shell, foreign_id: int, person: str | None, agency: str | None, nobody: bool, by: str
) -> None:
    """Say whose a certificate is."""
    if sum((person is not None, agency is not None, nobody)) != 1:
        raise click.UsageError("say one of --person, --agency, --nobody")
    services = shell.services
    with services.database.transaction() as session:
        room.decide(
            session, foreign_id, staff_number=person, agency_code=agency, who=Who(by), now=services.clock()
        )


@foreign.command("note")
@click.argument("foreign_id", type=row_number)
@click.argument("step", type=click.Choice([step.value for step in Step]))
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The day; today when not given.")
@click.option("--paper", default="", help="The minutes or the letter that says so.")
@click.option(
    "--reason",
    type=click.Choice([ending.value for ending in Ending]),
    help="Why it was revoked (Decree 68/2024 art. 17).",
)
@click.option("--device", type=click.Choice(sorted(set(DEVICES.values()))), help="What the key is on.")
@by
@pass_shell
def note_command(
    shell: Shell,
    foreign_id: int,
    step: str,
    on: datetime | None,
    paper: str,
    reason: str | None,
    device: str | None,
    by: str,
) -> None:
    """Record a step of its life: delivered, handed over, revoked, its device returned or lost."""
    if reason is not None and step != Step.REVOKED:
        raise click.UsageError("--reason goes with the step revoked")
    services = shell.services
    now = services.clock()
    day = on.date() if on else day_of(now)  # a day that was typed has no zone
    with services.database.transaction() as session:
        note(
            session,
            foreign_id,
            Step(step),
            on=day,
            who=Who(by),
            now=now,
            paper=paper,
            ending=Ending(reason) if reason else None,
            device=device,
        )


@foreign.command("due")
@click.option("--late", is_flag=True, help="Only what is late.")
@as_json
@pass_shell
def due_command(shell: Shell, late: bool, as_json: bool) -> None:
    """What is to be done, and by when: renewals to ask for, requests to settle, devices to return."""
    services = shell.services
    with services.database.reading() as session:
        found = due(session, now=services.clock(), deadlines=foreign_deadlines(services))
    told = [
        {
            "id": one.foreign_id,
            "name": one.name,
            "agency": one.agency,
            "duty": one.duty.value,
            "by": one.by.isoformat(),
            "late": one.is_late,
        }
        for one in found
        if one.is_late or not late
    ]
    if as_json:
        print_json(told)
    else:
        print_table(list(told[0]) if told else ["nothing"], [list(row.values()) for row in told])

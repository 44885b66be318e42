"""`provisioner certificates`: handing over, looking at, renewing and revoking single certificates."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import click

from provisioner.audit import Who
from provisioner.certificates import refusals
from provisioner.certificates.enrolling import enrol, enrol_bundle
from provisioner.certificates.finding import certificates_of, refused
from provisioner.certificates.handing_over import hand_over
from provisioner.certificates.models import Certificate, Purpose
from provisioner.certificates.ordering import order_for
from provisioner.certificates.renewing import expiring
from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json, print_table
from provisioner.days import VIETNAM
from provisioner.errors import Conflict, Text

purpose_option = click.option(
    "--purpose",
    type=click.Choice([purpose.value for purpose in Purpose]),
    default=Purpose.MAIL.value,
    show_default=True,
    help="Which of a mailbox's certificates.",
)


@click.group()
def certificates() -> None:
    """Certificates: hand over, renew, revoke."""


@certificates.command()
@click.argument("address")
@as_json
@pass_shell
def show(shell: Shell, address: str, as_json: bool) -> None:
    """Every certificate ordered for a mailbox, the newest first."""
    with shell.services.database.reading() as session:
        told = [_told(certificate, shell) for certificate in certificates_of(session, address)]
    if as_json:
        print_json(told)
        return
    for row in told:
        print_table(
            [str(row["serial"]), ""], [[name, _readable(value)] for name, value in row.items() if value]
        )


@certificates.command("order")
@click.argument("addresses", nargs=-1, required=True)
@purpose_option
@by
@pass_shell
def order_command(shell: Shell, addresses: tuple[str, ...], purpose: str, by: str) -> None:
    """Order a certificate for each of these mailboxes; those that have one of this purpose keep it."""
    services = shell.services
    with services.database.transaction() as session:
        count = order_for(session, addresses, who=Who(by), now=services.clock(), purpose=Purpose(purpose))
    click.echo(f"{count:,} ordered, {len(addresses) - count:,} have one")


@certificates.command("hand-over")
@click.argument("address")
@purpose_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="A new file.")
@as_json
@by
@pass_shell
def hand_over_command(shell: Shell, address: str, purpose: str, out: Path, as_json: bool, by: str) -> None:
    """Write the certificate, with its key if we made it, to a new file; the password is shown once, here.

    Give the password to the owner on another channel than the file. The key is then gone from the books.
    """
    services = shell.services
    with new_private_file(out) as file, services.database.transaction() as session:
        given = hand_over(
            session,
            address,
            sealer=services.sealer,
            who=Who(by),
            now=services.clock(),
            purpose=Purpose(purpose),
        )
        # The key is gone from the books with the commit: the file has to be on the disk before.
        file.write(given.content)
        file.flush()
        os.fsync(file.fileno())
    password = given.password.reveal() if given.password else None
    if as_json:
        print_json({"serial": given.serial, "address": given.address, "file": str(out), "password": password})
        return
    click.echo(f"{out}: certificate {given.serial} of {given.address}")
    if password:
        click.echo(f"password, shown only this once: {password}")


@certificates.command("enrol")
@click.argument("address")
@click.argument("request", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@purpose_option
@by
@pass_shell
def enrol_command(shell: Shell, address: str, request: Path, purpose: str, by: str) -> None:
    """Order a certificate for a key its owner made: REQUEST is a CSR (PKCS#10), PEM or DER.

    Only the public key is taken from it. A certificate that is live stays good until the new one is handed over.
    """
    services = shell.services
    with services.database.transaction() as session:
        order = enrol(
            session,
            address,
            request.read_bytes(),
            who=Who(by),
            now=services.clock(),
            purpose=Purpose(purpose),
        )
        click.echo(f"order {order.id} for {address}: key {order.key_fingerprint}")


@certificates.command("enrol-many")
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@purpose_option
@by
@pass_shell
@click.pass_context
def enrol_many_command(context: click.Context, shell: Shell, bundle: Path, purpose: str, by: str) -> None:
    """Enrol every CSR of a ZIP; each is named after its mailbox: anhnt@lamdong.gov.vn.csr. Exit 1 if one failed."""
    services = shell.services
    with services.database.transaction() as session:
        enrolled = enrol_bundle(
            session, bundle.read_bytes(), who=Who(by), now=services.clock(), purpose=Purpose(purpose)
        )
    for name, order in enrolled:
        if isinstance(order, Certificate):
            click.echo(f"{name}: order {order.id}")
        else:
            sentence = order.text.vi if shell.language == "vi" else order.text.en
            click.echo(f"{name}: {sentence} [{order.code}]", err=True)
    if not all(isinstance(order, Certificate) for _, order in enrolled):
        context.exit(1)


@certificates.command("refused")
@as_json
@pass_shell
def refused_command(shell: Shell, as_json: bool) -> None:
    """Orders that a rule or the authority refused; after the cause is mended, `certificates order` asks anew.

    What was reserved already is not given up: `ca resume` lets it be tried again.
    """
    with shell.services.database.reading() as session:
        rows = [
            {
                "address": address,
                "purpose": order.purpose,
                "state": order.state,
                "trouble": order.trouble,
                "detail": _why(order, shell),
            }
            for address, order in refused(session)
        ]
    if as_json:
        print_json(rows)
    else:
        print_table(
            ["address", "purpose", "state", "trouble", "detail"],
            [[v or "" for v in row.values()] for row in rows],
        )


@certificates.command("expiring")
@click.option("--days", type=click.IntRange(1, 3650), default=60, show_default=True)
@as_json
@pass_shell
def expiring_command(shell: Shell, days: int, as_json: bool) -> None:
    """Certificates that end within so many days, until the next is handed over, and the agency's address to tell."""
    services = shell.services
    with services.database.reading() as session:
        found = expiring(session, within=timedelta(days=days), now=services.clock())
    if as_json:
        print_json([asdict(each) for each in found])
        return
    click.echo(f"{len(found):,} certificates end within {days} days")
    rows = [
        [
            each.serial,
            each.address,
            f"{each.not_after.astimezone(VIETNAM):%Y-%m-%d}",
            "to be fetched" if each.is_replaced else "",
            each.contact,
        ]
        for each in found
    ]
    print_table(["serial", "owner", "ends", "the next", "agency"], rows)


@contextmanager
def new_private_file(path: Path) -> Iterator[BinaryIO]:
    """A new file that only its owner reads, on the disk before this ends; gone again when that fails.

    It is opened before anything is taken out of the books, so that a forbidden place costs no key. Raises `Conflict`
    when it cannot be made or written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Conflict(
            Text(
                vi=f"Không tạo được tệp mới {path}: {error.strerror}.",
                en=f"The new file {path} cannot be made: {error.strerror}.",
            ),
            code="file-unusable",
        ) from error


_TOLD = (
    "serial",
    "purpose",
    "state",
    "profile",
    "not_before",
    "not_after",
    "handed_over_at",
    "replaced_at",
    "revoked_at",
    "revocation_reason",
    "stale_since",
    "trouble",
)


def _told(certificate: Certificate, shell: Shell) -> dict[str, object]:
    return {name: getattr(certificate, name) for name in _TOLD} | {"trouble_detail": _why(certificate, shell)}


def _why(certificate: Certificate, shell: Shell) -> str | None:
    text = refusals.told(certificate.trouble, certificate.trouble_detail)
    return text.in_language(shell.language) if text else None


def _readable(value: object) -> object:
    """Moments as other commands print them, in Vietnamese time."""
    return f"{value.astimezone(VIETNAM):%Y-%m-%d %H:%M}" if isinstance(value, datetime) else value

"""`provisioner ca`: the authority's ceremony and its papers."""

from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from sqlalchemy import func, select

from ca.ceremony import ROOT
from provisioner.certificates.models import Certificate, Issuer, State
from provisioner.cli.shell import Shell, as_json, by, pass_shell, print_json, print_table
from provisioner.signing import hold_ceremony, renew_list


@click.group("ca")
def authority() -> None:
    """The certificate authority."""


@authority.command()
@by
@pass_shell
def init(shell: Shell, by: str) -> None:
    """Hold the ceremony: make what is missing of the root, the mail authority and their lists."""
    ceremony = hold_ceremony(shell.services, by=by)
    renew_list(shell.services, ROOT)
    for label, certificate in ceremony.certificates.items():
        click.echo(f"{label}: {certificate.fingerprint(hashes.SHA256()).hex()}")


@authority.command()
@as_json
@pass_shell
def show(shell: Shell, as_json: bool) -> None:
    """The authorities, their lists, and how many certificates they issued."""
    with shell.services.database.reading() as session:
        issued = dict(
            session.execute(
                select(Certificate.issuer_id, func.count())
                .where(Certificate.state == State.ISSUED)
                .group_by(Certificate.issuer_id)
            ).tuples()
        )
        told = []
        for issuer in session.scalars(select(Issuer).order_by(Issuer.id)):
            certificate = x509.load_der_x509_certificate(issuer.certificate)
            told.append(
                {
                    "label": issuer.label,
                    "subject": certificate.subject.rfc4514_string(),
                    "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
                    "not_after": certificate.not_valid_after_utc.isoformat(),
                    "crl_number": issuer.crl_number,
                    "crl_next_update": issuer.crl_next_update.isoformat() if issuer.crl_next_update else None,
                    "issued": issued.get(issuer.id, 0),
                }
            )
    if as_json:
        print_json(told)
        return
    if not told:
        click.echo("there is no authority yet: provisioner ca init")
    for row in told:
        print_table(
            [str(row["label"]), ""], [[name, value] for name, value in row.items() if name != "label"]
        )


@authority.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@pass_shell
def export(shell: Shell, out: Path) -> None:
    """Write the authorities' certificates and lists, and every certificate issued, as DER files."""
    out.mkdir(parents=True, exist_ok=True)
    with shell.services.database.reading() as session:
        for issuer in session.scalars(select(Issuer)):
            (out / f"{issuer.label}.cer").write_bytes(issuer.certificate)
            if issuer.crl:
                (out / f"{issuer.label}.crl").write_bytes(issuer.crl)
        folder = out / "issued"
        folder.mkdir(exist_ok=True)
        count = 0
        rows = session.execute(
            select(Certificate.serial, Certificate.der).where(Certificate.der.is_not(None))
        )
        for row in rows:
            (folder / f"{row.serial}.cer").write_bytes(row.der or b"")
            count += 1
    click.echo(f"{count:,} certificates written to {folder}")

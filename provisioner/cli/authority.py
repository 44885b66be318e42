"""`provisioner ca`: the authority's ceremony and its papers."""

import shutil
import subprocess
import tempfile
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import func, select

from ca.ceremony import ROOT
from ca.lint_names import LABELS
from ldap_schema.schema import CERTIFICATE
from provisioner.audit import Who
from provisioner.certificates.models import Certificate, Issuer, Purpose, State
from provisioner.certificates.pausing import stopped_by
from provisioner.certificates.revoked_authorities import AuthorityRevocation, revoked_authorities
from provisioner.cli.shell import Shell, as_json, by, counted, pass_shell, print_json, print_table
from provisioner.errors import Text, Unavailable
from provisioner.signing import recover_authorities, write_journals_again


@click.group("ca")
def authority() -> None:
    """The certificate authority."""


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
            ).all()
        )
        revoked = revoked_authorities(session)
        told = []
        for issuer in session.scalars(select(Issuer).order_by(Issuer.id)):
            certificate = x509.load_der_x509_certificate(issuer.certificate)
            told.append(
                {
                    "label": issuer.label,
                    "subject": certificate.subject.rfc4514_string(LABELS),
                    "sha256": certificate.fingerprint(hashes.SHA256()).hex(),
                    "not_after": certificate.not_valid_after_utc.isoformat(),
                    "crl_number": issuer.crl_number,
                    "crl_next_update": issuer.crl_next_update.isoformat() if issuer.crl_next_update else None,
                    "issued": issued.get(issuer.id, 0),
                    "trouble": shell.text(stopped_by(issuer)) if issuer.trouble else None,
                    "revoked": _revoked(revoked.get(issuer.label)),
                }
            )
    if as_json:
        print_json(told)
        return
    if not told:
        click.echo("there is no authority yet: provisioner ca init")
    for row in told:
        click.echo(row["label"])
        print_table(["", ""], [[f"  {name}", value] for name, value in row.items() if name != "label"])


def _revoked(said: AuthorityRevocation | None) -> str | None:
    if said is None or said.approved_at is None:
        return None
    falling = "" if said.fallen_at else ", certificates below it are being revoked"
    return f"{said.approved_at.isoformat()} {said.reason}{falling}"


@authority.command()
@click.option(
    "--journal-lost",
    is_flag=True,
    help="The newest lines of the journal are gone for good: write again what the books know of them.",
)
@by
@as_json
@pass_shell
def recover(shell: Shell, journal_lost: bool, by: str, as_json: bool) -> None:
    """After a restore from an old backup: put back what the signer's journal, its newest list and the directory know.

    Import the rosters of the lost time first: a certificate of nobody in the books is revoked.
    """
    services = shell.services
    in_directory = [
        certificate
        for branch in (services.dit.people, services.dit.units)
        for entry in services.directory.scan(branch)
        for certificate in entry.attributes.get(CERTIFICATE, ())
    ]
    if journal_lost:
        lines = write_journals_again(services, who=Who(by))
        click.echo(f"{lines:,} lines of journals written again", err=as_json)
    done = recover_authorities(services, in_directory=in_directory, who=Who(by))
    if as_json:
        print_json(vars(done))
    else:
        click.echo(counted({name.replace("_", " "): count for name, count in vars(done).items()}))


@authority.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True)
@pass_shell
def export(shell: Shell, out: Path) -> None:
    """Write the authorities' certificates and lists, and every certificate issued, as files."""
    count = sum(map(len, _export(shell, out).values()))
    click.echo(f"{count:,} certificates written to {out / 'issued'}")


@authority.command()
@pass_shell
@click.pass_context
def verify(context: click.Context, shell: Shell) -> None:
    """Ask OpenSSL about every certificate that is live; exit 1 when it refuses one.

    Runs `openssl verify -x509_strict -crl_check_all` with our root, authorities and lists and nothing else:
    mail certificates for `-purpose smimesign`, document certificates, for which OpenSSL has no name, for any.
    """
    openssl = shutil.which("openssl")
    if openssl is None:
        raise Unavailable(Text(vi="Không tìm thấy openssl.", en="openssl was not found; install it."))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        written = _export(shell, folder, live_at=shell.services.clock())
        command = [openssl, "verify", "-x509_strict", "-crl_check_all", "-no-CApath", "-no-CAstore"]
        for label in sorted(path.stem for path in folder.glob("*.crl")):
            command += ["-CAfile" if label.startswith(ROOT) else "-untrusted", f"{label}.pem"]
            command += ["-CRLfile", f"{label}.crl"]
        refused = []
        for purpose, files in written.items():
            meant = ["-purpose", "smimesign" if purpose == Purpose.MAIL else "any"]
            for start in range(0, len(files), 500):
                run = subprocess.run(  # noqa: S603 - our own files, no shell
                    [*command, *meant, *files[start : start + 500]],
                    cwd=folder,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                said = (run.stdout + run.stderr).splitlines()
                refused += [line for line in said if not line.endswith(": OK")]
    for line in refused[:20]:
        click.echo(line, err=True)
    count = sum(map(len, written.values()))
    click.echo(f"{count:,} certificates; OpenSSL refused {sum('error' in line for line in refused):,}")
    if refused:
        context.exit(1)


def _export(shell: Shell, out: Path, *, live_at: datetime | None = None) -> dict[str, list[str]]:
    """Write authorities, lists and issued certificates below `out`; the files of the last, by purpose."""
    folder = out / "issued"
    folder.mkdir(parents=True, exist_ok=True)
    with shell.services.database.reading() as session:
        for issuer in session.scalars(select(Issuer)):
            (out / f"{issuer.label}.cer").write_bytes(issuer.certificate)
            certificate = x509.load_der_x509_certificate(issuer.certificate)
            (out / f"{issuer.label}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
            if issuer.crl:
                (out / f"{issuer.label}.crl").write_bytes(issuer.crl)
        wanted = select(Certificate.serial, Certificate.der, Certificate.purpose).where(
            Certificate.der.is_not(None)
        )
        if live_at is not None:
            wanted = wanted.where(Certificate.revoked_at.is_(None), Certificate.not_after > live_at)
        written: dict[str, list[str]] = defaultdict(list)
        for row in session.execute(wanted):
            (folder / f"{row.serial}.cer").write_bytes(row.der or b"")
            written[row.purpose].append(f"issued/{row.serial}.cer")
    return written

"""`provisioner token`: the officer's station, where a person's key is made on a token and never leaves it."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from ca.keys import KeyKind, spki_bytes
from provisioner.audit import Change, Who, record
from provisioner.certificates.enrolling import enrol
from provisioner.certificates.finding import certificates_of
from provisioner.certificates.handing_over import hand_over
from provisioner.certificates.models import Purpose
from provisioner.cli.certificates import purpose_option
from provisioner.cli.shell import Shell, by, pass_shell
from provisioner.errors import Conflict, Text

module_option = click.option(
    "--module",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    envvar="PROVISIONER_TOKEN_MODULE",
    help="The PKCS#11 library of the token's maker.",
)
token_option = click.option("--token", "token_label", required=True, help="The token's label.")
pin_option = click.option(
    "--pin",
    envvar="PROVISIONER_TOKEN_PIN",
    prompt=True,
    hide_input=True,
    help="Asked for; typed by its owner, and never tried a second time when it was wrong.",
)


if TYPE_CHECKING:
    from ca.hsm import Pkcs11KeyStore


@click.group()
def token() -> None:
    """The officer's station: keys on tokens."""


@token.command("enrol")
@click.argument("address")
@module_option
@token_option
@pin_option
@click.option(
    "--kind", type=click.Choice(["p256", "p384", "rsa3072", "rsa4096"]), default="p256", show_default=True
)
@purpose_option
@by
@pass_shell
def enrol_command(
    shell: Shell,
    address: str,
    module: Path,
    token_label: str,
    pin: str,
    kind: str,
    purpose: str,
    by: str,
) -> None:
    """Make a key on the token and order a certificate for it. When that is signed: provisioner token store."""
    services = shell.services
    store, now = _open(module, token_label, pin), services.clock()
    label = f"{re.sub('[^a-z0-9]+', '-', address.lower()).strip('-')[:40]}-{now:%Y%m%d%H%M%S}"
    key = store.generate(label, KeyKind(kind))
    # The name is a courtesy to other programs: the certificate's comes from the register.
    builder = x509.CertificateSigningRequestBuilder(
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, address[:64])])
    )
    request = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    with services.database.transaction() as session:
        order = enrol(session, address, request, who=Who(by), now=now, purpose=Purpose(purpose))
        click.echo(f"order {order.id} for {address}: key {label} on {token_label}")


@token.command("store")
@click.argument("address")
@module_option
@token_option
@pin_option
@by
@pass_shell
def store_command(shell: Shell, address: str, module: Path, token_label: str, pin: str, by: str) -> None:
    """Write the signed certificate beside its key on the token; this hands it over, and ends the one before."""
    services = shell.services
    store = _open(module, token_label, pin)
    on_token = {spki_bytes(store.load(label).public_key()): label for label in store.labels()}
    with services.database.transaction() as session:
        # Of any purpose, but no key that the service made: handed over here, it would be thrown away.
        live = (
            c
            for c in certificates_of(session, address)
            if c.der and c.key_by_owner and not (c.revoked_at or c.replaced_at)
        )
        found = next((c for c in live if c.public_key in on_token), None)
        if found is None or found.der is None or found.public_key is None:
            raise Conflict(
                Text(
                    vi=f"Chưa có chứng thư nào của {address} cho khóa trên thiết bị này.",
                    en=f"No certificate of {address} is signed yet for a key on this token.",
                ),
                code="nothing-to-store",
            )
        label = on_token[found.public_key]
        store.put_certificate(label, x509.load_der_x509_certificate(found.der))
        hand_over(
            session,
            address,
            sealer=services.sealer,
            who=Who(by),
            now=services.clock(),
            purpose=Purpose(found.purpose),
        )
        after = {"serial": found.serial, "token": token_label}
        record(
            session,
            Who(by),
            [Change("certificate.stored-on-token", "certificate", str(found.id), after=after)],
            now=services.clock(),
        )
        click.echo(f"{found.serial}: on {token_label}, beside {label}")


def _open(module: Path, token_label: str, pin: str) -> "Pkcs11KeyStore":
    from ca.hsm import Pkcs11KeyStore  # noqa: PLC0415 - only a station with tokens needs python-pkcs11

    return Pkcs11KeyStore(module, token_label, pin)

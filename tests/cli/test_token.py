"""The officer's station: a key made on a token (SoftHSM), certified, and its certificate written beside it."""

from pathlib import Path

from cryptography import x509

from ca.keys import spki_fingerprint
from provisioner.adapters.ldap import LdapDirectory
from tests.ca.test_hsm import PIN, a_store, module_path, token, tokens
from tests.cli.console import Provisioner, told
from tests.cli.test_certificates import ANH, ONCE, certified, shown

__all__ = ["certified", "token", "tokens"]


@ONCE
def test_a_key_made_on_a_token_is_certified_and_its_certificate_comes_back(
    certified: Provisioner, with_slapd: LdapDirectory, token: str, tmp_path: Path
) -> None:
    station = ["--module", module_path(), "--token", token, "--pin", PIN]
    before = shown(certified, ANH)[0]

    certified("token", "enrol", ANH, *station)
    assert "nothing-to-store" in certified("token", "store", ANH, *station, status=1).stderr
    certified("work", "--until-idle")
    certified("token", "store", ANH, *station, "--by", "lan")
    certified("work", "--until-idle")

    (label,) = a_store(token).labels()
    held = a_store(token).certificate(label)
    assert isinstance(held, x509.Certificate)
    new, old = shown(certified, ANH)
    assert f"{held.serial_number:x}" == new["serial"]
    assert spki_fingerprint(a_store(token).load(label).public_key()) == spki_fingerprint(held.public_key())
    assert (old["serial"], old["revocation_reason"]) == (before["serial"], "superseded")


@ONCE
def test_a_document_key_on_a_token_leaves_the_mail_certificate_alone(
    certified: Provisioner, with_slapd: LdapDirectory, token: str, installation: Path
) -> None:
    station = ["--module", module_path(), "--token", token, "--pin", PIN]
    certified("token", "enrol", ANH, "--purpose", "document", *station)
    certified("work", "--until-idle")

    certified("token", "store", ANH, *station, "--by", "lan")

    handed = {one["purpose"]: one["handed_over_at"] is not None for one in shown(certified, ANH)}
    assert handed == {"mail": False, "document": True}
    given = told(certified("certificates", "hand-over", ANH, "--out", installation / "a.p12", "--json"))
    assert given["password"]

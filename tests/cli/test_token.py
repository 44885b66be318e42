"""The officer's station: a key made on a token (SoftHSM), certified, and its certificate written beside it."""

from pathlib import Path

from cryptography import x509

from ca.keys import spki_fingerprint
from provisioner.adapters.ldap import LdapDirectory
from tests.ca.test_hsm import PIN, a_store, module_path, token, tokens
from tests.cli.console import Provisioner
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

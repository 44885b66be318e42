"""Certificates of other authorities on the command line: imported, decided, followed."""

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from provisioner.adapters.ldap import LdapDirectory
from tests.certificates.test_foreign import a_certificate
from tests.cli.console import Provisioner, agencies_file, roster_file, told
from tests.cli.test_certificates import ANH, ONCE
from tests.province import an_official


@ONCE
def test_from_a_file_to_a_returned_device(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory
) -> None:
    provisioner("agencies", "import", agencies_file(installation))
    provisioner(
        "roster", "plan", roster_file(installation, [an_official("CB1", "Nguyễn Thị Ánh")]), "--by", "an"
    )
    provisioner("roster", "approve", 1, "--by", "binh")
    provisioner("roster", "apply", 1, "--by", "binh")
    provisioner("work", "--until-idle")
    certificates = [a_certificate(mail=ANH), a_certificate("Trần Văn Khác")]
    pem = b"".join(each.public_bytes(Encoding.PEM) for each in certificates)
    (installation / "vgca.pem").write_bytes(pem)

    said = provisioner("foreign", "import", installation / "vgca.pem").stdout
    (waiting,) = told(provisioner("foreign", "list", "--undecided", "--json"))
    provisioner("foreign", "decide", waiting["id"], "--person", "CB1")
    provisioner("foreign", "note", 1, "handed-over", "--paper", "BB 12", "--device", "token")

    assert "1 match certain" in said
    assert "1 match nobody" in said
    assert [each["state"] for each in told(provisioner("foreign", "list", "--json"))] == [
        "handed-over",
        "issued",
    ]
    assert "step-not-now" in provisioner("foreign", "note", 1, "returned", status=1).stderr
    provisioner("foreign", "note", 1, "locked")
    (waits,) = told(provisioner("foreign", "due", "--json"))
    assert (waits["duty"], waits["agency"], waits["late"]) == ("settle-recovery", "H36.05", False)
    assert told(provisioner("foreign", "due", "--late", "--json")) == []
    provisioner("foreign", "note", 1, "revoked", "--reason", "left")
    assert [one["duty"] for one in told(provisioner("foreign", "due", "--json"))] == ["return-device"]
    assert provisioner("foreign", "note", 2, "returned", "--reason", "left", status=2)

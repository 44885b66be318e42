"""A roster's way, all real: file, books, slapd, authority, OpenSSL, and the coverage that comes of it."""

import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from ldap3 import BASE
from sqlalchemy import select

from ldap_schema.schema import CERTIFICATE
from provisioner.adapters.ldap import LdapDirectory
from provisioner.certificates.models import Certificate, Issuer, State
from provisioner.db import Database
from provisioner.mailboxes.models import Address, Mailbox
from provisioner.private.slapd import PrivateSlapd
from provisioner.services import Services
from provisioner.settings import Settings
from tests.cli.console import Provisioner, agencies_file, roster_file, told
from tests.ldap_server import raw
from tests.province import AGENCIES, GB, a_unit, an_official

LEADER = an_official(
    "CB1",
    "Nguyễn Thị Ánh",
    ngay_sinh="05/03/1990",
    so_dinh_danh="068190000001",
    chuc_vu="Giám đốc",
    lanh_dao="x",
    chung_thu="x",
)
PEOPLE = [
    LEADER,
    an_official("CB2", "Nguyễn Thị Anh"),
    an_official("CB3", "H'Hen Niê", chung_thu="có", dung_luong="8GB"),
    an_official("CB4", "Y Blok Êban", ma_co_quan="H36.05.21", chung_thu="x"),
    a_unit("H36.05", chung_thu="x"),
    a_unit("H36.06"),
]


def export(provisioner: Provisioner, folder: Path) -> Path:
    """The authorities, their lists and what they issued, as PEM files for OpenSSL."""
    out = folder / "pki"
    provisioner("ca", "export", "--out", out)
    for kind, command in (("cer", "x509"), ("crl", "crl")):
        for file in out.glob(f"*.{kind}"):
            pem = ["openssl", command, "-inform", "DER", "-in", str(file), "-out", f"{file}.pem"]
            subprocess.run(pem, check=True)
    (out / "lists.pem").write_text("".join(path.read_text() for path in sorted(out.glob("*.crl.pem"))))
    return out


def verified(pki: Path, certificate: bytes) -> str:
    """What `openssl verify` says of it, as strictly as it can be asked."""
    (pki / "leaf.cer").write_bytes(certificate)
    convert = [
        "openssl",
        "x509",
        "-inform",
        "DER",
        "-in",
        str(pki / "leaf.cer"),
        "-out",
        str(pki / "leaf.pem"),
    ]
    subprocess.run(convert, check=True)
    (root,), (mail,) = pki.glob("*root*.cer.pem"), pki.glob("*mail*.cer.pem")
    command = ["openssl", "verify", "-x509_strict", "-crl_check_all", "-purpose", "smimesign"]
    command += ["-CAfile", str(root), "-untrusted", str(mail), "-CRLfile", str(pki / "lists.pem")]
    result = subprocess.run([*command, str(pki / "leaf.pem")], capture_output=True, text=True, check=False)
    return (result.stdout + result.stderr).strip()


def test_a_roster_goes_from_file_to_directory_certificates_and_coverage(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory, slapd_server: PrivateSlapd
) -> None:
    # An operator sets up: authority, agencies.
    provisioner("ca", "init", "--by", "quantri")
    provisioner("agencies", "import", agencies_file(installation), "--by", "quantri")

    # HR plans, the chief approves and sets it going, the controllers do the rest.
    plan = told(provisioner("roster", "plan", roster_file(installation, PEOPLE), "--by", "an", "--json"))
    assert plan["counts"] == {"create": len(PEOPLE)}
    provisioner("roster", "approve", plan["plan"], "--by", "binh", "--digest", plan["digest"])
    provisioner("roster", "apply", plan["plan"], "--by", "binh")
    done = told(provisioner("work", "--until-idle", "--json"))
    assert (done["rows"], done["certificates"], done["waiting_for"]) == (len(PEOPLE), 4, "")

    # The directory has every entry, as another program reads it.
    with closing(Services(Settings.load())) as services, services.database.reading() as session:
        rows = session.execute(
            select(Address.address, Mailbox.account_id, Mailbox.person_id, Certificate.der)
            .join(Mailbox, Mailbox.id == Address.mailbox_id)
            .outerjoin(Certificate, Certificate.mailbox_id == Mailbox.id)
        ).all()
        issuers = session.scalars(select(Issuer.label)).all()
        mailboxes = {row.address: row for row in rows}
        dit = services.dit
    assert len(mailboxes) == len(PEOPLE)
    assert len(issuers) >= 2
    with raw(slapd_server) as outside:
        for row in mailboxes.values():
            dn = dit.person(row.account_id) if row.person_id else dit.unit(row.account_id)
            _, _, found, _ = outside.search(dn, "(objectClass=*)", BASE, attributes=["*"])
            entry = found[0]["raw_attributes"]
            quota = 8 if row.address == "hhenn@lamdong.gov.vn" else 4 if row.person_id else 10
            assert entry["mail"] == [row.address.encode()]
            assert entry["congvuId"] == [row.account_id.encode()]
            assert entry["congvuQuota"] == [str(quota * GB).encode()]
            assert entry.get(CERTIFICATE, []) == ([row.der] if row.der else [])
            assert "userPassword" not in entry

    # Whoever gets a signed mail can verify its certificate with OpenSSL alone.
    pki = export(provisioner, installation)
    certificates = [row.der for row in mailboxes.values() if row.der]
    assert len(certificates) == 4
    for certificate in certificates:
        assert verified(pki, certificate) == f"{pki}/leaf.pem: OK"

    # Books and directory agree, with three lists for each agency and two for their bloc; the same roster again is no work.
    assert told(provisioner("directory", "check", "--json")) == {
        "entries": len(AGENCIES) + 3 * len(AGENCIES) + 2 + len(PEOPLE),
        "pending": 0,
        "differences": [],
    }
    again = told(provisioner("roster", "plan", installation / "roster.csv", "--by", "an", "--json"))
    assert again["counts"] == {"unchanged": len(PEOPLE)}

    # The file comes back with what became of each row; leadership reads coverage.
    result = installation / "result.csv"
    provisioner("--lang", "vi", "roster", "result", plan["plan"], "--out", result, "--by", "an")
    assert result.read_text("utf-8-sig").count("Đã cấp") == len(PEOPLE)
    covered = told(provisioner("coverage", "--format", "json"))
    assert {name: covered["mailboxes"][name] for name in ("issued", "units", "personal")} == {
        "issued": 6,
        "units": 2,
        "personal": 4,
    }
    assert covered["agencies_served"] == {"n": 2, "of": len(AGENCIES), "percent": 33.3}
    assert covered["certificates"]["issued"] == 4
    assert "Sở Tài chính" in provisioner("--lang", "vi", "coverage", "--by-agency").stdout


def test_a_moved_and_renamed_official_is_the_same_entry_with_an_alias(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory
) -> None:
    provisioner("agencies", "import", agencies_file(installation))

    def provide(*rows: dict[str, str]) -> None:
        plan = told(provisioner("roster", "plan", roster_file(installation, rows), "--by", "an", "--json"))
        provisioner("roster", "approve", plan["plan"], "--by", "binh")
        provisioner("roster", "apply", plan["plan"], "--by", "binh")
        provisioner("work", "--until-idle")

    with closing(Services(Settings.load())) as services:
        provide(PEOPLE[1])
        (before,) = with_slapd.scan(services.dit.people)
        provide(
            an_official(
                "CB2",
                "Nguyễn Thị Ân",
                ma_co_quan="H36.06",
                dia_chi_thu="annt@lamdong.gov.vn",
                chuc_vu="Kế toán",
            )
        )
        (after,) = with_slapd.scan(services.dit.people)

    assert after.dn == before.dn
    assert after.attributes["cn"] == ("Nguyễn Thị Ân".encode(),)
    assert after.attributes["congvuAgencyCode"] == (b"H36.06",)
    assert after.attributes["mail"] == (b"annt@lamdong.gov.vn",)
    assert after.attributes["congvuAlias"] == before.attributes["mail"]
    assert told(provisioner("directory", "check", "--json"))["differences"] == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_directory_that_was_restored_from_an_old_copy_is_found_out(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory, database: Database
) -> None:
    provisioner("agencies", "import", agencies_file(installation))
    plan = told(provisioner("roster", "plan", roster_file(installation, PEOPLE), "--by", "an", "--json"))
    provisioner("roster", "approve", plan["plan"], "--by", "binh")
    provisioner("roster", "apply", plan["plan"], "--by", "binh")
    provisioner("work", "--until-idle")
    with closing(Services(Settings.load())) as services:
        lost = [(entry.dn, entry.marker) for entry in with_slapd.scan(services.dit.people)][:2]
    with_slapd.remove(lost)

    found = told(provisioner("directory", "check", "--json", status=1))

    assert {(d["kind"], d["dn"]) for d in found["differences"]} == {("missing", dn) for dn, _ in lost}
    with database.reading() as session:
        assert set(session.scalars(select(Certificate.state))) == {State.ORDERED}

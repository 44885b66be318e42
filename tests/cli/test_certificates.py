"""Certificates on the command line: handed over, enrolled, revoked by one and by two, recovered."""

import errno
import os
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from sqlalchemy import update

from ca.keys import spki_bytes
from provisioner.adapters.ldap import LdapDirectory
from provisioner.certificates.models import Certificate, State
from provisioner.db import Database
from tests.certificates.test_enrolling import a_request
from tests.cli.console import Provisioner, agencies_file, roster_file, told
from tests.province import an_official

ONCE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""These commands do the same on both databases: what they call is tested on both."""

ANH, BINH = "anhnt@lamdong.gov.vn", "binhlv@lamdong.gov.vn"


@pytest.fixture
def certified(installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory) -> Provisioner:
    """Two officials with a certificate each, in the directory."""
    provisioner("agencies", "import", agencies_file(installation))
    rows = [
        an_official("CB1", "Nguyễn Thị Ánh", chung_thu="x"),
        an_official("CB2", "Lê Văn Bình", chung_thu="x"),
    ]
    provisioner("roster", "plan", roster_file(installation, rows), "--by", "an")
    provisioner("roster", "approve", 1, "--by", "binh")
    provisioner("roster", "apply", 1, "--by", "binh")
    provisioner("ca", "init", "--by", "quantri")
    provisioner("work", "--until-idle")
    return provisioner


def shown(provisioner: Provisioner, address: str) -> list[dict[str, str]]:
    return told(provisioner("certificates", "show", address, "--json"))


def the_list(provisioner: Provisioner, folder: Path) -> set[str]:
    provisioner("ca", "export", "--out", folder / "papers")
    crl = x509.load_der_x509_crl((folder / "papers" / "mail-g1.crl").read_bytes())
    return {f"{entry.serial_number:x}" for entry in crl}


@ONCE
def test_refused_orders_are_listed_with_their_reason(certified: Provisioner, database: Database) -> None:
    assert told(certified("certificates", "refused", "--json")) == []
    with database.transaction() as session:
        session.execute(
            update(Certificate)
            .where(Certificate.mailbox_id == 1)
            .values(state=State.REFUSED, trouble="name.too-long", trouble_detail="65 characters")
        )

    assert told(certified("certificates", "refused", "--json")) == [
        {
            "address": ANH,
            "purpose": "mail",
            "state": "refused",
            "trouble": "name.too-long",
            "detail": "65 characters",
        }
    ]
    assert "65 characters" in certified("certificates", "refused").stdout


@ONCE
def test_why_an_order_was_refused_is_told_in_the_language_that_was_asked_for(
    certified: Provisioner, database: Database
) -> None:
    with database.transaction() as session:
        session.execute(
            update(Certificate)
            .where(Certificate.mailbox_id == 1)
            .values(
                state=State.REFUSED,
                trouble="name.not-printable",
                trouble_detail='[["name.not-printable","serialNumber","LĐ9_0001"]]',
            )
        )

    for command in (("certificates", "refused"), ("certificates", "show", ANH)):
        assert "LĐ9_0001” chỉ được có" in certified("--lang", "vi", *command).stdout
        assert "LĐ9_0001” may only have" in certified(*command).stdout


@ONCE
def test_the_moments_of_a_certificate_are_told_in_vietnamese_time(
    certified: Provisioner, database: Database
) -> None:
    ends = datetime(2027, 11, 21, 17, 30, 0, 123456, tzinfo=UTC)
    with database.transaction() as session:
        session.execute(update(Certificate).where(Certificate.mailbox_id == 1).values(not_after=ends))

    told_ = certified("certificates", "show", ANH).stdout

    assert "2027-11-22 00:30" in told_
    assert "+00:00" not in told_


@ONCE
def test_a_file_is_written_once_and_its_password_shown_once(
    certified: Provisioner, installation: Path
) -> None:
    out = installation / "anh.p12"

    given = told(certified("certificates", "hand-over", ANH, "--out", out, "--json", "--by", "lan"))

    content = pkcs12.load_pkcs12(out.read_bytes(), given["password"].encode())
    assert content.cert
    assert f"{content.cert.certificate.serial_number:x}" == given["serial"]
    assert out.stat().st_mode & 0o777 == 0o600
    again = certified("certificates", "hand-over", ANH, "--out", installation / "2.p12", status=1)
    assert "key-gone" in again.stderr
    assert not (installation / "2.p12").exists()


@ONCE
def test_a_file_that_stands_there_is_not_overwritten_and_costs_no_key(
    certified: Provisioner, installation: Path
) -> None:
    out = installation / "anh.p12"
    out.write_bytes(b"something of value")

    refused = certified("certificates", "hand-over", ANH, "--out", out, status=1)

    assert "file-unusable" in refused.stderr
    assert out.read_bytes() == b"something of value"
    certified("certificates", "hand-over", ANH, "--out", installation / "new.p12")


@ONCE
def test_a_full_disk_costs_no_key(
    certified: Provisioner, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        refused = certified("certificates", "hand-over", ANH, "--out", installation / "a.p12", status=1)

    assert "file-unusable" in refused.stderr
    assert not (installation / "a.p12").exists()
    given = told(certified("certificates", "hand-over", ANH, "--out", installation / "b.p12", "--json"))
    assert given["password"]


@ONCE
def test_what_is_lost_is_revoked_and_issued_anew(certified: Provisioner, installation: Path) -> None:
    certified("certificates", "hand-over", ANH, "--out", installation / "lost.p12")

    certified("certificates", "reissue", ANH, "--reason", "keyCompromise", "--by", "lan")
    certified("work", "--until-idle")

    new, old = shown(certified, ANH)
    assert (old["revocation_reason"], new["state"]) == ("keyCompromise", "issued")
    assert the_list(certified, installation) == {old["serial"]}
    certified("certificates", "hand-over", ANH, "--out", installation / "new.p12")


@ONCE
def test_a_hold_is_put_and_taken_back(certified: Provisioner, installation: Path) -> None:
    serial = shown(certified, ANH)[0]["serial"]

    certified("certificates", "revoke", serial, "--reason", "certificateHold")
    certified("work", "--until-idle")
    assert the_list(certified, installation) == {serial}

    certified("certificates", "release", serial)
    certified("work", "--until-idle")
    assert the_list(certified, installation) == set()
    assert "not-on-hold" in certified("certificates", "release", serial, status=1).stderr


@ONCE
def test_many_are_revoked_by_two_people(certified: Provisioner, installation: Path) -> None:
    serials = [shown(certified, address)[0]["serial"] for address in (ANH, BINH)]
    (installation / "serials.txt").write_text("\n".join(serials))
    arguments = ["--serials", installation / "serials.txt", "--reason", "cessationOfOperation"]

    said = certified("revocations", "plan", *arguments, "--note", "CV 12/SNV", "--by", "lan").stdout
    digest = said.split()[-1]
    alone = certified("revocations", "approve", 1, "--digest", digest, "--by", "lan", status=1)
    assert "two-people" in alone.stderr
    certified("revocations", "approve", 1, "--digest", digest, "--by", "hoa")
    certified("work", "--until-idle")

    assert the_list(certified, installation) == set(serials)
    assert told(certified("directory", "check", "--json"))["differences"] == []


@ONCE
def test_a_plan_is_refused_or_withdrawn_with_a_reason(certified: Provisioner, installation: Path) -> None:
    file = installation / "serials.txt"
    file.write_text(shown(certified, ANH)[0]["serial"])
    wanted = ("--serials", file, "--reason", "superseded", "--note", "CV 12/SNV", "--by", "lan")
    for _ in range(2):
        certified("revocations", "plan", *wanted)

    said = [
        certified("revocations", "refuse", n, "--reason", "nhầm", "--by", by).stdout
        for n, by in ((1, "lan"), (2, "hoa"))
    ]

    assert said == ["plan 1: withdrawn\n", "plan 2: refused\n"]
    assert (
        "plan-state" in certified("revocations", "refuse", 2, "--reason", "x", "--by", "lan", status=1).stderr
    )


@ONCE
@pytest.mark.parametrize(
    "content", [b"\xff\xfe1\x00a\x00", b"\xd0\xcf\x11\xe0", "số".encode("cp1258", "replace")]
)
def test_a_file_that_is_no_list_of_serial_numbers_is_told_in_a_sentence(
    certified: Provisioner, installation: Path, content: bytes
) -> None:
    (installation / "serials.txt").write_bytes(content)
    wanted = (
        "--serials",
        installation / "serials.txt",
        "--reason",
        "superseded",
        "--note",
        "x",
        "--by",
        "lan",
    )

    assert "serial-unknown" in certified("revocations", "plan", *wanted, status=1).stderr


@ONCE
def test_what_differs_from_the_register_is_listed_with_its_day(
    certified: Provisioner, installation: Path
) -> None:
    assert told(certified("revocations", "stale", "--json")) == []
    rows = [an_official("CB1", "Nguyễn Thị Ánh", ma_co_quan="H36.06")]
    certified("roster", "plan", roster_file(installation, rows, name="move.csv"), "--by", "an")
    certified("roster", "approve", 2, "--by", "binh")
    certified("roster", "apply", 2, "--by", "binh")
    certified("work", "--until-idle")

    (found,) = told(certified("revocations", "stale", "--json"))

    assert found["serial"] == shown(certified, ANH)[0]["serial"]
    assert (found["reason"], found["differing"]) == ("affiliationChanged", ["agency"])


@ONCE
def test_requests_come_one_by_one_and_as_a_zip(certified: Provisioner, installation: Path) -> None:
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in (ANH, BINH)}
    (installation / "anh.csr").write_bytes(a_request(keys[ANH]))
    with zipfile.ZipFile(installation / "all.zip", "w") as bundle:
        bundle.writestr("tokens/" + BINH + ".csr", a_request(keys[BINH]))
        bundle.writestr("nobody@lamdong.gov.vn.csr", a_request(ec.generate_private_key(ec.SECP256R1())))
        bundle.writestr(ANH + ".csr", a_request(keys[ANH]))
        bundle.writestr("junk.csr", b"junk")

    certified("certificates", "enrol", ANH, installation / "anh.csr")
    said = certified("certificates", "enrol-many", installation / "all.zip", status=1)
    certified("work", "--until-idle")

    assert f"{BINH}.csr: order" in said.stdout
    for code in ("mailbox-unknown", "key.seen-before", "csr.unreadable"):
        assert f"[{code}]" in said.stderr
    for address, key in keys.items():
        out = installation / f"{address}.pem"
        given = told(certified("certificates", "hand-over", address, "--out", out, "--json"))
        assert given["password"] is None
        leaf = x509.load_pem_x509_certificates(out.read_bytes())[0]
        assert spki_bytes(leaf.public_key()) == spki_bytes(key.public_key())
        assert leaf.public_bytes(Encoding.DER)


@ONCE
def test_recovering_what_was_not_lost_changes_nothing(certified: Provisioner) -> None:
    done = told(certified("ca", "recover", "--json", "--by", "quantri"))

    assert set(done.values()) == {0}


@ONCE
def test_what_ends_soon_is_listed(certified: Provisioner) -> None:
    assert told(certified("certificates", "expiring", "--days", 60, "--json")) == []

    found = told(certified("certificates", "expiring", "--days", 731, "--json"))

    assert {each["address"] for each in found} == {ANH, BINH}

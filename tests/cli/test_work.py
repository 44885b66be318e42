"""The other commands against real servers: from nothing to a directory that agrees with the books."""

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import select, update

from provisioner.adapters.ldap import LdapDirectory
from provisioner.db import Database
from provisioner.mailboxes.models import Address, Mailbox
from tests.cli.console import Provisioner, agencies_file, roster_file, told
from tests.province import AGENCIES, DIT, SCIENCE, a_unit, an_agency, an_official

ROSTER = [
    an_official("CB1", "Nguyễn Thị Ánh", chung_thu="x"),
    an_official("CB2", "Lê Văn Bình"),
    a_unit("H36.05", chung_thu="x"),
]
LISTS = 3 * len(AGENCIES) + 2
"""Each agency has three lists, and their one bloc two."""

ONCE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""These commands do the same on both databases: what they call is tested on both."""


def set_going(provisioner: Provisioner, folder: Path) -> None:
    provisioner("agencies", "import", agencies_file(folder))
    provisioner("roster", "plan", roster_file(folder, ROSTER), "--by", "an")
    provisioner("roster", "approve", 1, "--by", "binh")
    provisioner("roster", "apply", 1, "--by", "binh")


def test_work_takes_a_roster_to_the_directory_and_check_finds_no_difference(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory
) -> None:
    provisioner("ca", "init", "--by", "quantri")
    set_going(provisioner, installation)

    done = told(provisioner("work", "--until-idle", "--json"))

    entries = len(AGENCIES) + LISTS + 3
    assert done == {"rows": 3, "entries": entries + 2, "certificates": 2, "waiting_for": ""}
    assert (
        "0 rows applied, 0 entries synced, 0 certificates issued"
        in provisioner("work", "--until-idle").stdout
    )
    assert told(provisioner("directory", "check", "--json")) == {
        "entries": entries,
        "pending": 0,
        "differences": [],
    }
    status = told(provisioner("roster", "status", 1, "--json"))
    assert status["state"] == "applied"
    assert status["progress"] == {"work": 3, "applied": 3, "refused_since": 0}
    assert status["pending"] == {"entries": 0, "certificates": 0, "stuck": 0}
    again = told(provisioner("roster", "plan", installation / "roster.csv", "--by", "an", "--json"))
    assert again["counts"] == {"unchanged": 3}
    provisioner("roster", "result", 1, "--out", installation / "result.csv")
    assert (installation / "result.csv").read_text("utf-8-sig").count("issued") == 3


@ONCE
def test_waiting_for_a_roster_tells_of_what_is_stuck_in_it_and_of_nothing_else(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory, database_url: str
) -> None:
    set_going(provisioner, installation)
    second = roster_file(installation, [an_official("CB3", "Đỗ Văn Cường")])
    for command in (["plan", second, "--by", "an"], ["approve", 2, "--by", "binh"], ["apply", 2]):
        provisioner("roster", *command)
    provisioner("ca", "init", "--by", "quantri")
    provisioner("work", "--until-idle")
    database = Database(database_url)
    with database.transaction() as session:
        mine = select(Address.mailbox_id).where(Address.address == "cuongdv@lamdong.gov.vn")
        session.execute(
            update(Mailbox)
            .where(Mailbox.id.in_(mine))
            .values(trouble="refused", revision=Mailbox.revision + 1)
        )
    database.close()

    assert provisioner("roster", "apply", 1, "--wait", "--by", "binh").stderr == ""
    assert "1 rows need a person" in provisioner("roster", "apply", 2, "--wait", status=1).stderr
    assert told(provisioner("roster", "status", 1, "--json"))["pending"]["stuck"] == 0
    assert "of this roster need a person: 1" in provisioner("roster", "status", 2).stdout


@ONCE
def test_a_mistyped_staff_number_is_corrected(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory
) -> None:
    set_going(provisioner, installation)
    provisioner("work", "--until-idle")

    assert "CB2 is CB20 from now on" in provisioner("people", "renumber", "CB2", "CB20", "--by", "an").stdout
    assert "[person-unknown]" in provisioner("people", "renumber", "CB2", "CB21", status=1).stderr
    provisioner("work", "--until-idle")
    assert b"CB20" in [
        entry.attributes.get("employeeNumber", [b""])[0] for entry in with_slapd.scan(DIT.people)
    ]


@ONCE
def test_check_ends_with_1_names_what_differs_and_has_it_put_right(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory
) -> None:
    set_going(provisioner, installation)
    provisioner("work", "--until-idle")
    gone = next(iter(with_slapd.scan(DIT.units)))
    with_slapd.remove([(gone.dn, gone.marker)])

    printed = provisioner("directory", "check", status=1).stdout

    assert "1 differences" in printed
    assert "missing" in printed
    assert gone.dn in printed

    mended = provisioner("directory", "check", "--repair", "--by", "quantri").stdout
    provisioner("work", "--until-idle")

    assert "1 entries are being put right" in mended
    assert "0 differences" in provisioner("directory", "check").stdout


@ONCE
def test_without_an_authority_mailboxes_are_made_and_certificates_wait(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory
) -> None:
    set_going(provisioner, installation)

    assert told(provisioner("work", "--until-idle", "--json"))["certificates"] == 0
    assert told(provisioner("roster", "status", 1, "--json"))["pending"]["certificates"] == 2
    provisioner("ca", "init")
    assert told(provisioner("work", "--until-idle", "--json"))["certificates"] == 2


@ONCE
def test_a_directory_that_is_down_is_one_sentence_and_nothing_is_lost(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_going(provisioner, installation)
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("PROVISIONER_DIRECTORY__URL", "ldap://127.0.0.1:1")
        down = provisioner("work", "--until-idle", status=1)
        assert "127.0.0.1:1" in down.stderr
        assert "127.0.0.1:1" in provisioner("directory", "check", status=1).stderr

    assert (
        told(provisioner("roster", "status", 1, "--json"))["pending"]["entries"] == len(AGENCIES) + LISTS + 3
    )


@ONCE
def test_stuck_and_retry(installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory) -> None:
    set_going(provisioner, installation)
    provisioner("work", "--until-idle")

    assert told(provisioner("directory", "stuck", "--json")) == []
    assert "0 entries will be tried again" in provisioner("directory", "retry", "--by", "binh").stdout


@ONCE
def test_the_ceremony_may_be_held_again(installation: Path, provisioner: Provisioner) -> None:
    assert "there is no authority yet" in provisioner("ca", "show").stdout

    first = provisioner("ca", "init").stdout
    again = provisioner("ca", "init").stdout

    assert first == again
    shown = told(provisioner("ca", "show", "--json"))
    numbers = {row["label"]: row["crl_number"] for row in shown}
    assert numbers == {"root-g1": 1, "mail-g1": 2, "document-g1": 2}  # their second ones know of a delta
    assert all(row["sha256"] in first for row in shown)
    assert {row["issued"] for row in shown} == {0}
    printed = provisioner("ca", "show").stdout
    assert all(row["label"] in printed for row in shown)


@ONCE
def test_exported_authorities_can_be_read_by_others(installation: Path, provisioner: Provisioner) -> None:
    provisioner("ca", "init")

    provisioner("ca", "export", "--out", installation / "out")

    certificates = sorted((installation / "out").glob("*.cer"))
    lists = sorted((installation / "out").glob("*.crl"))
    assert [path.stem for path in certificates] == [path.stem for path in lists]
    assert len(certificates) > 1
    for file in certificates:
        x509.load_der_x509_certificate(file.read_bytes())
        command = ["openssl", "x509", "-inform", "DER", "-in", str(file), "-noout", "-subject"]
        assert "CN" in subprocess.run(command, check=True, capture_output=True, text=True).stdout


@ONCE
def test_agencies_are_imported_and_listed(installation: Path, provisioner: Provisioner) -> None:
    first = told(provisioner("agencies", "import", agencies_file(installation), "--json"))
    assert first == {
        "created": len(AGENCIES),
        "changed": 0,
        "unchanged": 0,
        "problems": [],
        "left_behind": [],
    }
    assert "6 unchanged" in provisioner("agencies", "import", agencies_file(installation)).stdout

    below = told(provisioner("agencies", "list", "--under", "H36.05", "--json"))
    assert [row["code"] for row in below] == ["H36.05", "H36.05.01", "H36.05.21", "H36.05.22"]
    assert "Sở Tài chính" in provisioner("agencies", "list").stdout
    assert "[agency-unknown]" in provisioner("agencies", "list", "--under", "H36.99", status=1).stderr


@ONCE
def test_an_agency_that_closes_names_who_is_left(
    installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory
) -> None:
    set_going(provisioner, installation)
    provisioner("work", "--until-idle")
    file = agencies_file(installation, SCIENCE | {"hieu_luc_den": "2030-03-01"})

    written = provisioner("agencies", "import", file).stderr
    assert "H36.05 Sở Khoa học và Công nghệ closes after 2030-03-01 with 2 people in post" in written
    left = told(provisioner("agencies", "import", file, "--json"))["left_behind"]
    assert left == [{"agency": "H36.05", "until": "2030-03-01", "people": 2}]


@ONCE
def test_a_list_with_a_bad_row_ends_with_1_and_keeps_the_good_ones(
    installation: Path, provisioner: Provisioner
) -> None:
    file = agencies_file(installation, *AGENCIES, an_agency("H36.77", "", "x", "H36"), SCIENCE)

    result = provisioner("agencies", "import", file, status=1)

    assert "6 created" in result.stdout
    assert "row 8: ten is empty. [cell-missing]" in result.stderr
    assert "row 9: " in result.stderr


@ONCE
def test_books_without_tables_are_one_sentence_and_upgrading_makes_them(
    installation: Path, provisioner: Provisioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVISIONER_DATABASE__URL", f"sqlite:///{installation / 'new.db'}")

    refused = provisioner("agencies", "list", status=1)
    assert "provisioner db upgrade" in refused.stderr
    assert refused.stderr.count("\n") == 1

    provisioner("db", "upgrade")
    provisioner("db", "upgrade")
    assert told(provisioner("agencies", "list", "--json")) == []


@ONCE
def test_a_wrong_setting_is_one_sentence_in_the_language_of_the_reader(
    installation: Path, provisioner: Provisioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVISIONER_DIRECTORY__CHUNK", "0")

    assert "directory.chunk" in provisioner("agencies", "list", status=1).stderr
    vietnamese = provisioner("--lang", "vi", "agencies", "list", status=1).stderr
    assert "Cài đặt directory.chunk không dùng được" in vietnamese


@ONCE
def test_a_missing_secret_is_asked_for_only_where_it_is_needed(
    installation: Path, provisioner: Provisioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROVISIONER_AUTHORITY__PASSPHRASE")

    provisioner("agencies", "list")
    refused = provisioner("ca", "init", status=1)

    assert "PROVISIONER_AUTHORITY__PASSPHRASE" in refused.stderr

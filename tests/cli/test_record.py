"""The record on the command line: what the product wrote, checked by one file of another hand, and every harm found."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from ca import verify_log
from provisioner.adapters.ldap import LdapDirectory
from provisioner.private.process import free_port
from tests.cli.console import Provisioner, agencies_file, roster_file, told
from tests.province import an_official

ONCE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ANH = "anhnt@lamdong.gov.vn"
AUTHORITIES, RESPONDERS = 3, 2
"""What a ceremony and its first round of work leave in the record besides the certificates of people."""


@pytest.fixture
def certified(installation: Path, provisioner: Provisioner, with_slapd: LdapDirectory) -> Provisioner:
    """Two officials with a certificate each."""
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


def serial_of(provisioner: Provisioner, address: str = ANH) -> str:
    return told(provisioner("certificates", "show", address, "--json"))[0]["serial"]


def verify(*arguments: object) -> subprocess.CompletedProcess[str]:
    # -I: nothing of this tree can be imported, so the file stands alone.
    command = [sys.executable, "-I", verify_log.__file__, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


@ONCE
def test_whoever_asks_checks_the_whole_record_one_certificate_and_its_growth_without_us(
    certified: Provisioner, installation: Path
) -> None:
    key = certified("ca", "checkpoint", "--key").stdout.strip()
    old = installation / "old"
    certified("ca", "checkpoint", "--out", old)
    size = int(old.read_text("utf-8").splitlines()[1])
    assert size == AUTHORITIES + RESPONDERS + 2
    serial = serial_of(certified)
    certified("certificates", "revoke", serial, "--reason", "superseded", "--by", "lan")
    waiting = certified("ca", "prove", serial, status=1)
    assert "record-unsigned" in waiting.stderr
    certified("work", "--until-idle")

    certified("ca", "prove", serial.upper(), "--out", installation / "answer")
    certified("ca", "checkpoint", "--out", installation / "new")
    certified("ca", "checkpoint", "--since", size, "--out", installation / "growth")
    certified("ca", "export-log", installation / "log")

    answer = verify("serial", "--key", key, installation / "answer")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert [line.split()[1:] for line in answer.stdout.splitlines()[:2]] == [
        ["issued"],
        ["revoked", "superseded"],
    ]
    grown = verify("consistency", "--key", key, old, installation / "new", installation / "growth")
    assert (grown.returncode, f"from {size} to {size + 1}" in grown.stdout) == (0, True)
    whole = verify("whole", "--key", key, installation / "log.checkpoint", installation / "log")
    assert (whole.returncode, f"All {size + 1} records hold." in whole.stdout) == (0, True)
    on_disk = installation / "authority" / "journal" / "record.leaves"
    assert on_disk.read_bytes() == (installation / "log").read_bytes()
    lying = json.loads((installation / "answer").read_text("utf-8"))
    lying["records"].pop(0)
    (installation / "lying").write_text(json.dumps(lying), "utf-8")
    assert verify("serial", "--key", key, installation / "lying").returncode == 1


@ONCE
def test_every_row_that_is_changed_or_taken_out_is_named(
    certified: Provisioner, installation: Path, database_url: str
) -> None:
    key = certified("ca", "checkpoint", "--key").stdout.strip()
    serial = serial_of(certified)
    assert told(certified("ca", "verify-record", "--json"))["differences"] == []
    engine = create_engine(database_url)

    def found(harm: str, *options: object) -> set[tuple[str, str]]:
        """What is told after this harm, which is then undone."""
        with engine.connect() as connection:
            tables = ("certificates", "record_leaves", "record_heads")
            for table in tables:
                connection.execute(text(f"CREATE TABLE kept_{table} AS SELECT * FROM {table}"))
            connection.execute(text("PRAGMA foreign_keys=OFF"))
            connection.execute(text(harm), {"serial": serial})
            connection.commit()
            try:
                said = told(certified("ca", "verify-record", "--json", *options, status=1))["differences"]
            finally:
                for table in tables:
                    connection.execute(text(f"DELETE FROM {table}"))
                    connection.execute(text(f"INSERT INTO {table} SELECT * FROM kept_{table}"))
                    connection.execute(text(f"DROP TABLE kept_{table}"))
                connection.commit()
        return {(difference["code"], difference["serial"]) for difference in said}

    mine = "WHERE serial = :serial"
    assert found(f"DELETE FROM certificates {mine}") == {("certificate-gone", serial)}
    assert found(f"UPDATE certificates SET serial = '1f' {mine}") == {
        ("certificate-gone", serial),
        ("not-recorded", "1f"),
    }
    assert found(
        f"UPDATE certificates SET der = (SELECT der FROM certificates WHERE serial <> :serial) {mine}"
    ) == {("certificate-changed", serial)}
    assert found(
        f"UPDATE certificates SET revoked_at = '2026-11-21', revocation_reason = 'superseded' {mine}"
    ) == {("standing-differs", serial)}
    assert found(f"DELETE FROM record_leaves {mine}") == {
        ("leaves-changed", ""),
        ("disk-differs", ""),
        ("not-recorded", serial),
    }
    assert found(f"UPDATE record_leaves SET leaf = replace(leaf, 'T', 't') {mine}") >= {
        ("leaves-changed", ""),
        ("disk-differs", ""),
    }
    assert found("UPDATE record_heads SET size = size - 1") >= {("leaves-changed", "")}
    assert found("UPDATE record_heads SET verifier_key = replace(verifier_key, 'lamdong', 'other')") == {
        ("checkpoint-wrong", "")
    }
    certified("ca", "verify-record", "--key", key)
    engine.dispose()


@ONCE
def test_the_doctor_tells_of_a_checkpoint_that_is_not_of_this_record(
    certified: Provisioner, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Where nobody listens, on this machine: another part of the doctor's looks there.
    monkeypatch.setenv("PROVISIONER_AUTHORITY__BASE_URL", f"http://127.0.0.1:{free_port()}")

    def said() -> dict[str, object]:
        findings = json.loads(certified("doctor", "--json", status=1).stdout)  # Redis is not there
        return next(finding for finding in findings if finding["part"] == "record")

    assert said()["well"] is True
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE record_heads SET edge = zeroblob(length(edge))"))
    engine.dispose()

    assert said()["well"] is False


@ONCE
def test_a_question_about_nothing_has_an_answer_that_says_so(
    provisioner: Provisioner, certified: Provisioner
) -> None:
    assert "record-unknown" in certified("ca", "prove", "abc", status=1).stderr
    assert "record-size" in certified("ca", "checkpoint", "--since", 99, status=1).stderr


@ONCE
def test_before_the_ceremony_there_is_no_record(provisioner: Provisioner) -> None:
    assert "record-unsigned" in provisioner("ca", "checkpoint", status=1).stderr


@ONCE
def test_rules_of_another_day_name_the_live_certificates_that_break_them(certified: Provisioner) -> None:
    serial = serial_of(certified)
    assert "0 live certificates" in certified("ca", "lint-live", "--as-of", "2027-07-01").stdout

    last = told(certified("ca", "lint-live", "--as-of", "2036-01-01", "--json", status=1))

    assert serial in {one["serial"] for one in last}
    codes = {finding["code"] for one in last for finding in one["findings"]}
    assert codes == {"validity.outlives-issuer"}
    assert "issued on 9999-12-31" in certified("ca", "lint-live", "--as-of", "9999-12-31", status=1).stdout
    table = certified("ca", "lint-live", "--as-of", "2036-01-01", status=1).stdout
    assert serial in table
    assert f"{len(last)} live certificates could not be issued on 2036-01-01" in table


@ONCE
def test_the_audit_in_the_foreground_examines_everything_and_tells_what_it_found(
    certified: Provisioner, database_url: str
) -> None:
    count = AUTHORITIES + RESPONDERS + 2
    before = told(certified("ca", "audit", "--status", "--json"))["series"]
    assert {one["name"]: one["left"] for one in before}["certificates"] == count

    certified("ca", "audit")
    after = told(certified("ca", "audit", "--status", "--json"))

    assert {one["name"]: one["examined"] for one in after["series"]}["certificates"] == count
    assert {one["left"] for one in after["series"]} == {0}
    assert after["findings"] == []
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE certificates SET der = (SELECT certificate FROM issuers LIMIT 1)"))
    engine.dispose()
    assert "0 findings" in certified("ca", "audit").stdout
    again = certified("ca", "audit", "--all", status=1)
    assert serial_of(certified) in again.stderr

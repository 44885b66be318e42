"""`provisioner mail` and `provisioner quota`: what an operator types, on books and a directory of their own."""

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from provisioner.cli import main
from provisioner.days import VIETNAM
from provisioner.db import Database
from provisioner.directory.syncing import sync
from provisioner.mail.models import ActivationCode
from provisioner.private.slapd import PrivateSlapd
from tests.ldap_server import PASSWORD, SUFFIX, directory_on, empty
from tests.province import DIT, QUOTAS, a_province, a_unit, an_official, provide

Run = Callable[..., Result]


@pytest.fixture
def run(
    sqlite_template: Path, tmp_path: Path, slapd_server: PrivateSlapd, monkeypatch: pytest.MonkeyPatch
) -> Run:
    """The command on two provisioned mailboxes."""
    empty(slapd_server.start())
    shutil.copy(sqlite_template, tmp_path / "books.db")
    database, directory = Database(f"sqlite:///{tmp_path / 'books.db'}"), directory_on(slapd_server)
    a_province(database)
    provide(database, an_official("CB1", "Nguyễn Thị Ánh"), a_unit("H36.05"))
    sync(database, directory, dit=DIT, quotas=QUOTAS, clock=lambda: datetime.now(UTC))
    directory.close()
    database.close()
    for name, value in {
        "DATABASE__URL": f"sqlite:///{tmp_path / 'books.db'}",
        "DIRECTORY__URL": slapd_server.url,
        "DIRECTORY__SUFFIX": SUFFIX,
        "DIRECTORY__BIND_PASSWORD": PASSWORD.reveal(),
        "REDIS__URL": "redis://127.0.0.1:1/0",
        "MAIL__BIND_PASSWORD": "w0rd-for-tests",
    }.items():
        monkeypatch.setenv(f"PROVISIONER_{name}", value)

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["--lang", "en", *arguments])

    return command


def test_configuration_is_written_for_each_server(run: Run, tmp_path: Path) -> None:
    for server, file in (
        ("dovecot-2.3", "dovecot.conf"),
        ("dovecot-2.4", "dovecot.conf"),
        ("postfix", "main.cf"),
    ):
        done = run("mail", "config", "--server", server, "--out", str(tmp_path / server))
        assert done.exit_code == 0, done.output
        assert str(tmp_path / server / file) in done.output
        assert "w0rd-for-tests" not in done.output


def test_slips_are_printed_delivered_and_counted(run: Run, tmp_path: Path) -> None:
    slips = tmp_path / "slips.pdf"

    issued = run("mail", "codes", "issue", "--agency", "H36", "--out", str(slips), "--by", "binh")
    none = run("mail", "codes", "issue", "--agency", "H36", "--out", str(tmp_path / "more.pdf"))
    again = run("mail", "codes", "issue", "--agency", "H36", "--again", "--out", str(slips))
    alone = run("mail", "codes", "issue", "--agency", "H36", "--alone", "--again", "--out", f"{slips}.alone")
    one = run(
        "mail", "codes", "issue", "--address", "anhnt@lamdong.gov.vn", "--out", str(tmp_path / "one.pdf")
    )
    delivered = run("mail", "codes", "delivered", "--agency", "H36")
    status = run("mail", "codes", "status", "--agency", "H36", "--json")

    assert (issued.exit_code, slips.read_bytes()[:5]) == (0, b"%PDF-")
    assert issued.output.startswith("2 slips in ")
    assert (none.exit_code, "nobody-needs-a-code" in none.output) == (1, True)
    assert not (tmp_path / "more.pdf").exists()
    assert (again.exit_code, "file-not-writable" in again.output) == (1, True)
    assert (alone.exit_code, "nobody-needs-a-code" in alone.output) == (1, True)
    assert one.output.startswith("1 slips in ")
    assert "1 codes on earlier slips are void now." in one.output
    ends = [f"{end.astimezone(VIETNAM):%Y-%m-%d %H:%M}" for end in ends_of_codes(tmp_path)]
    assert f"good until {ends[-1].removesuffix(' 23:59')}." in one.output
    assert delivered.output == "2 mailboxes handed over\n"
    assert json.loads(status.output) == {
        "mailboxes": 2,
        "coded": 2,
        "delivered": 2,
        "activated": 0,
        "expired": 0,
    }


def ends_of_codes(folder: Path) -> list[datetime]:
    database = Database(f"sqlite:///{folder / 'books.db'}")
    with database.reading() as session:
        ends = session.scalars(select(ActivationCode.expires_at).order_by(ActivationCode.id)).all()
    database.close()
    return list(ends)


def test_sign_ins_are_brought_in_and_use_is_told(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "last-login" / "imap"
    folder.mkdir(parents=True)
    (folder / "anhnt@lamdong.gov.vn").write_text(str(int(datetime.now(UTC).timestamp())))

    first = run("mail", "sign-ins", "--from", str(tmp_path), "--json")
    second = run("mail", "sign-ins", "--from", str(tmp_path))
    told = run("mail", "usage", "--agency", "H36.05")

    assert json.loads(first.output) == {"read": 1, "changed": 1, "unknown": 0, "from_the_future": 0}
    assert second.output.startswith("1 sign-ins read, 0 mailboxes changed")
    assert "used within 90 days: 1" in told.output
    assert "of 2 issued: 50%\n" in told.output
    assert "never used: 1" in told.output


def test_quotas_are_verified_and_a_difference_ends_with_1(run: Run, tmp_path: Path) -> None:
    doveadm = tmp_path / "doveadm"
    table = "Username\\tQuota name\\tType\\tValue\\tLimit\\t%\\n"
    rows = {"anhnt@lamdong.gov.vn": "4194304", "skhcn@lamdong.gov.vn": "10485760"}

    def answering(**changed: str) -> str:
        lines = "".join(
            f"{a}\\tUser quota\\tSTORAGE\\t0\\t{limit}\\t0\\n" for a, limit in (rows | changed).items()
        )
        doveadm.write_text(f"#!/bin/sh\nprintf '%b' '{table}{lines}'\n")
        doveadm.chmod(0o755)
        return str(doveadm)

    sound = run("quota", "verify", "--doveadm", answering())
    unlimited = run("quota", "verify", "--doveadm", answering(**{"skhcn@lamdong.gov.vn": "-"}))
    silent = run("quota", "verify", "--doveadm", "false")

    assert (sound.exit_code, sound.output.split(";")[0][:21]) == (0, "2 mailboxes compared ")
    assert unlimited.exit_code == 1
    assert "unlimited-on-server" in unlimited.output
    assert "no limit" in unlimited.output
    assert (silent.exit_code, "doveadm-unavailable" in silent.output) == (1, True)

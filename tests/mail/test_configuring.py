"""The mail servers' configuration: complete, accepted by the servers' own checks, without secrets for everybody."""

import re
import shutil
import stat
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import Misconfigured
from provisioner.mail.configuring import LOOPBACK, SERVERS, MailServer, Places, render, write
from provisioner.secret import Secret
from provisioner.settings import Settings
from tests.mail.town import Town

GB = 1024**3


def facts(**changes: Any) -> MailServer:
    plain = MailServer(
        hostname="mail.lamdong.gov.vn",
        domains=("lamdong.gov.vn", "daknong.gov.vn"),
        postmaster="postmaster@lamdong.gov.vn",
        postmasters=("skhcn@lamdong.gov.vn", "vp@lamdong.gov.vn"),
        directory_url="ldaps://ldap.lamdong.gov.vn",
        directory_ca=Path("/etc/ssl/certs/province.pem"),
        suffix="dc=lamdong,dc=gov,dc=vn",
        bind_dn="uid=mail,ou=services,dc=lamdong,dc=gov,dc=vn",
        bind_password=Secret("w0rd-for-tests"),
        storage=Path("/var/vmail"),
        certificate=Path("/etc/ssl/certs/mail.pem"),
        key=Path("/etc/ssl/private/mail.key"),
        message_size=40 << 20,
        fallback_quota=4 * GB,
    )
    return replace(plain, **changes)


@pytest.mark.parametrize("server", SERVERS)
def test_nothing_is_left_to_fill_in_and_only_ascii_goes_to_smtp(server: str) -> None:
    files = render(server, facts())

    assert not [name for name, text in files.items() if "@@" in text]
    answers = re.findall(
        r"(?:(?:quota_status_overquota|quota_exceeded_message|mailbox_\w+) =|check_recipient_access static).*",
        "\n".join(files.values()),
    )
    assert answers
    assert all(answer.isascii() for answer in answers)


@pytest.mark.parametrize("server", SERVERS)
def test_a_password_stands_in_no_file_that_everybody_reads(server: str, tmp_path: Path) -> None:
    write(render(server, facts()), tmp_path)

    holding = [file for file in tmp_path.iterdir() if "w0rd-for-tests" in file.read_text()]
    assert holding
    assert all(not file.stat().st_mode & stat.S_IROTH for file in holding)
    assert "main.cf" not in {file.name for file in holding}


@pytest.mark.parametrize("server", ["dovecot-2.3", "dovecot-2.4"])
def test_every_quota_of_dovecot_is_in_bytes_and_none_is_unlimited(server: str) -> None:
    text = "\n".join(render(server, facts()).values())

    rules = re.findall(r"quota_rule=?\s?=?\s?\*:(\S+?),?$|quota_storage_size = (\S+)$", text, re.MULTILINE)
    given = {old or new for old, new in rules}
    assert given == (
        {"bytes=%{ldap:congvuQuota}", "bytes=4294967296"}
        if server == "dovecot-2.3"
        else {"%{ldap:congvuQuota}B", "4294967296B"}
    )


@pytest.mark.parametrize("server", ["dovecot-2.3", "dovecot-2.4"])
def test_sign_ins_are_noted_under_imap_and_pop3_and_nowhere_else(server: str) -> None:
    text = render(server, facts())["dovecot.conf"]

    blocks = re.split(
        r"^(?=protocol |plugin |mail_plugins|service |namespace |passdb |userdb )", text, flags=re.MULTILINE
    )
    noting = {
        block.split(" {")[0]
        for block in blocks
        if re.search(r"mail_plugins = .*last_login|^\s+last_login = yes", block, re.MULTILINE)
    }
    assert noting == {"protocol imap", "protocol pop3"}


def test_the_directory_s_authority_is_named_to_each_server() -> None:
    named = {server: "\n".join(render(server, facts()).values()).count("province.pem") for server in SERVERS}
    unnamed = [text for server in SERVERS for text in render(server, facts(directory_ca=None)).values()]

    assert named == {"dovecot-2.3": 2, "dovecot-2.4": 1, "postfix": 7}
    assert not any("province.pem" in text or "tls_" in re.sub(r"smtpd?_tls_", "", text) for text in unnamed)


@pytest.mark.parametrize(
    ("server", "wrong"),
    [
        ("postfix", {"fallback_quota": 0}),
        ("postfix", {"message_size": 0}),
        ("postfix", {"hostname": "mail\nmyorigin = evil"}),
        ("postfix", {"postmaster": ""}),
        ("postfix", {"bind_password": Secret("with space")}),
        ("postfix", {"bind_password": Secret("")}),
    ],
)
def test_a_value_that_would_mean_something_else_is_refused(server: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(Misconfigured):
        render(server, facts(**wrong))


def test_what_is_written_to_the_postmaster_leads_to_who_reads_it_and_a_wrong_name_is_refused() -> None:
    text = render("postfix", facts(postmaster="truc@daknong.gov.vn"))["main.cf"]
    nobody = render("postfix", facts(postmasters=()))["main.cf"]

    readers = "skhcn@lamdong.gov.vn, vp@lamdong.gov.vn"
    for address in ("postmaster@lamdong.gov.vn", "abuse@daknong.gov.vn", "truc@daknong.gov.vn"):
        assert f"{{ {address} = {readers} }}" in text
    assert "\nvirtual_alias_maps = proxy:ldap:" in nobody
    with pytest.raises(Misconfigured, match=r"mail\.postmasters"):
        Settings.load(
            mail={**Settings.load().mail.model_dump(), "postmasters": ["a@x.vn } { b@x.vn = c@x.vn"]}
        )


def test_relays_are_named_as_postfix_reads_them_and_own_senders_may_be_left_alone() -> None:
    relays = (*LOOPBACK, ip_network("10.1.2.0/24"), ip_network("2001:db8::/64"))
    text = render("postfix", facts(relays=relays))["main.cf"]
    open_to_all = render("postfix", facts(own_senders_sign_in=False))["main.cf"]

    assert "\nmynetworks = 127.0.0.0/8 [::1]/128 10.1.2.0/24 [2001:db8::]/64\n" in text
    assert "{ daknong.gov.vn = 550 5.7.1 " in text
    assert "smtpd_sender_restrictions" not in open_to_all


def test_a_warning_of_the_quota_is_a_whole_message(tmp_path: Path) -> None:
    stub, script = tmp_path / "lda", tmp_path / "warn.sh"
    stub.write_text("#!/bin/sh\ncat\n")
    stub.chmod(0o755)
    text = render("dovecot-2.3", facts())["quota-warning.sh"]
    script.write_text(text.replace("/usr/lib/dovecot/dovecot-lda", str(stub)))

    said = subprocess.run(["sh", script, "95", "a@lamdong.gov.vn"], capture_output=True, check=True).stdout

    message = message_from_bytes(said, policy=policy.default)
    assert datetime.now(UTC) - message["Date"].datetime < timedelta(minutes=5)
    assert re.fullmatch(r"<\d+\.\d+\.95@mail\.lamdong\.gov\.vn>", message["Message-ID"])
    assert "95 %" in message.get_content()


def test_the_files_are_written_again_over_their_former_selves(tmp_path: Path) -> None:
    write(render("postfix", facts()), tmp_path)
    write(render("postfix", facts(hostname="thu.lamdong.gov.vn")), tmp_path)

    assert "myhostname = thu.lamdong.gov.vn" in (tmp_path / "main.cf").read_text()
    assert {file.name for file in tmp_path.iterdir()} == set(render("postfix", facts()))


@pytest.mark.skipif(shutil.which("doveconf") is None, reason="Dovecot is not installed")
def test_dovecot_2_3_reads_the_configuration_without_a_word(tmp_path: Path) -> None:
    for name in ("mail.pem", "mail.key"):
        (tmp_path / name).write_text("")
    places = Places(dovecot=tmp_path)
    write(
        render(
            "dovecot-2.3", facts(places=places, certificate=tmp_path / "mail.pem", key=tmp_path / "mail.key")
        ),
        tmp_path,
    )

    read = subprocess.run(
        ["doveconf", "-n", "-c", str(tmp_path / "dovecot.conf")], capture_output=True, text=True, check=False
    )

    assert (read.returncode, read.stderr) == (0, "")
    assert "quota_rule = *:bytes=4294967296" in read.stdout


def test_the_running_postfix_has_nothing_to_complain_of(town: Town) -> None:
    for command in (["postfix", "-c", "{}", "check"], ["postconf", "-c", "{}", "-n"]):
        run = subprocess.run(
            [part.format(town.stage.postfix.configuration) for part in command],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (run.returncode, run.stderr) == (0, "")
    unused = subprocess.run(
        ["postconf", "-c", str(town.stage.postfix.configuration), "-M"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert unused.stderr == ""

"""Canaries: a code and two passwords go through everything there is, and are found nowhere afterwards."""

import logging
import os
import secrets
import sqlite3
import stat
import tempfile
import time
import zlib
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote_plus

import pytest
import redis

from provisioner.adapters.ldap_binding import LdapBinding
from provisioner.adapters.queue import BELLS, Doorbell
from provisioner.adapters.smtp import SmtpServer
from provisioner.app import create_app
from provisioner.audit import Who
from provisioner.mail.codes import NewCode, holder_of, new_code
from provisioner.mail.issuing import issue
from provisioner.mail.passwords import hashed
from provisioner.mail.slips import Sheet, print_slips
from provisioner.notices.composing import Sender
from provisioner.notices.sending import send
from provisioner.secret import Secret
from provisioner.services import Services
from provisioner.settings import Settings
from tests.books import Rings
from tests.mail.town import SCIENCE, SECRET, Town, until
from tests.province import DIT, SEALER
from tests.web.site import Browser, Site

LARGEST = 64 << 20
FIRST, SECOND = (f"Chim-{secrets.token_hex(9)}-Hot" for _ in range(2))
"""New each time, so that no file of the sources holds them."""


def written(secret: str) -> set[bytes]:
    """How it may stand somewhere: as it is, closed up, for a form or a protocol."""
    plain = {secret, secret.replace("-", ""), quote_plus(secret), secret.encode().hex()}
    return {word.encode() for word in plain} | {b64encode(bytes(n) + secret.encode())[4:-4] for n in range(3)}


def changed_files(folder: Path, since: float) -> list[Path]:
    """Files below a folder that somebody wrote since; those that are gone while we look never mattered."""
    found = []
    for place, _folders, names in os.walk(folder):
        for path in (Path(place, name) for name in names):
            try:
                told = path.lstat()
            except OSError:
                continue
            if stat.S_ISREG(told.st_mode) and told.st_mtime >= since and told.st_size <= LARGEST:
                found.append(path)
    return found


def holding(paths: list[Path], words: set[bytes]) -> list[Path]:
    """Which of these files hold one of these words."""
    found = []
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError:
            continue
        if any(word in content for word in words):
            found.append(path)
    return found


def queued(url: str) -> bytes:
    """What stands in Redis: keys, fields and values, and the calls that RQ compresses."""
    parts: list[bytes] = []
    with redis.Redis.from_url(url) as client:
        for key in client.scan_iter():
            parts.append(key)
            if client.type(key) == b"hash":
                for name, value in client.hgetall(key).items():
                    parts += [name, zlib.decompress(value) if name == b"data" else value]
    return b"\n".join(parts)


def a_site(town: Town) -> Site:
    """The application on the books and the directory of the town."""
    services = Services(Settings.load(), clock=lambda: datetime.now(UTC), ring=Rings())
    services.__dict__ |= {
        "database": town.database,
        "sealer": SEALER,
        "passwords": town.passwords,
        "binding": LdapBinding(town.slapd.url),
        "dit": DIT,
    }
    return Site(create_app(services), town.database, Rings(), now=datetime.now(UTC))


def fill(browser: Browser, path: str, **values: str) -> int:
    browser.get(path)
    return browser.post(path, values).status_code


@pytest.fixture
def address(town: Town) -> Iterator[str]:
    """Somebody who will have the town's password again, as other tests expect."""
    yield town.people[45]
    town.passwords.replace(town.dn(town.people[45]), hashed(SECRET))


def test_no_code_and_no_password_stands_in_any_log_queue_dump_or_file(
    town: Town,
    address: str,
    server_folder: Path,
    redis_url: str,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.DEBUG)
    began, now = time.time() - 1, datetime.now(UTC)
    code, wrong = new_code(), new_code()
    with town.database.transaction() as session:
        slip = NewCode(holder_of(session, address), code)
        issue(session, [slip], who=Who("binh"), now=now, expires_at=now + timedelta(days=1))
    sheet = Sheet(
        province="Tỉnh Lâm Đồng",
        page="https://mail.lamdong.gov.vn/kich-hoat",
        own_page="https://capphat.lamdong.gov.vn/toi",
        host="mail",
        length=9,
    )
    assert print_slips([slip], sheet=sheet, now=now, expires_at=now + timedelta(days=1)).startswith(b"%PDF")
    browser = a_site(town).browser()

    def activate(code: Secret) -> int:
        return fill(browser, "/kich-hoat", address=address, code=code.reveal(), password=FIRST, again=FIRST)

    assert (activate(wrong), activate(code)) == (422, 200)
    assert fill(browser, "/toi/dang-nhap", address=address, password=FIRST, code="") == 303
    assert fill(browser, "/toi/mat-khau", old=FIRST, password=SECOND, again=SECOND) == 303
    with town.imap(address, Secret(SECOND)):
        pass
    bell = Doorbell(redis_url)
    for name in BELLS:
        bell(name)
    port = town.stage.facts.ports.submission
    mail = SmtpServer(
        f"submission://localhost:{port}",
        account=SCIENCE,
        password=SECRET,
        tls_ca_file=town.stage.facts.certificate,
    )
    sender = Sender(
        "Hệ thống cấp phát", SCIENCE, "https://capphat.lamdong.gov.vn/", "https://capphat.lamdong.gov.vn/toi"
    )
    send(town.database, mail.conversation, sender=sender, clock=lambda: datetime.now(UTC))
    assert until(lambda: any("thông báo" in subject for subject in town.subjects(address)), within=60)

    with sqlite3.connect(str(town.database.engine.url.database)) as books:
        dump = "\n".join(books.iterdump()).encode()
    books.close()
    queues = queued(redis_url)
    said = caplog.text.encode()
    files = [
        *changed_files(server_folder, began),
        *changed_files(Path(tempfile.gettempdir()), began),
        *changed_files(Path("/dev/shm"), began),
    ]
    words = set().union(*(written(secret) for secret in (code.reveal(), wrong.reveal(), FIRST, SECOND)))

    assert address.encode() in dump
    assert holding(files, {address.encode()}), "the search finds what is there"
    assert b"jobs.tasks." in queues
    assert [word for word in words if word in dump + queues + said] == []
    assert holding(files, words) == []

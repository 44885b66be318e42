"""A revocation's way, all real: books, doorbell, signer, web; a verifier hears of it within a minute."""

import secrets
import shutil
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import select

from ca.crl import Reason, base_number
from provisioner.audit import Who
from provisioner.ceremonies import hold_ceremony
from provisioner.certificates.models import Certificate
from provisioner.certificates.revoking import revoke
from provisioner.cli.published import published
from provisioner.private.process import ServerProcess, free_port
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.signing import delegate_answers, sign_certificates
from tests.fakes.directory import FakeDirectory
from tests.province import DIT, a_province, an_official, provide, synced

PROMISED = 60.0
"""Seconds from the revocation to a list that says so."""


@pytest.fixture
def services(
    sqlite_template: Path, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Services]:
    """A province with two certificates, its lists and its responder; a signer, a clock and a site at work."""
    shutil.copy(sqlite_template, tmp_path / "books.db")
    port = free_port()
    environment = {
        "PROVISIONER_DATABASE__URL": f"sqlite:///{tmp_path / 'books.db'}",
        "PROVISIONER_REDIS__URL": redis_url,
        "PROVISIONER_AUTHORITY__FOLDER": str(tmp_path / "authority"),
        "PROVISIONER_AUTHORITY__PASSPHRASE": secrets.token_hex(16),
        "PROVISIONER_AUTHORITY__PROBE_URL": f"http://127.0.0.1:{port}",
        "PROVISIONER_IDENTITY__KEYS": f"1:{bytes(range(32)).hex()}",
        "PROVISIONER_DIRECTORY__BIND_PASSWORD": "unused",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    gunicorn = ["gunicorn", "--bind", f"127.0.0.1:{port}", "--no-control-socket", "--worker-class", "gthread"]
    commands = {
        "signer": ["jobs.worker", "signer"],
        "clock": ["jobs.clock"],
        "web": [*gunicorn, "--threads", "4", "provisioner.app:create_app()"],
    }
    processes = [ServerProcess(name, tmp_path) for name in commands]
    with closing(Services(Settings.load())) as made:
        hold_ceremony(made, by="quantri")
        a_province(made.database)
        provide(
            made.database,
            an_official("CB1", "Nguyễn Thị Ánh", chung_thu="có"),
            an_official("CB2", "Trần Văn Bình", chung_thu="có"),
            now=made.clock(),
        )
        synced(made.database, FakeDirectory(DIT), now=made.clock())
        assert sign_certificates(made) == 2
        assert delegate_answers(made) == 2
        try:
            for process, command in zip(processes, commands.values(), strict=True):
                process.start([sys.executable, "-m", *command], environment=environment)
            assert processes[-1].answers_within(60, lambda: served(made, "mail-g1") is not None)
            yield made
        finally:
            for process in processes:
                process.stop()


def served(services: Services, name: str) -> x509.CertificateRevocationList | None:
    """The list as the site serves it; None while it does not."""
    try:
        url = f"{services.settings.authority.probe_url}/crl/{name}.crl"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return x509.load_der_x509_crl(answer.read())
    except OSError:
        return None


def test_a_verifier_hears_of_a_revocation_within_a_minute(services: Services) -> None:
    assert "fresh and signed" in published(services)
    with services.database.reading() as session:
        row = session.scalars(select(Certificate).order_by(Certificate.id)).first()
    assert row is not None

    began = time.monotonic()
    with services.database.transaction() as session:
        wanted = {row.id: Reason.key_compromise}
        assert not revoke(session, wanted, who=Who("lan"), profiles=services.profiles, now=services.clock())

    serial = int(row.serial or "", 16)
    for name in ("mail-g1", "mail-g1-delta"):
        while (found := served(services, name)) is None or serial not in {e.serial_number for e in found}:
            assert time.monotonic() - began < PROMISED
            time.sleep(0.1)
    assert (base_number(found) or 0) > 0
    assert "fresh and signed" in published(services)

"""OCSP over HTTP, asked by OpenSSL: a real gunicorn on loopback, by POST and GET, with and without a nonce."""

import base64
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn
from urllib.error import HTTPError
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from ca.crl import Reason
from provisioner.audit import Who
from provisioner.certificates.answering import Answers
from provisioner.certificates.delegating import delegate_answers
from provisioner.certificates.models import Certificate
from provisioner.certificates.revoking import revoke
from provisioner.db import Database
from provisioner.errors import Text, Unavailable
from provisioner.private.process import ServerProcess, free_port
from tests.ca.world import a_certificate, mail_authority, profiles, world
from tests.certificates.holders import certified, every_certificate, in_file
from tests.province import SEALER, a_desk
from tests.web.site import Site

MAIL = mail_authority().certificate


@dataclass
class Served:
    """The web process on books with two certificates, the first of them revoked."""

    url: str
    folder: Path
    database: Database

    @property
    def rows(self) -> list[Certificate]:
        return every_certificate(self.database)

    def verdict(self, certificate: x509.Certificate, *options: str) -> str:
        """What `openssl ocsp` makes of the answer for this certificate, its own checks included."""
        ceremony, _ = world()
        root = in_file(self.folder / "root.pem", ceremony.root.public_bytes(Encoding.PEM))
        issuer = in_file(self.folder / "issuer.pem", MAIL.public_bytes(Encoding.PEM))
        leaf = in_file(self.folder / "leaf.pem", certificate.public_bytes(Encoding.PEM))
        command = ["openssl", "ocsp", "-CAfile", root, "-issuer", issuer, *options, "-cert", leaf]
        ran = subprocess.run(
            [*command, "-url", self.url], capture_output=True, text=True, check=False, timeout=30
        )
        return ran.stdout + ran.stderr

    def get(self, request: bytes, **headers: str) -> tuple[int, dict[str, str], bytes]:
        path = quote(base64.b64encode(request).decode(), safe="")
        asked = urllib.request.Request(f"{self.url}/{path}", headers=headers)  # loopback
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, dict(answer.headers), answer.read()
        except HTTPError as error:
            with error:
                return error.code, dict(error.headers), error.read()


def the_x509(row: Certificate) -> x509.Certificate:
    return x509.load_der_x509_certificate(row.der or b"")


@pytest.fixture(scope="module")
def served(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("ocsp")
    shutil.copy(sqlite_template, folder / "books.db")
    url = f"sqlite:///{folder / 'books.db'}"
    database, now = Database(url), datetime.now(UTC)
    certified(database, now=now)
    delegate_answers(database, a_desk(database, now=now))
    with database.transaction() as session:
        first = every_certificate(database)[0].id
        revoke(
            session,
            {first: Reason.key_compromise},
            who=Who("lan"),
            profiles=profiles(),
            now=datetime.now(UTC),
        )
    assert Answers(database, SEALER, clock=lambda: datetime.now(UTC)).sign_ahead() == 2
    port = free_port()
    process = ServerProcess("web", folder)
    gunicorn = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--no-control-socket"]
    process.start(
        [*gunicorn, "--worker-class", "gthread", "--threads", "4", "provisioner.app:create_app()"],
        environment={
            "PROVISIONER_DATABASE__URL": url,
            "PROVISIONER_IDENTITY__KEYS": f"1:{bytes(range(32)).hex()}",
            "PROVISIONER_DIRECTORY__BIND_PASSWORD": "unused",
        },
    )
    try:
        base = f"http://127.0.0.1:{port}"
        assert process.answers_within(30, lambda: _answers(f"{base}/ca/{mail_authority().label}.cer"))
        yield Served(f"{base}/ocsp/{mail_authority().label}", folder, database)
    finally:
        process.stop()
        database.close()


@pytest.mark.parametrize(
    "options",
    [(), ("-nonce",), ("-no_nonce",), ("-no_nonce", "-sha256"), ("-nonce", "-sha256")],
    ids=lambda options: " ".join(options) or "plain",
)
def test_openssl_hears_good_and_revoked(served: Served, options: tuple[str, ...]) -> None:
    revoked, good = map(the_x509, served.rows)

    assert "leaf.pem: good" in (heard := served.verdict(good, *options))
    assert "Response verify OK" in heard
    assert "nonce" not in heard.lower()
    heard = served.verdict(revoked, *options)
    assert "leaf.pem: revoked" in heard
    assert "Reason: keyCompromise" in heard


def test_openssl_is_told_nothing_of_a_serial_that_was_never_recorded(served: Served) -> None:
    heard = served.verdict(a_certificate())

    assert "unauthorized" in heard
    assert "good" not in heard


def test_an_answer_by_get_may_be_kept_and_asked_for_again(served: Served) -> None:
    _, good = served.rows

    status, headers, body = served.get(a_request(good))

    assert (status, headers["Content-Type"]) == (200, "application/ocsp-response")
    answer = ocsp.load_der_ocsp_response(body)
    assert answer.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert headers["Cache-Control"] == "max-age=600, public, no-transform, must-revalidate"
    assert headers["Expires"] > ""
    assert "Set-Cookie" not in headers
    again, headers, body = served.get(a_request(good), **{"If-None-Match": headers["ETag"]})
    assert (again, body) == (304, b"")


def test_an_answer_for_one_asker_or_none_is_not_kept(served: Served) -> None:
    _, good = served.rows

    for request in (a_request(good, nonce=b"0123456789abcdef"), b"nonsense", b""):
        status, headers, _ = served.get(request)
        assert headers["Cache-Control"] == "no-store" or (status, request) == (404, b"")


def test_slashes_of_base64_stay_what_they_are(served: Served) -> None:
    _, good = served.rows
    by_slash = next(
        request
        for n in range(10_000)
        if b"//" in base64.b64encode(request := a_request(good, nonce=n.to_bytes(8, "big") + b"\xff" * 12))
    )

    path = base64.b64encode(by_slash).decode()
    with urllib.request.urlopen(f"{served.url}/{path}", timeout=10) as answer:
        response = ocsp.load_der_ocsp_response(answer.read())

    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD


def test_a_body_that_is_too_large_is_malformed(served: Served) -> None:
    request = urllib.request.Request(served.url, data=b"0" * 100_000, method="POST")

    with urllib.request.urlopen(request, timeout=10) as answer:
        response = ocsp.load_der_ocsp_response(answer.read())

    assert response.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_head_is_get_without_its_body_and_nothing_else_is_understood(served: Served) -> None:
    _, good = served.rows
    path = quote(base64.b64encode(a_request(good)).decode(), safe="")

    _, by_get, body = served.get(a_request(good))
    asked = urllib.request.Request(f"{served.url}/{path}", method="HEAD")
    with urllib.request.urlopen(asked, timeout=10) as answer:
        assert (answer.read(), answer.headers["ETag"]) == (b"", by_get["ETag"])
        assert answer.headers["Content-Length"] == str(len(body))
    with pytest.raises(HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(served.url, method="DELETE"), timeout=10)
    with refused.value:
        assert (refused.value.code, refused.value.headers["Allow"]) == (405, "GET, HEAD, POST")


def test_an_answer_that_is_not_newer_is_not_sent_again(served: Served) -> None:
    _, good = served.rows
    _, headers, _ = served.get(a_request(good))

    status, _, body = served.get(a_request(good), **{"If-Modified-Since": headers["Last-Modified"]})

    assert (status, body) == (304, b"")
    assert served.get(a_request(good), **{"If-Modified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"})[0] == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_books_that_do_not_answer_are_a_try_later(
    site: Site, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    def away() -> NoReturn:
        raise Unavailable(Text(vi="Không trả lời.", en="Away."))

    monkeypatch.setattr(site.database, "reading", away)
    body = ocsp.OCSPRequestBuilder().add_certificate(a_certificate(), MAIL, hashes.SHA1()).build()
    request = body.public_bytes(Encoding.DER)
    path = "/ocsp/mail-g1" + (
        f"/{quote(base64.b64encode(request).decode(), safe='')}" if method == "GET" else ""
    )

    answer = site.app.test_client().open(path, method=method, data=request if method == "POST" else None)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    status = ocsp.load_der_ocsp_response(answer.data).response_status
    assert status is ocsp.OCSPResponseStatus.TRY_LATER


def a_request(row: Certificate, *, nonce: bytes = b"") -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(the_x509(row), MAIL, hashes.SHA1())
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False

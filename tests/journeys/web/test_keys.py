"""A key made in a real browser: certified, saved as PKCS#12 that openssl opens, and never anywhere but there."""

import logging
import subprocess
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from playwright.sync_api import Page, Request, expect

from provisioner.certificates.issuing import issue
from tests.certificates.holders import the_certificate
from tests.journeys.web.listening import Complaints
from tests.mail.test_activating import Kept
from tests.province import a_desk, addresses
from tests.web.site import Site
from tests.web.test_owner import FIRST, kept

__all__ = ["kept"]

WORD = "mat khau cua tep 7!"


@dataclass
class Traffic:
    """Every byte that went into the server and out of it, headers and bodies."""

    seen: list[bytes] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def keep(self, *parts: object) -> None:
        with self.lock:
            self.seen += [part if isinstance(part, bytes) else repr(part).encode() for part in parts]

    def in_front_of(self, application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        def recorded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
            length = int(environ.get("CONTENT_LENGTH") or 0)
            body = environ["wsgi.input"].read(length)
            environ["wsgi.input"] = BytesIO(body)
            self.keep(body, sorted((name, str(value)) for name, value in environ.items()))

            def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
                self.keep(status, headers)
                return start_response(status, headers, *rest)

            answer = application(environ, start)
            try:
                for part in answer:
                    self.keep(part)
                    yield part
            finally:
                getattr(answer, "close", bool)()

        return recorded


@pytest.fixture
def traffic(site: Site) -> Traffic:
    traffic = Traffic()
    site.app.wsgi_app = traffic.in_front_of(site.app.wsgi_app)  # type: ignore[method-assign]
    return traffic


def come_in(page: Page, address: str, mailbox: str) -> None:
    page.goto(f"{address}/toi/dang-nhap")
    page.get_by_label("Địa chỉ").fill(mailbox)
    page.get_by_label("Mật khẩu").fill(FIRST)
    page.get_by_role("button", name="Đăng nhập").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(mailbox)


def encodings(secret: bytes) -> set[bytes]:
    """How these bytes may be written: as they are, in hex, as a number, and in base64 wherever they may begin in it."""
    found = {secret, secret[::-1], str(int.from_bytes(secret)).encode()}
    for written in (secret.hex(), secret.hex(":"), secret.hex().upper(), secret.hex(":").upper()):
        found.add(written.encode())
    for ahead in range(3):
        for base64 in (b64encode, urlsafe_b64encode):
            # Of the signs at both ends, parts come from what stands beside it.
            found.add(base64(bytes(ahead) + secret)[4:-4])
    return found


def openssl(*arguments: str) -> bytes:
    return subprocess.run(["openssl", *arguments], check=True, capture_output=True).stdout


def test_the_private_key_is_made_in_the_browser_and_never_leaves_it(
    site: Site,
    province: Site,
    kept: Kept,
    traffic: Traffic,
    page: Page,
    address: str,
    complaints: Complaints,
    is_accessible: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    caplog.set_level(logging.DEBUG)
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request))  # noqa: PLW0108 - playwright marks what it is given
    mailbox = addresses(site.database)["CB1"]
    come_in(page, address, mailbox)
    is_accessible()
    page.get_by_role("link", name="Tạo khóa và nhận chứng thư").click()
    is_accessible()

    page.get_by_label("Mật khẩu của tệp").fill(WORD)
    page.get_by_label("Nhập lại mật khẩu").fill(WORD)
    with page.expect_download(timeout=60_000) as saving:
        page.get_by_role("button", name="Tạo khóa").click()
        expect(page.get_by_role("status")).to_contain_text("Chứng thư đang được cấp", timeout=30_000)
        assert issue(site.database, a_desk(site.database)) >= 1
    path = tmp_path / "own.p12"
    saving.value.save_as(path)
    expect(page.get_by_role("status")).to_contain_text("Xong", timeout=30_000)

    shown = openssl("pkcs12", "-in", str(path), "-passin", f"pass:{WORD}", "-nodes")
    described = subprocess.run(
        ["openssl", "pkcs12", "-in", path, "-passin", f"pass:{WORD}", "-info", "-noout"],
        check=True,
        capture_output=True,
        text=True,
    ).stderr
    key = load_pem_private_key(shown, None)
    leaf, above, root = x509.load_pem_x509_certificates(shown)
    issued = the_certificate(site.database, mailbox)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    assert saving.value.suggested_filename == f"{mailbox}.p12"
    assert leaf.public_bytes(Encoding.DER) == issued.der
    assert leaf.public_key() == key.public_key()
    assert (leaf.issuer, above.issuer, root.issuer) == (above.subject, root.subject, root.subject)
    assert described.count("PBES2, PBKDF2, AES-256-CBC, Iteration 600000, PRF hmacWithSHA256") == 2
    assert "MAC: sha256, Iteration 200000" in described
    assert issued.handed_over_at == site.now
    assert (issued.key_by_owner, issued.key_sealed) == (True, None)

    private = key.private_numbers().private_value.to_bytes(32)
    everything = b"\n".join(
        [
            *traffic.seen,
            *(repr(request.all_headers()).encode() + (request.post_data_buffer or b"") for request in sent),
            *(file.read_bytes() for file in tmp_path.glob("books.db*")),
            caplog.text.encode(),
        ]
    )
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)[1:33]
    assert [each for each in encodings(point) if each in everything], "the search finds what was sent"
    assert [each for each in encodings(private) if each in everything] == []
    assert WORD.encode() not in everything
    assert b"mat+khau+cua+tep" not in everything


def test_of_two_windows_the_later_gets_the_file_and_the_earlier_is_told(
    site: Site, province: Site, kept: Kept, page: Page, address: str, tmp_path: Path
) -> None:
    come_in(page, address, addresses(site.database)["CB1"])
    later = page.context.new_page()
    for window in (page, later):
        window.goto(f"{address}/toi/chung-thu")
        window.get_by_label("Mật khẩu của tệp").fill(WORD)
        window.get_by_label("Nhập lại mật khẩu").fill(WORD)
        window.get_by_role("button", name="Tạo khóa").click()
        expect(window.get_by_role("status")).to_contain_text("Chứng thư đang được cấp", timeout=30_000)

    with later.expect_download(timeout=60_000) as saving:
        assert issue(site.database, a_desk(site.database)) >= 1
    path = tmp_path / "own.p12"
    saving.value.save_as(path)

    expect(page.get_by_role("status")).to_contain_text("đã có khóa khác", timeout=30_000)
    expect(later.get_by_role("status")).to_contain_text("Xong", timeout=30_000)
    shown = openssl("pkcs12", "-in", str(path), "-passin", f"pass:{WORD}", "-nodes")
    key = load_pem_private_key(shown, None)
    assert key.public_key() == x509.load_pem_x509_certificates(shown)[0].public_key()

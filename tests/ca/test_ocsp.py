"""OCSP: what is asked is answered by a delegated key, and what is not known is never good."""

import base64
import subprocess
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags as Reason
from cryptography.x509 import ocsp
from hypothesis import example, given
from hypothesis import strategies as st

from ca.ceremony import hold
from ca.crl import Revocation
from ca.errors import AuthorityMismatch, Unreadable
from ca.keys import KeyKind, generate_key
from ca.lint import lint
from ca.ocsp import (
    MALFORMED,
    UNAUTHORIZED,
    Responder,
    ResponderExpired,
    delegate,
    from_path,
    read_request,
)
from tests.ca import second_opinion
from tests.ca.world import (
    NOW,
    MemoryKeyStore,
    a_certificate,
    a_person,
    a_plan,
    document_authority,
    mail_authority,
    profiles,
)

MAIL = mail_authority().certificate
RESPONDER = profiles()["ocsp-responder"]


@cache
def responder() -> Responder:
    key = generate_key(KeyKind.P256)
    certificate = mail_authority().sign(delegate(mail_authority(), RESPONDER, key.public_key(), now=NOW))
    return Responder(MAIL, certificate, key)


def a_request(certificate=None, algorithm=None, nonce: bytes | None = None, issuer=MAIL) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        certificate or a_certificate(), issuer, algorithm or hashes.SHA1()
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return builder.build().public_bytes(Encoding.DER)


def answered(request: bytes, revocation=None) -> ocsp.OCSPResponse:
    return ocsp.load_der_ocsp_response(responder().answer(read_request(request), revocation, now=NOW).der)


def test_a_responder_is_short_lived_and_answers_only():
    certificate = responder().certificate

    assert [f.code for f in lint(certificate, profile=RESPONDER, issuer=MAIL)] == []
    assert second_opinion.pkix_findings(certificate) == []
    assert second_opinion.chain_findings(certificate, MAIL) == []
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(
        days=90, seconds=-1
    )
    assert certificate.extensions.get_extension_for_class(x509.OCSPNoCheck)


def test_a_live_certificate_is_good_for_four_days():
    response = answered(a_request())

    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert response.next_update_utc - response.this_update_utc == timedelta(days=4, seconds=-1)
    assert response.responder_key_hash is not None
    assert response.certificates == [responder().certificate]
    assert second_opinion.ocsp_findings(response) == []


@pytest.mark.parametrize("reason", [Reason.key_compromise, Reason.certificate_hold, Reason.unspecified, None])
def test_a_revoked_certificate_is_revoked_with_its_moment_and_reason(reason):
    response = answered(a_request(), Revocation(1, NOW, reason))

    assert response.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert response.revocation_time_utc == NOW.replace(microsecond=0)
    assert response.revocation_reason is (None if reason is Reason.unspecified else reason)
    assert second_opinion.ocsp_findings(response) == []


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256()])
def test_the_answer_names_the_certificate_as_the_question_did(algorithm):
    request = a_request(algorithm=algorithm)

    response = answered(request)

    asked = ocsp.load_der_ocsp_request(request)
    assert response.hash_algorithm.name == algorithm.name
    assert (response.issuer_name_hash, response.issuer_key_hash, response.serial_number) == (
        asked.issuer_name_hash,
        asked.issuer_key_hash,
        asked.serial_number,
    )
    assert responder().is_about_ours(read_request(request))


def test_a_nonce_comes_back_and_only_then():
    (nonce,) = answered(a_request(nonce=b"n" * 32)).extensions

    assert nonce.value == x509.OCSPNonce(b"n" * 32)
    assert second_opinion.ocsp_findings(answered(a_request(nonce=b"n" * 32))) == []
    assert list(answered(a_request()).extensions) == []


@pytest.mark.parametrize("nonce", [b"", b"n" * 129])
def test_a_nonce_of_no_allowed_length_is_malformed(nonce):
    with pytest.raises(Unreadable):
        read_request(a_request(nonce=nonce))


def test_another_hash_is_malformed():
    with pytest.raises(Unreadable):
        read_request(a_request(algorithm=hashes.SHA384()))


def test_a_question_about_another_authority_is_not_ours():
    request = a_request(a_certificate("person-document"), issuer=document_authority().certificate)

    assert not responder().is_about_ours(read_request(request))


def test_nothing_is_answered_with_a_certificate_that_has_expired():
    question = read_request(a_request())
    last = NOW + timedelta(days=89, hours=23)

    answer = responder().answer(question, None, now=last)
    assert answer.next_update == responder().certificate.not_valid_after_utc
    for moment in (NOW + timedelta(days=91), NOW - timedelta(days=1)):
        with pytest.raises(ResponderExpired):
            responder().answer(question, None, now=moment)


def test_only_a_delegate_of_the_authority_answers_and_only_with_its_own_key():
    own = responder()
    stranger = generate_key(KeyKind.P256)

    def code(*arguments) -> str:
        with pytest.raises(AuthorityMismatch) as refused:
            Responder(*arguments)
        return refused.value.code

    assert code(MAIL, own.certificate, stranger) == "authority.key"
    assert code(document_authority().certificate, own.certificate, own._key) == "ocsp.not-delegated"
    person = mail_authority().sign(
        mail_authority().prepare(profiles()["person-mail"], a_person(), stranger.public_key(), now=NOW)
    )
    assert code(MAIL, person, stranger) == "ocsp.not-delegated"


def test_answers_made_ahead_are_those_that_would_be_given():
    request = a_request()
    serial = read_request(request).serial
    ahead = dict(responder().presign([(serial, None), (17, Revocation(17, NOW))], now=NOW))

    good, revoked = (ocsp.load_der_ocsp_response(ahead[n].der) for n in (serial, 17))

    asked = answered(request)
    assert good.tbs_response_bytes == asked.tbs_response_bytes
    assert revoked.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert list(good.extensions) == []


def test_a_thousand_answers_are_made_ahead_in_a_second():
    started = time.process_time()

    made = sum(1 for _ in responder().presign(((n, None) for n in range(1, 1001)), now=NOW))

    assert made == 1000
    assert time.process_time() - started < 1


def test_the_path_of_a_get_holds_the_request():
    request = a_request()
    encoded = base64.b64encode(request).decode()

    assert from_path(quote(encoded, safe="")) == request
    assert from_path(encoded.rstrip("=")) == request
    assert from_path(encoded.replace("+", " ")) == request
    for junk in ("%%%", "a" * 5000, "đ"):
        with pytest.raises(Unreadable):
            from_path(junk)


WITH_NONCE = a_request(nonce=b"n" * 16)


@given(st.binary(max_size=300), st.integers(0, 10_000), st.integers(0, 255))
@example(b"", 0, 0)
def test_whatever_is_asked_is_read_or_refused(junk, position, value):
    damaged = bytearray(WITH_NONCE)
    damaged[position % len(damaged)] = value

    for request in (junk, bytes(damaged), b"\x30" * 5000):
        try:
            question = read_request(request)
        except Unreadable:
            continue
        assert question.algorithm in {"sha1", "sha256"}


def test_a_critical_extension_that_we_do_not_know_is_malformed():
    builder = ocsp.OCSPRequestBuilder().add_certificate(a_certificate(), MAIL, hashes.SHA1())
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.32473.9"), b"\x05\x00")
    harmless = builder.add_extension(unknown, critical=False).build().public_bytes(Encoding.DER)
    grave = builder.add_extension(unknown, critical=True).build().public_bytes(Encoding.DER)

    assert read_request(harmless).nonce is None
    with pytest.raises(Unreadable):
        read_request(grave)


@pytest.fixture(scope="module")
def live():
    """A hierarchy of today, as openssl looks at its own clock, and its books: serials and revocations."""
    today = datetime.now(UTC) - timedelta(minutes=5)
    keystore = MemoryKeyStore()
    ceremony = hold(a_plan(), keystore, profiles=profiles(), now=today)
    authority, key = ceremony.authority("mail", keystore), generate_key(KeyKind.P256)

    def issue():
        public_key = generate_key(KeyKind.P256).public_key()
        return authority.sign(authority.prepare(profiles()["person-mail"], a_person(), public_key, now=today))

    delegated = authority.sign(delegate(authority, RESPONDER, key.public_key(), now=today))
    good, revoked = issue(), issue()
    books = {
        good.serial_number: None,
        revoked.serial_number: Revocation(revoked.serial_number, today, Reason.key_compromise),
    }
    return ceremony, Responder(authority.certificate, delegated, key), books, good, revoked


@contextmanager
def serving(answering: Responder, books):
    """A web server as small as can be in front of the responder; gives its address and what was asked how."""
    methods = []

    def reply(request: bytes) -> bytes:
        try:
            question = read_request(request)
        except Unreadable:
            return MALFORMED
        if question.serial not in books or not answering.is_about_ours(question):
            return UNAUTHORIZED
        return answering.answer(question, books[question.serial], now=datetime.now(UTC)).der

    class Handler(BaseHTTPRequestHandler):
        def _send(self, body: bytes) -> None:
            methods.append(self.command)
            self.send_response(200)
            self.send_header("Content-Type", "application/ocsp-response")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self._send(reply(self.rfile.read(int(self.headers["Content-Length"]))))

        def do_GET(self) -> None:
            self._send(reply(from_path(self.path.split("/", 3)[3])))

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/ocsp/mail-g1", methods
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ask_openssl(folder, ceremony, url: str, *options: str) -> str:
    def pem(name: str, certificate: x509.Certificate) -> str:
        (folder / name).write_bytes(certificate.public_bytes(Encoding.PEM))
        return str(folder / name)

    issuer = pem("mail.pem", ceremony.certificates["mail-g1"])
    command = ["openssl", "ocsp", "-issuer", issuer, "-CAfile", pem("root.pem", ceremony.root)]
    result = subprocess.run(
        [*command, "-url", url, "-timeout", "10", *options],
        capture_output=True,
        text=True,
        check=False,
    )
    return result.stderr + result.stdout


@pytest.mark.parametrize("options", [[], ["-no_nonce"], ["-sha256"], ["-sha256", "-no_nonce"]])
def test_openssl_asks_a_live_responder_and_believes_it(tmp_path, live, options):
    ceremony, answering, books, good, revoked = live
    for name, certificate in (("good", good), ("revoked", revoked)):
        (tmp_path / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))

    with serving(answering, books) as (url, methods):
        said = {
            name: ask_openssl(tmp_path, ceremony, url, *options, "-cert", str(tmp_path / f"{name}.pem"))
            for name in ("good", "revoked")
        }

    assert "Response verify OK" in said["good"]
    assert "good.pem: good" in said["good"]
    assert "Response verify OK" in said["revoked"]
    assert "revoked.pem: revoked" in said["revoked"]
    assert "Reason: keyCompromise" in said["revoked"]
    assert "WARNING" not in said["good"]  # as of a nonce that did not come back
    assert methods == ["POST", "POST"]


def test_openssl_hears_nothing_good_about_a_serial_that_was_never_issued(tmp_path, live):
    ceremony, answering, books, *_ = live

    with serving(answering, books) as (url, _):
        said = ask_openssl(tmp_path, ceremony, url, "-serial", "0x1234567890")

    assert "unauthorized (6)" in said


def test_a_get_is_answered_like_a_post_and_junk_as_malformed(live):
    ceremony, answering, books, good, _ = live
    request = a_request(good, issuer=ceremony.certificates["mail-g1"])
    encoded = quote(base64.b64encode(request).decode(), safe="")

    with serving(answering, books) as (url, methods):
        with urlopen(f"{url}/{encoded}") as reply:
            got = ocsp.load_der_ocsp_response(reply.read())
        with urlopen(Request(url, data=b"junk")) as reply:
            junk = ocsp.load_der_ocsp_response(reply.read())

    assert got.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert junk.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST
    assert methods == ["GET", "POST"]

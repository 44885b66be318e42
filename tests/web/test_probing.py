"""The probe of what is published: silent when all is well, and it finds every fault that is put in its way."""

import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtensionOID
from sqlalchemy import select, update
from werkzeug.serving import make_server

from ca.authority import der
from ca.crl import Reason
from ca.ocsp import read_request
from provisioner.certificates.answering import Answers, Reply
from provisioner.certificates.delegating import delegate_answers
from provisioner.certificates.models import Certificate, Issuer, PresignedAnswer
from provisioner.cli.published import published as published_by_the_books
from provisioner.errors import Unavailable
from provisioner.private.process import free_port
from provisioner.probing import Expected, probe
from provisioner.services import Services
from provisioner.settings import Settings
from tests.books import LATER
from tests.ca.world import document_authority, mail_authority, world
from tests.certificates.holders import certified, every_certificate
from tests.certificates.test_listing import published, revoked
from tests.province import SEALER, a_desk
from tests.web.site import Site

LABEL = mail_authority().label


@dataclass
class Served:
    """A site on loopback with two certificates, the first of them revoked and on the list, and what must be there."""

    site: Site
    url: str
    expected: Expected

    def probe(self, **changes: Any) -> str:
        found = probe(replace(self.expected, **changes), url=self.url, now=self.site.now)
        assert all(text.vi and text.en for text in found)
        return "; ".join(text.en for text in found)

    def answers_with(self, monkeypatch: pytest.MonkeyPatch, reply: Callable[[Answers, bytes], Reply]) -> None:
        """Let the site answer OCSP in another way."""
        monkeypatch.setattr(Answers, "reply", lambda answers, _label, request: reply(answers, request))

    def set(self, **values: Any) -> None:
        with self.site.database.transaction() as session:
            session.execute(update(Issuer).where(Issuer.label == LABEL).values(**values))


@pytest.fixture
def served(site: Site) -> Iterator[Served]:
    database = site.database
    certified(database)
    delegate_answers(database, a_desk(database))
    published(database)
    first, second = every_certificate(database)
    revoked(database, first, reason=Reason.key_compromise)
    published(database)
    Answers(database, SEALER, clock=lambda: LATER).sign_ahead()
    site.now = LATER + timedelta(minutes=5)
    server = make_server("127.0.0.1", free_port(), site.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    expected = Expected(
        label=LABEL,
        certificate=mail_authority().certificate,
        number=2,
        revoked={int(first.serial or "", 16): LATER},
        live=int(second.serial or "", 16),
    )
    yield Served(site, f"http://127.0.0.1:{server.server_port}", expected)
    server.shutdown()
    thread.join()
    server.server_close()


def test_nothing_is_wrong_where_nothing_is_wrong(served: Served) -> None:
    assert served.probe() == ""


def test_a_list_that_was_not_signed_for_a_day_is_found(served: Served) -> None:
    served.site.later(hours=26)

    found = served.probe()

    assert f"{LABEL}.crl was signed 26.1 hours ago" in found
    assert f"{LABEL}-delta.crl ended at" in found


def test_a_list_from_the_future_is_found(served: Served) -> None:
    served.site.later(hours=-2)

    assert f"{LABEL}.crl was signed -1.9 hours ago" in served.probe()


def test_a_list_that_has_ended_is_found(served: Served) -> None:
    served.site.later(days=8)

    assert f"{LABEL}.crl ended at" in served.probe()


def test_a_list_of_another_authority_is_found(served: Served) -> None:
    others = document_authority().sign_crl([], number=9, now=LATER, days=7)
    served.set(crl=der(others), crl_number=9)

    assert f"is not signed by {LABEL}" in served.probe()


def test_bytes_that_are_no_list_are_found(served: Served) -> None:
    served.set(crl=b"nonsense", crl_number=9)

    assert "is no list" in served.probe()


def a_bent_list(served: Served, *extensions: x509.UnrecognizedExtension) -> bytes:
    """A list under the authority's own signature whose extensions are not what their names promise."""
    _, keystore = world()
    builder = x509.CertificateRevocationListBuilder(
        issuer_name=served.expected.certificate.subject,
        last_update=LATER,
        next_update=LATER + timedelta(days=1),
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return der(builder.sign(keystore.load(LABEL), hashes.SHA384()))


@pytest.mark.parametrize(
    ("place", "oid"), [("crl", ExtensionOID.CRL_NUMBER), ("delta", ExtensionOID.DELTA_CRL_INDICATOR)]
)
def test_a_list_whose_extensions_cannot_be_read_is_found(
    served: Served, place: str, oid: x509.ObjectIdentifier
) -> None:
    served.set(**{place: a_bent_list(served, x509.UnrecognizedExtension(oid, b"nonsense")), "crl_number": 9})

    assert f"a list or an OCSP answer of {LABEL} cannot be read" in served.probe()


def test_a_server_that_does_not_speak_http_is_found(served: Served) -> None:
    class Mumbles(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            self.request.sendall(b"nonsense\r\n\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mumbles) as server:
        threading.Thread(target=server.serve_forever).start()
        found = probe(
            served.expected, url=f"http://127.0.0.1:{server.server_address[1]}", now=served.site.now
        )
        server.shutdown()

    assert ["cannot be fetched" in text.en for text in found] == [True, True]


def test_a_list_older_than_the_books_is_found(served: Served) -> None:
    assert "is served as number 2, the books have 3" in served.probe(number=3)


def test_a_revocation_that_is_not_on_the_list_after_two_minutes_is_found(served: Served) -> None:
    second = served.expected.live or 0
    now = served.site.now

    late = served.probe(live=None, revoked={**served.expected.revoked, second: now - timedelta(minutes=2)})
    fresh = served.probe(live=None, revoked={**served.expected.revoked, second: now - timedelta(minutes=1)})

    assert f"{LABEL}.crl lacks 1 revoked certificates, {second:x} for one" in late
    assert f"says GOOD for a certificate that is revoked {second:x}" in late
    assert fresh == ""


def test_a_delta_that_does_not_follow_the_list_is_found(served: Served) -> None:
    base = mail_authority().sign_crl([], number=7, now=LATER, days=7)
    delta = mail_authority().sign_delta([], base=base, number=8, now=LATER, days=1)
    served.set(delta=der(delta), crl_number=3)

    assert f"{LABEL}-delta.crl (number 8, from 7) does not follow the list 2" in served.probe()


def test_a_full_list_in_the_place_of_a_delta_is_found(served: Served) -> None:
    served.set(delta=Issuer.crl, crl_number=3)

    assert "from None) does not follow" in served.probe()


def test_a_delta_that_is_not_there_is_found_and_the_rest_is_looked_at_nevertheless(served: Served) -> None:
    served.set(delta=None, crl_number=3)
    second = served.expected.live or 0

    found = served.probe(live=None, revoked={second: LATER})

    assert f"{LABEL}-delta.crl cannot be fetched: HTTP Error 404" in found
    assert "lacks 1 revoked" in found
    assert "says GOOD" in found


def test_a_good_for_what_was_never_issued_is_found(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def good_for_all(answers: Answers, request: bytes) -> Reply:
        responder = answers._newest_of(LABEL, served.site.now).responder
        assert responder is not None
        return Reply(responder.answer(read_request(request), None, now=served.site.now).der)

    served.answers_with(monkeypatch, good_for_all)

    found = served.probe()

    assert "says GOOD for a certificate that is never issued" in found
    assert "says GOOD for a certificate that is revoked" in found


def test_an_answer_to_another_question_is_found(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    with served.site.database.reading() as session:
        kept = dict(session.execute(select(Certificate.serial, PresignedAnswer.der).join(Certificate)).all())
    one = kept[f"{served.expected.live:x}"]
    served.answers_with(monkeypatch, lambda _answers, _request: Reply(one))

    found = served.probe()

    assert "says GOOD for a certificate that is revoked" in found
    assert "the nonce did not come back" in found
    assert "it is to another question" in found


def test_an_answer_that_nobody_was_delegated_to_give_is_found(served: Served) -> None:
    another = document_authority().certificate

    assert "OCSP" in (found := served.probe(certificate=another))
    assert "UNAUTHORIZED" in found


def test_a_changed_answer_is_found(served: Served) -> None:
    with served.site.database.transaction() as session:
        for row in session.scalars(select(PresignedAnswer)):
            row.der = row.der.replace(b"2026112", b"2026111", 1)

    assert "its signature or delegation does not hold" in served.probe()


def test_a_responder_near_its_end_is_found(served: Served) -> None:
    served.site.later(days=85)

    assert "the responder's certificate ends soon" in served.probe()


def test_an_authority_that_does_not_answer_is_found(served: Served) -> None:
    found = probe(served.expected, url=f"http://127.0.0.1:{free_port()}", now=served.site.now)

    assert [f"/{part}/" in text.en for part, text in zip(("crl", "ocsp"), found, strict=True)] == [True, True]


def test_a_roots_list_has_to_last_until_a_ceremony_can_be_held(served: Served) -> None:
    ceremony, _ = world()
    root = Expected("root-g1", ceremony.root, 1, {}, None)
    with served.site.database.transaction() as session:
        issuer = session.query(Issuer).filter_by(label="root-g1").one()
        issuer.crl, issuer.crl_number = der(ceremony.lists["root-g1"]), 1

    assert probe(root, url=served.url, now=served.site.now) == []
    (text,) = probe(root, url=served.url, now=served.site.now + timedelta(days=151))
    assert "the next one takes a ceremony" in text.en


def test_the_doctor_holds_what_is_served_against_the_books(served: Served) -> None:
    services = Services(
        Settings.load(authority={"probe_url": served.url}), clock=lambda: served.site.now, ring=lambda _: None
    )
    services.__dict__["database"] = served.site.database
    with served.site.database.transaction() as session:
        session.query(Issuer).filter(Issuer.label != LABEL).delete()

    assert published_by_the_books(services) == f"fresh and signed at {served.url}: {LABEL} (list 2)"
    served.site.later(days=8)
    with pytest.raises(Unavailable) as refused:
        published_by_the_books(services)
    assert f"{LABEL}.crl ended at" in refused.value.text.en

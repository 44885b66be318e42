"""A certificate is handed over once, and its key with it."""

import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from sqlalchemy import Update, text, update

from ca.crl import Reason
from ca.keys import spki_bytes
from provisioner.audit import Who
from provisioner.certificates.handing_over import HandedOver, hand_over
from provisioner.certificates.models import Certificate
from provisioner.certificates.ordering import order_again
from provisioner.certificates.revoking import release, revoke
from provisioner.db import Database
from provisioner.errors import Conflict, NotFound
from provisioner.mailboxes.models import Mailbox
from provisioner.people.models import Post
from tests.books import LATER, NOW
from tests.ca.world import profiles
from tests.certificates.holders import (
    OFFICIAL,
    address_of,
    agency_address,
    all_certificates,
    certified,
    in_file,
    ordered,
    the_certificate,
)
from tests.province import SEALER, issued, provide, trail

CLERK = Who("lan")


def handed(database: Database, address: str, *, now: datetime = NOW) -> HandedOver:
    with database.transaction() as session:
        return hand_over(session, address, sealer=SEALER, who=CLERK, now=now)


def test_the_file_opens_with_its_password_and_holds_the_key_of_the_certificate(database: Database) -> None:
    certified(database)
    address = address_of(database)

    given = handed(database, address)

    assert given.password is not None
    content = pkcs12.load_pkcs12(given.content, given.password.reveal().encode())
    issued = x509.load_der_x509_certificate(the_certificate(database, address).der or b"")
    assert content.cert
    assert content.cert.certificate == issued
    assert spki_bytes(content.key.public_key()) == spki_bytes(issued.public_key())
    above, root = (found.certificate for found in content.additional_certs)
    assert (issued.issuer, above.issuer) == (above.subject, root.subject)
    assert len(given.password.reveal().replace("-", "")) == 20


def test_openssl_opens_the_file(database: Database, tmp_path: Path) -> None:
    certified(database)
    given = handed(database, address_of(database))
    assert given.password

    shown = subprocess.run(
        [
            "openssl",
            "pkcs12",
            "-in",
            in_file(tmp_path / "a.p12", given.content),
            "-nodes",
            "-passin",
            "stdin",
        ],
        input=given.password.reveal().encode(),
        capture_output=True,
        check=True,
    )

    assert shown.stdout.count(b"BEGIN CERTIFICATE") == 3
    assert b"BEGIN PRIVATE KEY" in shown.stdout


def test_the_key_is_gone_from_the_books_and_never_given_again(database: Database) -> None:
    certified(database)
    address = address_of(database)
    before = the_certificate(database, address).key_sealed
    assert before

    handed(database, address)

    after = the_certificate(database, address)
    assert after.key_sealed is None
    assert after.handed_over_at == NOW
    with database.reading() as session:
        kept = session.scalar(
            text("SELECT count(*) FROM certificates WHERE key_sealed = :sealed"), {"sealed": before}
        )
    assert kept == 0
    with pytest.raises(Conflict) as refused:
        handed(database, address)
    assert refused.value.code == "key-gone"


def test_a_hand_over_that_fails_keeps_the_key(database: Database) -> None:
    certified(database)
    address = address_of(database)

    def on_fire() -> None:
        with database.transaction() as session:
            hand_over(session, address, sealer=SEALER, who=CLERK, now=NOW)
            raise RuntimeError("the printer is on fire")

    with pytest.raises(RuntimeError):
        on_fire()

    assert the_certificate(database, address).key_sealed
    assert handed(database, address).password


def test_the_trail_says_who_handed_over_and_holds_no_secret(database: Database) -> None:
    certified(database)
    address = address_of(database)

    given = handed(database, address)

    (event,) = trail(database, "certificate.handed-over")
    assert (event.actor, event.after) == ("lan", {"serial": given.serial, "with_key": True})


def test_what_is_not_issued_is_not_handed_over(database: Database) -> None:
    ordered(database)

    with pytest.raises(Conflict) as refused:
        handed(database, address_of(database))

    assert refused.value.code == "nothing-to-hand-over"
    with pytest.raises(NotFound):
        handed(database, "nobody@lamdong.gov.vn")


def test_an_agency_gets_its_own(database: Database) -> None:
    certified(database)

    address = agency_address(database)

    given = handed(database, address)

    assert given.address == address
    assert given.password


@pytest.mark.parametrize("order_first", [True, False])
def test_what_is_on_hold_never_comes_back_beside_its_successor(database: Database, order_first: bool) -> None:
    certified(database)
    address = address_of(database)
    old = the_certificate(database, address)
    if order_first:
        with database.transaction() as session:
            order_again(session, session.get_one(Certificate, old.id), by="lan", now=NOW)
    with database.transaction() as session:
        revoke(session, {old.id: Reason.certificate_hold}, who=CLERK, profiles=profiles(), now=NOW)
    if not order_first:
        provide(database, OFFICIAL, now=LATER)
    issued(database, now=LATER)

    handed(database, address, now=LATER)

    with database.transaction() as session, pytest.raises(Conflict) as refused:
        release(session, old.id, who=CLERK, now=LATER)
    assert refused.value.code == "not-on-hold"
    new, old = all_certificates(database, address)
    assert (new.revoked_at, old.revoked_at, old.revocation_reason) == (None, NOW, "superseded")


@pytest.mark.parametrize(
    ("over", "code"),
    [
        (update(Post).values(until=NOW.date()), "owner-left"),
        (update(Mailbox).values(closed_at=NOW), "mailbox-closed"),
    ],
)
def test_nothing_is_handed_over_where_nobody_may_have_it(database: Database, over: Update, code: str) -> None:
    certified(database)
    address = address_of(database)
    with database.transaction() as session:
        session.execute(over)

    with pytest.raises(Conflict) as refused:
        handed(database, address)

    assert refused.value.code == code
    assert the_certificate(database, address).key_sealed

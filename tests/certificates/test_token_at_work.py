"""Signing with a key in a hardware module (SoftHSM): one order is one certificate there too, and a PIN is tried once."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pkcs11
import pytest
from cryptography import x509
from sqlalchemy import select

from ca import hsm
from ca.authority import Authority, der
from ca.ceremony import Ceremony, hold
from ca.errors import KeyStoreLocked
from provisioner.audit import Who
from provisioner.ceremonies import hold_ceremony
from provisioner.certificates import delegating, issuing
from provisioner.certificates.issuing import issue
from provisioner.certificates.models import Issuer, ResponderKey, State
from provisioner.db import Database
from provisioner.errors import Misconfigured, ProvisionerError
from provisioner.pending import LEASE
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.signing import (
    delegate_answers,
    issuing_labels,
    keystore,
    open_desk,
    renew_lists,
    resume_authorities,
    sign_certificates,
)
from tests.books import NOW
from tests.ca.test_hsm import PIN, a_store, module_path, token, tokens
from tests.ca.world import a_plan, profiles
from tests.certificates.holders import every_certificate, ordered
from tests.certificates.test_one_certificate import Killed, holds
from tests.province import a_desk, journal_of, trail

__all__ = ["token", "tokens"]

SOON = NOW + LEASE + timedelta(seconds=1)
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""The books do the same on both databases; what is different here is the key."""


@pytest.fixture
def in_token(database: Database, token: str) -> Authority:
    """The mail authority of a ceremony in a token, in these books."""
    store = a_store(token)
    ceremony: Ceremony = hold(a_plan(), store, profiles=profiles(), now=NOW)
    with database.transaction() as session:
        session.add_all(Issuer(label=label, certificate=der(c)) for label, c in ceremony.certificates.items())
    return ceremony.authority("mail", store)


@SQLITE
@pytest.mark.parametrize("place", ["issue.reserved", "issue.signed", "issue.journalled", "issue.recorded"])
def test_killed_anywhere_and_run_again_a_token_gives_one_certificate(
    database: Database, in_token: Authority, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    def strike(name: str) -> None:
        if name == place:
            raise Killed(name)

    ordered(database)
    with monkeypatch.context() as patch:
        patch.setattr(issuing, "failpoint", strike)
        with pytest.raises(Killed):
            issue(database, a_desk(database, authority=in_token))

    issue(database, a_desk(database, authority=in_token, now=SOON))

    assert not in_token.deterministic
    holds(database, certificates=2)
    for row in every_certificate(database):
        issued = x509.load_der_x509_certificate(row.der or b"")
        issued.verify_directly_issued_by(in_token.certificate)


@SQLITE
def test_of_two_signers_with_a_token_the_first_line_of_the_journal_counts(
    database: Database, in_token: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is frozen past its lease with signatures in its hands; the second signs the same bytes differently."""
    now = [NOW]
    ordered(database)

    def freeze(name: str) -> None:
        if name == "issue.signed" and now == [NOW]:
            now[0] = SOON
            assert issue(database, a_desk(database, authority=in_token, now=SOON)) == 2

    monkeypatch.setattr(issuing, "failpoint", freeze)
    issue(database, a_desk(database, authority=in_token, clock=lambda: now[0]))

    first: dict[str, bytes] = {}
    lines = list(journal_of(database).read())
    for line in lines:
        first.setdefault(line.serial, line.certificate)
    assert len(lines) == 4
    assert len({line.certificate for line in lines}) == 4
    assert {row.serial: row.der for row in every_certificate(database)} == first
    assert {row.state for row in every_certificate(database)} == {State.ISSUED}


@SQLITE
def test_a_responder_that_was_journalled_is_not_signed_again_by_a_token(
    database: Database, in_token: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strike(name: str) -> None:
        if name == "delegate.journalled":
            raise Killed(name)

    with monkeypatch.context() as patch:
        patch.setattr(delegating, "failpoint", strike)
        with pytest.raises(Killed):
            delegating.delegate_answers(database, a_desk(database, authority=in_token))

    assert delegating.delegate_answers(database, a_desk(database, authority=in_token, now=SOON))

    (line,) = journal_of(database).read()
    with database.reading() as session:
        assert session.scalars(select(ResponderKey.certificate)).all() == [line.certificate]


class CountedToken:
    """A token that counts how often a PIN is tried on it, and whose flags tell nothing of wrong ones."""

    def __init__(self, real: Any, tried: list[object]) -> None:
        self._real = real
        self._tried = tried
        self.flags = pkcs11.TokenFlag(0)

    def open(self, **how: Any) -> Any:
        if "user_pin" in how:
            self._tried.append(how["user_pin"])
        return self._real.open(**how)


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every PIN that was tried on a token."""
    pins: list[object] = []
    token_of = hsm._Module.token
    monkeypatch.setattr(
        hsm._Module, "token", lambda module, label: CountedToken(token_of(module, label), pins)
    )
    return pins


@pytest.fixture
def with_pin(
    database: Database, database_url: str, token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Services]]:
    """The product of a new process, with this PIN in its file: nothing is remembered but the books and the token."""
    (tmp_path / "pin").touch(mode=0o600)
    for name, value in {
        "DATABASE__URL": database_url,
        "AUTHORITY__FOLDER": str(tmp_path / "authority"),
        "AUTHORITY__PASSPHRASE": "a passphrase of the province",
        "AUTHORITY__STORE": "pkcs11",
        "AUTHORITY__MODULE": str(module_path()),
        "AUTHORITY__TOKEN": token,
        "AUTHORITY__PIN_FILE": str(tmp_path / "pin"),
        "IDENTITY__KEYS": "1:" + "ab" * 32,
    }.items():
        monkeypatch.setenv(f"PROVISIONER_{name}", value)
    made: list[Services] = []

    def start(pin: str) -> Services:
        (tmp_path / "pin").write_text(f"{pin}\n", "utf-8")
        hsm._module.cache_clear()
        pkcs11.lib(str(module_path())).reinitialize()
        made.append(Services(Settings.load(), clock=lambda: NOW, ring=lambda _bell: None))
        return made[-1]

    yield start
    for services in made:
        services.close()


def troubles(services: Services) -> dict[str, str | None]:
    with services.database.reading() as session:
        return {row.label: row.trouble for row in session.execute(select(Issuer.label, Issuer.trouble))}


@SQLITE
def test_a_pin_that_others_could_read_is_not_used(
    with_pin: Callable[[str], Services], tmp_path: Path
) -> None:
    services = with_pin(PIN)
    assert services.settings.pin().reveal() == PIN

    (tmp_path / "pin").chmod(0o644)
    with pytest.raises(Misconfigured) as refused:
        services.settings.pin()
    assert "authority.pin_file" in refused.value.text.vi


@SQLITE
def test_a_token_without_its_name_is_a_wrong_setting(
    with_pin: Callable[[str], Services], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROVISIONER_AUTHORITY__TOKEN", "")

    with pytest.raises(Misconfigured) as refused:
        keystore(with_pin(PIN).settings)

    assert "authority.token" in refused.value.text.en


@SQLITE
def test_the_product_works_with_its_keys_in_a_token_and_none_in_files(
    database: Database, with_pin: Callable[[str], Services], tmp_path: Path
) -> None:
    services = with_pin(PIN)
    hold_ceremony(services, by="an")
    ordered(database)

    assert sign_certificates(services) == 2
    assert delegate_answers(services) == 2
    assert sign_certificates(with_pin(PIN)) == 0

    authority = open_desk(services).authority
    assert not authority.deterministic
    for row in every_certificate(database):
        x509.load_der_x509_certificate(row.der or b"").verify_directly_issued_by(authority.certificate)
    with database.reading() as session:
        assert session.query(ResponderKey).filter(ResponderKey.certificate.is_not(None)).count() == 2
    assert set(keystore(services.settings).labels()) == {"root-g1", "mail-g1", "document-g1"}
    # What signs the record is no authority's key; it has a file of its own.
    assert [path.name for path in (tmp_path / "authority").glob("*.key")] == ["record.key"]


@SQLITE
def test_a_wrong_pin_is_tried_once_by_all_and_not_again_before_a_person_says_so(
    database: Database, with_pin: Callable[[str], Services], tried: list[object]
) -> None:
    hold_ceremony(with_pin(PIN), by="an")
    ordered(database)
    tried.clear()

    for work in (sign_certificates, renew_lists, delegate_answers, sign_certificates):
        services = with_pin("000000")
        assert work(services) == 0
    assert tried == ["000000"]
    assert set(troubles(services).values()) == {"keystore.pin-refused"}

    right = with_pin(PIN)
    assert sign_certificates(right) == 0
    with pytest.raises(ProvisionerError) as paused:
        open_desk(right)
    assert paused.value.code == "authority-paused"
    assert tried == ["000000"]

    assert resume_authorities(right, who=Who("binh")) == 3
    assert sign_certificates(right) == 2
    assert set(troubles(right).values()) == {None}
    assert [event.actor for event in trail(database, "authority.paused")] == ["signer"] * 3
    assert [event.actor for event in trail(database, "authority.resumed")] == ["binh"] * 3


@SQLITE
def test_a_wrong_pin_when_resuming_is_tried_once_and_resumes_nothing(
    database: Database, with_pin: Callable[[str], Services], tried: list[object]
) -> None:
    hold_ceremony(with_pin(PIN), by="an")
    ordered(database)
    sign_certificates(with_pin("000000"))
    tried.clear()

    with pytest.raises(KeyStoreLocked):
        resume_authorities(with_pin("111111"), who=Who("binh"))

    assert tried == ["111111"]
    assert set(troubles(with_pin(PIN)).values()) == {"keystore.pin-refused"}


@SQLITE
def test_a_token_that_is_away_pauses_signing_until_it_is_back(
    database: Database, with_pin: Callable[[str], Services], tokens: Path
) -> None:
    hold_ceremony(with_pin(PIN), by="an")
    ordered(database)
    folder, away = tokens / "tokens", tokens / "pulled"
    folder.rename(away)
    folder.mkdir()
    try:
        services = with_pin(PIN)
        assert sign_certificates(services) == 0
        assert troubles(services)["mail-g1"] == "keystore.token"
    finally:
        folder.rmdir()
        away.rename(folder)

    assert sign_certificates(with_pin(PIN)) == 2
    assert set(troubles(services).values()) == {None}
    assert [event.after for event in trail(database, "authority.paused")] == [{"reason": "keystore.token"}]


@SQLITE
def test_one_authority_whose_key_is_gone_stops_no_other(
    database: Database, with_pin: Callable[[str], Services], token: str
) -> None:
    services = with_pin(PIN)
    hold_ceremony(services, by="an")
    session = pkcs11.lib(str(module_path())).get_token(token_label=token).open(rw=True)
    for held in list(session.get_objects({pkcs11.Attribute.LABEL: "mail-g1"})):
        held.destroy()

    assert issuing_labels(services) == ["mail-g1", "document-g1"]
    assert delegate_answers(services) == 1

    assert troubles(services) == {"root-g1": None, "mail-g1": "keystore.missing", "document-g1": None}

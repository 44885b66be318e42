"""An issuing authority is revoked by its root when two people agree, and everything below it falls with it."""

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError

from ca.crl import Reason, base_number, crl_number
from ca.errors import KeyStoreError
from provisioner import ceremonies
from provisioner.audit import Who
from provisioner.ceremonies import hierarchy, hold_ceremony, revoke_authority
from provisioner.certificates import issuing, revoking_authorities
from provisioner.certificates.enrolling import enrol_key
from provisioner.certificates.models import Certificate, Issuer, Purpose, ResponderKey, State
from provisioner.certificates.ordering import order_for
from provisioner.certificates.published import Kind
from provisioner.certificates.recording_proof import differences
from provisioner.certificates.revoked_authorities import AuthorityRevocation, revoked_authorities
from provisioner.certificates.revoking_authorities import Planned, Reissued
from provisioner.cli.doctor import authorities_work, lists_last
from provisioner.coverage.counting import cover
from provisioner.coverage.metrics import certificates, leaders_signing
from provisioner.coverage.tallies import Scope
from provisioner.db import Database
from provisioner.errors import Conflict, Forbidden, Invalid, NotFound, ProvisionerError, Unavailable
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.signing import (
    delegate_answers,
    journal_folder,
    record_file,
    recover_authorities,
    renew_lists,
    seal_record,
    sign_certificates,
)
from tests.books import NOW
from tests.ca import second_opinion
from tests.ca.world import rolled_over
from tests.certificates.backups import backup, restore
from tests.certificates.holders import every_certificate, published
from tests.certificates.test_listing import Struck, struck_at
from tests.fakes.directory import FakeDirectory
from tests.province import DIT, SEALER, a_province, addresses, an_official, provide, synced, trail

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ANH, BINH = (
    an_official("CB1", "Nguyễn Thị Ánh", chung_thu="có", lanh_dao="x"),
    an_official("CB2", "Trần Văn Bình", chung_thu="có"),
)
THEN = NOW + timedelta(hours=1)


class Centre:
    """A ceremony's authorities, two people with mail certificates and one of them with another for documents."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.now, self.database = NOW, database
        section = {"folder": str(folder / "authority"), "passphrase": "a long passphrase"}
        self.services = Services(
            Settings.load(authority=section), clock=lambda: self.now, ring=lambda _bell: None
        )
        self.services.__dict__ |= {"database": database, "sealer": SEALER}
        hold_ceremony(self.services, by="quantri")
        a_province(database)
        provide(database, ANH, BINH, now=NOW)
        self.directory = FakeDirectory(DIT)
        self.worked()
        with database.transaction() as session:
            who = {"who": Who("an"), "now": NOW, "purpose": Purpose.DOCUMENT}
            assert order_for(session, [addresses(database)["CB1"]], **who) == 1
        self.worked()
        self.now = THEN

    def worked(self) -> None:
        """Everybody at work until nothing is left."""
        services = self.services
        for _ in range(3):
            services.carry_out_revocations()
            synced(self.database, self.directory, now=self.now)
            sign_certificates(services)
        renew_lists(services)
        delegate_answers(services)
        seal_record(services)

    def planned(self, label: str = "mail-g1", *, reason: Reason = Reason.ca_compromise) -> Planned:
        with self.database.transaction() as session:
            return revoking_authorities.plan(
                session, label, reason=reason, note="Công văn 12/STTTT", by="lan", now=self.now
            )

    def revoked(self, label: str = "mail-g1", *, reason: Reason = Reason.ca_compromise) -> int:
        """Revoke it as two people do; the number of the root's list."""
        digest = self.planned(label, reason=reason).digest
        return revoke_authority(self.services, label, digest=digest, by="hoa")

    def standing(self) -> list[tuple[str, State, str | None]]:
        return [(row.purpose, row.state, row.revocation_reason) for row in every_certificate(self.database)]

    def list_of(self, label: str, kind: Kind = Kind.FULL) -> x509.CertificateRevocationList:
        found = self.services.published.find(label, kind)
        assert found
        return x509.load_der_x509_crl(found.content)

    def certificate_of(self, label: str) -> x509.Certificate:
        found = self.services.published.find(label, Kind.CERTIFICATE)
        assert found
        return x509.load_der_x509_certificate(found.content)

    def rolled_over(self) -> None:
        hold_ceremony(self.services, rolled_over(hierarchy(self.services.settings), "mail"), by="quantri")

    def bells(self) -> list[str]:
        return self.services.bells_due()

    def recovered(self) -> None:
        """Put back what a restore took away, and let everybody work."""
        recover_authorities(self.services, in_directory=[], who=Who("quantri"))
        self.worked()
        assert self.standing()[:2] == [("mail", State.ISSUED, "superseded")] * 2

    def differences(self) -> list[str]:
        with self.database.reading() as session:
            on_disk = record_file(self.services.settings).read()
            return [each.code for each in differences(session, now=self.now, on_disk=on_disk)]


@pytest.fixture
def centre(database: Database, tmp_path: Path) -> Iterator[Centre]:
    made = Centre(database, tmp_path)
    yield made
    made.services.close()


def test_the_roots_list_says_so_at_once_and_what_was_below_falls_and_leaves_the_directory(
    centre: Centre,
) -> None:
    before, good = centre.list_of("root-g1"), published(centre.directory)
    assert len(good) == 2
    assert centre.planned() == Planned("mail-g1", centre.planned().digest, below=2)

    number = centre.revoked()

    listed = centre.list_of("root-g1")
    assert (crl_number(listed), len(before), len(listed)) == (number, 0, 1)
    assert number > crl_number(before)
    entry = listed.get_revoked_certificate_by_serial_number(centre.certificate_of("mail-g1").serial_number)
    assert entry is not None
    assert entry.revocation_date_utc == THEN
    assert entry.extensions[0].value == x509.CRLReason(Reason.ca_compromise)
    assert second_opinion.crl_findings(listed, "ARL") == []
    assert centre.bells() == ["revocations", "audit"]

    centre.worked()

    assert centre.standing() == [
        ("mail", State.ISSUED, "superseded"),
        ("mail", State.ISSUED, "superseded"),
        ("document", State.ISSUED, None),
    ]
    assert published(centre.directory) == set()
    fallen = {int(row.serial or "", 16) for row in every_certificate(centre.database)[:2]}
    assert {each.serial_number for each in centre.list_of("mail-g1")} == fallen
    assert "revocations" not in centre.bells()
    (event, *_others) = trail(centre.database, "certificate.revoked")
    assert (event.actor, event.on_behalf_of) == ("authority:mail-g1", "lan")
    assert [event.subject_id for event in trail(centre.database, "authority.revoked")] == ["mail-g1"]
    assert centre.differences() == []


@SQLITE
def test_coverage_counts_what_fell_as_revoked_and_its_holders_as_unable_to_sign(centre: Centre) -> None:
    def figures() -> tuple[int, int, int]:
        with centre.database.reading() as session:
            found = cover(session, Scope(), at=centre.now, used_within=timedelta(days=30)).sums
        told = certificates(found)
        return told.valid, told.revoked, leaders_signing(found).n

    assert figures() == (3, 0, 1)

    centre.revoked("mail-g1")
    centre.worked()
    assert figures() == (1, 2, 1)

    centre.revoked("document-g1", reason=Reason.cessation_of_operation)
    centre.worked()
    assert figures() == (0, 3, 0)
    assert centre.standing()[-1] == ("document", State.ISSUED, "cessationOfOperation")


@SQLITE
def test_openssl_refuses_what_is_below_a_revoked_authority_by_the_roots_list_alone(
    centre: Centre, tmp_path: Path
) -> None:
    mail, _, document = (
        x509.load_der_x509_certificate(row.der or b"") for row in every_certificate(centre.database)
    )
    before = {label: centre.list_of(label) for label in ("mail-g1", "document-g1")}
    centre.revoked()

    def verdict(leaf: x509.Certificate, label: str) -> str:
        parts = {
            "root.pem": centre.certificate_of("root-g1"),
            "issuing.pem": centre.certificate_of(label),
            "leaf.pem": leaf,
            "root.crl": centre.list_of("root-g1"),
            "issuing.crl": before[label],
        }
        for name, part in parts.items():
            (tmp_path / name).write_bytes(part.public_bytes(Encoding.PEM))
        command = ["openssl", "verify", "-x509_strict", "-crl_check_all", "-CAfile", "root.pem"]
        command += ["-untrusted", "issuing.pem", "-CRLfile", "root.crl", "-CRLfile", "issuing.crl"]
        command += ["-attime", str(int(THEN.timestamp()) + 60), "leaf.pem"]
        ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return ran.stdout + ran.stderr

    assert "error 23 at 1 depth lookup: certificate revoked" in verdict(mail, "mail-g1")
    assert verdict(document, "document-g1").strip() == "leaf.pem: OK"


@SQLITE
def test_a_proposal_that_nobody_approved_lapses_and_may_be_made_again(centre: Centre) -> None:
    digest = centre.planned().digest
    centre.now += centre.services.proposals_last

    with pytest.raises(Conflict) as lapsed:
        revoke_authority(centre.services, "mail-g1", digest=digest, by="hoa")

    assert lapsed.value.code == "plan-lapsed"
    with centre.database.reading() as session:
        assert revoked_authorities(session) == {}
    centre.revoked()
    with centre.database.reading() as session:
        assert set(revoked_authorities(session)) == {"mail-g1"}


@SQLITE
def test_nobody_agrees_to_their_own_proposal_nor_to_another_than_they_saw(centre: Centre) -> None:
    seen = centre.planned(reason=Reason.superseded).digest
    digest = centre.planned().digest

    for by, told, kind, code in (
        ("lan", digest, Forbidden, "two-people"),
        ("hoa", seen, Conflict, "digest-differs"),
    ):
        with pytest.raises(kind) as refused:
            revoke_authority(centre.services, "mail-g1", digest=told, by=by)
        assert refused.value.code == code
    with pytest.raises(IntegrityError), centre.database.transaction() as session:
        session.execute(update(AuthorityRevocation).values(approved_by="lan"))
    assert len(centre.list_of("root-g1")) == 0
    centre.worked()
    assert [reason for _, _, reason in centre.standing()] == [None] * 3


@SQLITE
def test_a_root_an_unknown_one_and_one_that_is_revoked_are_refused(centre: Centre) -> None:
    centre.revoked("document-g1")

    for label, kind, code in (
        ("root-g1", Conflict, "root-not-revocable"),
        ("mail-g7", NotFound, "issuer-unknown"),
        ("document-g1", Conflict, "revoked-already"),
    ):
        with pytest.raises(kind) as refused:
            centre.planned(label)
        assert isinstance(refused.value, ProvisionerError)
        assert refused.value.code == code
    with pytest.raises(Invalid):
        centre.planned(reason=Reason.certificate_hold)
    with pytest.raises(NotFound):
        revoke_authority(centre.services, "mail-g1", digest="0" * 64, by="hoa")


@SQLITE
def test_without_the_roots_key_nothing_happens(centre: Centre) -> None:
    digest = centre.planned().digest
    folder = Path(centre.services.settings.authority.folder)
    (key,) = [path for path in folder.iterdir() if path.name.startswith("root-g1")]
    key.rename(folder / "away")

    with pytest.raises(KeyStoreError):
        revoke_authority(centre.services, "mail-g1", digest=digest, by="hoa")

    assert trail(centre.database, "authority.revoked") == []
    assert "revocations" not in centre.bells()
    (folder / "away").rename(key)
    assert revoke_authority(centre.services, "mail-g1", digest=digest, by="hoa")


@SQLITE
@pytest.mark.parametrize("label", ["mail-g1", "document-g1"])
def test_nobody_is_rung_for_whose_authority_was_given_up_or_waits_for_a_person(
    centre: Centre, label: str
) -> None:
    """What cannot be done rang every three seconds, and the audit, which waits for the others, never had a turn."""
    if label == "mail-g1":
        centre.revoked(label)
        centre.worked()
    with centre.database.transaction() as session:
        issuer = session.scalars(select(Issuer).where(Issuer.label == label)).one()
        code = "keystore.token" if label == "mail-g1" else "keystore.pin-refused"
        issuer.trouble, issuer.revocations = code, issuer.revocations + 1
        waiting = {"state": State.RESERVED, "issuer_id": issuer.id, "revoked_at": None}
        session.execute(update(Certificate).where(Certificate.purpose == issuer.name).values(waiting))
        good = {"not_before": NOW, "not_after": NOW + timedelta(days=90), "key_sealed": b"sealed"}
        session.add(ResponderKey(issuer_id=issuer.id, serial="7", tbs=b"", public_key=b"", **good))

    assert not {"signing", "lists", "responders"} & set(centre.bells())
    assert "audit" in centre.bells()
    with centre.database.transaction() as session:
        waiting = {"state": State.ORDERED, "issuer_id": None}
        session.execute(update(Certificate).where(Certificate.purpose == issuer.name).values(waiting))
    assert "signing" not in centre.bells()

    with centre.database.transaction() as session:
        session.execute(update(Issuer).values(trouble="keystore.token"))
        session.execute(delete(AuthorityRevocation))
    assert {"signing", "lists", "responders"} <= set(centre.bells())  # a token that is away may come back


@SQLITE
def test_killed_before_the_list_was_signed_it_is_signed_when_called_again(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, digest = crl_number(centre.list_of("root-g1")), centre.planned().digest
    with monkeypatch.context() as patch:
        patch.setattr(ceremonies, "failpoint", struck_at("authority.revoked"))
        with pytest.raises(Struck):
            revoke_authority(centre.services, "mail-g1", digest=digest, by="hoa")
    assert crl_number(centre.list_of("root-g1")) == before
    assert "lists" not in centre.bells()  # the signer has no key to sign it with

    number = revoke_authority(centre.services, "mail-g1", digest=digest, by="hoa")

    assert revoke_authority(centre.services, "mail-g1", digest=digest, by="hoa") == number == before + 1
    assert len(centre.list_of("root-g1")) == 1
    assert len(trail(centre.database, "authority.revoked")) == 1


@SQLITE
def test_it_takes_no_order_any_more_and_the_next_generation_issues_anew(centre: Centre) -> None:
    with centre.database.transaction() as session:
        own = ec.generate_private_key(ec.SECP256R1()).public_key()
        enrol_key(session, addresses(centre.database)["CB2"], own, who=Who("an"), now=THEN)
    centre.worked()
    centre.revoked()
    centre.worked()

    with centre.database.transaction() as session:
        done = revoking_authorities.reissue(session, "mail-g1", who=Who("lan"), now=THEN)
        assert revoking_authorities.reissue(session, "mail-g1", who=Who("lan"), now=THEN).ordered == 0
    assert done == Reissued(ordered=1, by_owners=1)
    assert sign_certificates(centre.services) == 0
    assert "signing" not in centre.bells()
    assert "mail-g1 (revoked), document-g1; nobody issues for mail" in authorities_work(centre.services)

    centre.rolled_over()
    assert authorities_work(centre.services).endswith("mail-g1 (revoked), document-g1, mail-g2")
    assert "signing" in centre.bells()
    centre.worked()

    new = every_certificate(centre.database)[-1]
    issuer = centre.certificate_of("mail-g2")
    x509.load_der_x509_certificate(new.der or b"").verify_directly_issued_by(issuer)
    assert published(centre.directory) == {new.der}
    assert centre.differences() == []


@SQLITE
def test_what_was_reserved_when_it_was_revoked_is_finished_and_falls_too(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    with centre.database.transaction() as session:
        row = session.get_one(Certificate, 1)
        row.replaced_at = THEN
        session.flush()
        session.add(
            Certificate(
                mailbox_id=row.mailbox_id,
                profile=row.profile,
                ordered_at=THEN,
                ordered_by="an",
                replaces_id=row.id,
            )
        )
    with monkeypatch.context() as patch:
        patch.setattr(issuing, "failpoint", struck_at("issue.journalled"))
        with pytest.raises(Struck):
            sign_certificates(centre.services)
    centre.revoked()
    centre.worked()
    assert centre.standing()[-1] == ("mail", State.RESERVED, None)

    centre.now = THEN + timedelta(hours=1)
    centre.worked()

    assert centre.standing()[-1] == ("mail", State.ISSUED, "superseded")
    assert centre.differences() == []


@SQLITE
def test_after_a_restore_from_an_old_backup_nothing_is_signed_until_it_is_revoked_again(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = backup(centre.database)
    monkeypatch.setattr(ceremonies, "seal_record", lambda _services: 0)  # only the root's list knows
    number = centre.revoked()
    restore(centre.database, kept)
    with centre.database.transaction() as session:
        who = {"who": Who("an"), "now": THEN, "purpose": Purpose.DOCUMENT}
        assert order_for(session, [addresses(centre.database)["CB2"]], **who) == 1

    assert sign_certificates(centre.services) == 0
    with pytest.raises(Unavailable, match=r"document-g1: .*provisioner ca recover"):
        authorities_work(centre.services)

    centre.recovered()
    sign_certificates(centre.services)
    assert "document-g1" in authorities_work(centre.services)
    assert crl_number(centre.list_of("root-g1")) == number
    assert [state for _, state, _ in centre.standing()] == [State.ISSUED] * 4
    assert centre.differences() == []


@SQLITE
def test_the_record_knows_it_too_where_the_roots_list_lay_on_another_disk(centre: Centre) -> None:
    kept = backup(centre.database)
    number = centre.revoked()
    restore(centre.database, kept)
    (journal_folder(centre.services.settings) / "root-g1.crl").unlink()

    centre.recovered()

    assert centre.differences() == []
    hold_ceremony(centre.services, by="quantri")
    assert crl_number(centre.list_of("root-g1")) == number
    entries = [each.serial_number for each in centre.list_of("root-g1")]
    assert entries == [centre.certificate_of("mail-g1").serial_number]


@SQLITE
def test_a_revoked_authority_whose_key_was_destroyed_alarms_nobody(centre: Centre) -> None:
    folder = Path(centre.services.settings.authority.folder)
    for path in folder.glob("mail-g1*"):
        path.unlink()
    renew_lists(centre.services)
    assert delegate_answers(centre.services) == 0
    centre.now += timedelta(days=8)
    renew_lists(centre.services)
    with pytest.raises(Unavailable):
        authorities_work(centre.services)
    with pytest.raises(Unavailable):
        lists_last(centre.services)

    centre.revoked()
    centre.worked()

    said = authorities_work(centre.services)
    assert said.startswith("root-g1, document-g1; nobody issues for mail")
    assert "mail-g1" not in lists_last(centre.services)
    assert centre.standing()[:2] == [("mail", State.ISSUED, "superseded")] * 2


@SQLITE
def test_a_ceremony_on_a_running_system_leaves_no_address_empty(centre: Centre) -> None:
    centre.rolled_over()

    for label in ("mail-g1", "document-g1", "mail-g2"):
        assert base_number(centre.list_of(label, Kind.DELTA)) is not None
        freshest = centre.list_of(label).extensions.get_extension_for_class(x509.FreshestCRL).value
        (point,) = freshest
        assert point.full_name
        assert point.full_name[0].value.endswith(f"/{label}-delta.crl")
    with centre.database.reading() as session:
        rows = session.query(Issuer.label, Issuer.crl_number).all()
    assert {row.label: row.crl_number for row in rows}["mail-g2"] == 2

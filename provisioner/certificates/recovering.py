"""Recovering the books after a restore from an old backup: nothing that was signed stays unknown.

The signer's journal, the newest revocation list beside it and the directory are the witnesses. The
signer refuses to work while the journal holds a signature that the books do not know; `recover` puts
those back, with their revocations, in one transaction. What belongs to no mailbox of the books any more
is revoked, never forgotten: somebody may hold its key (reliability C33, I4 and I7).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from sqlalchemy import select
from sqlalchemy.orm import Session

from ca.authority import der
from ca.crl import Reason, crl_number, read_crl
from ca.keys import public_key_of, spki_bytes, spki_fingerprint
from provisioner.audit import Change, Who, record
from provisioner.certificates.delegating import RESPONDER
from provisioner.certificates.finding import holder_of
from provisioner.certificates.journal import Entry, Journal
from provisioner.certificates.models import Certificate, Issuer, ResponderKey, State, is_live, is_open
from provisioner.certificates.revoked_authorities import said_by_roots
from provisioner.certificates.revoking import outweighs, tell, write_good, write_revoked
from provisioner.certificates.revoking_authorities import put_back
from provisioner.certificates.seen import Seen
from provisioner.db import Database, after_commit
from provisioner.errors import Conflict, NotFound, Text

CHUNK = 500

RECOVERY = "recovery"
"""Who has revoked what was put back as revoked."""


@dataclass
class Recovered:
    """What was put back: certificates, revocations and released holds; and what had to be revoked."""

    certificates: int = 0
    revocations: int = 0
    releases: int = 0
    strays: int = 0
    """Certificates of no mailbox in the books, revoked: import their owners' rosters before, if there are any."""
    keys_lost: int = 0
    """Certificates whose key was made here and not handed over when the books were lost, as far as is known."""
    leaves: int = 0
    """Leaves of the record that only the signer's disk had."""
    unread: int = 0
    """Values of the directory that cannot be read as certificates, so that they are none of ours."""


class Unbalanced(Conflict):
    """Books and journal do not tell the same: nothing is signed before a person has put that right."""


def require_balance(database: Database, journal: Journal) -> None:
    """Raise `Unbalanced` when the journal holds a signature that the books do not know, or lost some they know."""
    with database.reading() as session:
        issuer = _issuer(session, journal.label)
        size = journal.size()
        if size < issuer.journal_size:
            raise Unbalanced(
                Text(
                    vi=f"Nhật ký ký của {journal.label} ngắn hơn những gì cơ sở dữ liệu đã ghi nhận. Hãy khôi phục "
                    "nhật ký từ bản sao mới nhất; nếu không còn bản nào đủ thì chạy «provisioner ca recover "
                    "--journal-lost». Không ký gì cho tới lúc đó.",
                    en=f"The signing journal of {journal.label} is shorter than the books know it. Bring it back from "
                    "its newest copy or, if none is whole, run “provisioner ca recover --journal-lost”; nothing is "
                    "signed before.",
                ),
                code="journal-short",
            )
        unknown = [
            entry.serial for entry in _unknown(session, issuer, list(journal.read(issuer.journal_size)))
        ]
        unknown += _unrevoked(session, issuer, _newer_list(journal, issuer))
    if unknown:
        raise Unbalanced(
            Text(
                vi=f"Nhật ký ký của {journal.label} có {len(unknown)} chứng thư mà cơ sở dữ liệu không biết hoặc "
                "chưa biết là đã thu hồi: cơ sở dữ liệu đã được khôi phục từ bản cũ. Hãy chạy «provisioner ca "
                "recover»; không ký gì cho tới lúc đó.",
                en=f"The signing journal of {journal.label} and the list beside it tell of {len(unknown)} certificates "
                "that the books do not know, or not as revoked: the books came back from an old backup. Run "
                "“provisioner ca recover”; nothing is signed before.",
            ),
            code="recovery-needed",
        )


def recover(
    database: Database, journal: Journal, *, in_directory: Sequence[Seen] = (), who: Who, now: datetime
) -> Recovered:
    """Rebuild the books from the journal, the newest list and the directory.

    Runs twice without harm. Raises `Conflict` for a certificate of ours in the directory that the journal
    does not know, and for a serial number whose bytes differ: then somebody has signed past the signer.
    """
    done = Recovered()
    with database.transaction() as session:
        issuer = session.scalars(
            select(Issuer).where(Issuer.label == journal.label).with_for_update()
        ).one_or_none() or _issuer(session, journal.label)
        size = journal.size()
        entries = journal.by_serial()
        missing = _unknown(session, issuer, list(entries.values()))
        _require_known(session, issuer, {entry.serial for entry in missing}, in_directory)
        newer = _newer_list(journal, issuer)
        revoked = _told(newer)
        changed = _finish_reserved(session, issuer, entries)
        for entry in missing:
            if entry.purpose == RESPONDER:
                _put_responder_back(session, issuer, entry)
            else:
                changed.append(_put_back(session, issuer, entry, revoked.get(entry.serial), done, now))
        if newer is not None:
            changed += _take_the_lists_word(session, issuer, revoked, done)
            done.revocations += put_back(session, issuer, revoked, now=now)
            issuer.crl, issuer.crl_number = der(newer), crl_number(newer)
            issuer.crl_next_update = newer.next_update_utc
        issuer.journal_size = max(size, issuer.journal_size)
        issuer.revocations += 1  # a new list follows at once, with everything in it
        tell(session, changed)
        told = {name: value for name, value in vars(done).items() if value}
        record(session, who, [Change("authority.recovered", "issuer", issuer.label, after=told)], now=now)
        for bell in ("directory", "lists", "signing"):
            after_commit(session, bell)
    return done


def _issuer(session: Session, label: str) -> Issuer:
    issuer = session.scalars(select(Issuer).where(Issuer.label == label)).one_or_none()
    if issuer is None:
        raise NotFound(
            Text(vi=f"Không có CA {label}.", en=f"There is no authority {label}."), code="issuer-unknown"
        )
    return issuer


def _unknown(session: Session, issuer: Issuer, entries: Sequence[Entry]) -> list[Entry]:
    """Those that the books do not know. Raises `Conflict` where they know the serial with other bytes."""
    known: dict[str, bytes | None] = {
        row.serial: row.tbs
        for row in session.execute(
            select(ResponderKey.serial, ResponderKey.tbs).where(ResponderKey.issuer_id == issuer.id)
        )
    }
    for start in range(0, len(entries), CHUNK):
        serials = [entry.serial for entry in entries[start : start + CHUNK]]
        rows = session.execute(
            select(Certificate.serial, Certificate.tbs).where(
                Certificate.issuer_id == issuer.id, Certificate.serial.in_(serials)
            )
        )
        known |= {row.serial: row.tbs for row in rows if row.serial}
    for entry in entries:
        signed = x509.load_der_x509_certificate(entry.certificate)
        if entry.serial in known and known[entry.serial] != signed.tbs_certificate_bytes:
            raise _signed_past_us(issuer.label, entry.serial)
    return [entry for entry in entries if entry.serial not in known]


def _require_known(session: Session, issuer: Issuer, missing: set[str], in_directory: Sequence[Seen]) -> None:
    """Raise `Conflict` for a certificate of ours that neither the journal nor the books know."""
    name = x509.load_der_x509_certificate(issuer.certificate).subject
    known = missing | {
        serial
        for serial in session.scalars(select(Certificate.serial).where(Certificate.issuer_id == issuer.id))
        if serial
    }
    for each in in_directory:
        if each.issuer == name and each.serial not in known:
            raise _signed_past_us(issuer.label, each.serial)


def _signed_past_us(label: str, serial: str) -> Conflict:
    return Conflict(
        Text(
            vi=f"Chứng thư {serial} của {label} không khớp với nhật ký ký. Có thể khóa CA đã bị dùng ngoài máy ký: "
            "hãy dừng lại và điều tra.",
            en=f"The certificate {serial} of {label} does not agree with the signing journal. The authority's key may "
            "have been used outside the signer: stop and find out.",
        ),
        code="signed-past-the-journal",
    )


def _newer_list(journal: Journal, issuer: Issuer) -> x509.CertificateRevocationList | None:
    """The list beside the journal, if the books do not have it yet."""
    data = journal.newest_list()
    if data is None:
        return None
    crl = read_crl(data, issuer=x509.load_der_x509_certificate(issuer.certificate))
    return crl if crl_number(crl) > issuer.crl_number else None


def _told(crl: x509.CertificateRevocationList | None) -> dict[str, tuple[datetime, Reason]]:
    """What a list says: serial to the moment and the reason."""
    told: dict[str, tuple[datetime, Reason]] = {}
    for entry in crl or ():
        reasons = [e.value.reason for e in entry.extensions if isinstance(e.value, x509.CRLReason)]
        reason = reasons[0] if reasons else Reason.unspecified
        told[f"{entry.serial_number:x}"] = (entry.revocation_date_utc, reason)
    return told


def _unrevoked(session: Session, issuer: Issuer, newer: x509.CertificateRevocationList | None) -> list[str]:
    """Serials on a list that the books lack, which they do not know as revoked; a hold may have been taken back."""
    if newer is None:
        return []
    revoked = set(
        session.scalars(
            select(Certificate.serial).where(
                Certificate.issuer_id == issuer.id, Certificate.revoked_at.is_not(None)
            )
        )
    )
    told = _told(newer)
    revoked |= {serial for label, serial in said_by_roots(session) if label == issuer.label}
    return [
        s for s, (_, reason) in told.items() if s not in revoked and reason is not Reason.certificate_hold
    ]


def _finish_reserved(session: Session, issuer: Issuer, entries: Mapping[str, Entry]) -> list[Certificate]:
    """Reserved in the backup and signed after it: the bytes are the same, so it is simply issued."""
    reserved = select(Certificate).where(
        Certificate.issuer_id == issuer.id, is_open(), Certificate.state == State.RESERVED
    )
    signed = [row for row in session.scalars(reserved.order_by(Certificate.id)) if row.serial in entries]
    for row in signed:
        entry = entries[row.serial or ""]
        row.state, row.der, row.issued_at = State.ISSUED, entry.certificate, entry.at
        row.lease_until = row.trouble = row.trouble_detail = None
    return signed


def _put_responder_back(session: Session, issuer: Issuer, entry: Entry) -> None:
    """A responder whose key went with the books: it is known, and the next one is made by the clock."""
    certificate = x509.load_der_x509_certificate(entry.certificate)
    session.add(
        ResponderKey(
            issuer_id=issuer.id,
            serial=entry.serial,
            tbs=certificate.tbs_certificate_bytes,
            public_key=spki_bytes(public_key_of(certificate)),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            certificate=entry.certificate,
        )
    )


def _put_back(
    session: Session,
    issuer: Issuer,
    entry: Entry,
    revoked: tuple[datetime, Reason] | None,
    done: Recovered,
    now: datetime,
) -> Certificate:
    certificate = x509.load_der_x509_certificate(entry.certificate)
    mailbox_id = holder_of(session, certificate)
    if mailbox_id is None and revoked is None:
        revoked = (now, Reason.cessation_of_operation)
        done.strays += 1
    row = _open_order(session, mailbox_id, entry)
    earlier = _predecessor(session, mailbox_id, entry) if row is None and revoked is None else None
    if row is None:
        row = Certificate(mailbox_id=mailbox_id, ordered_at=entry.at, ordered_by=entry.ordered_by)
        session.add(row)
    public_key = public_key_of(certificate)
    row.purpose, row.profile, row.state = entry.purpose, entry.profile, State.ISSUED
    row.issuer_id, row.serial, row.key_sealed = issuer.id, entry.serial, None
    row.tbs, row.der = certificate.tbs_certificate_bytes, entry.certificate
    row.public_key, row.key_fingerprint = spki_bytes(public_key), spki_fingerprint(public_key)
    row.key_by_owner = entry.key_by_owner
    row.not_before, row.not_after = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    row.reserved_at = row.issued_at = entry.at
    row.lease_until = row.trouble = row.trouble_detail = None
    if revoked is not None:
        write_revoked(row, revoked[1], since=revoked[0], by=RECOVERY)
        done.revocations += 1
    elif not entry.key_by_owner:
        done.keys_lost += 1
    if earlier is not None:
        row.replaces_id = earlier.id
    done.certificates += 1
    session.flush()  # the next entry may be this one's successor and has to find it
    return row


def _open_order(session: Session, mailbox_id: int | None, entry: Entry) -> Certificate | None:
    """The order that this certificate fulfilled, if the backup had it."""
    return session.scalars(
        select(Certificate).where(
            Certificate.mailbox_id == mailbox_id,
            Certificate.purpose == entry.purpose,
            Certificate.state == State.ORDERED,
        )
    ).one_or_none()


def _predecessor(session: Session, mailbox_id: int | None, entry: Entry) -> Certificate | None:
    """The certificate whose place this one took; it makes room."""
    live = session.scalars(
        select(Certificate).where(
            Certificate.mailbox_id == mailbox_id,
            Certificate.purpose == entry.purpose,
            is_live(),
        )
    ).one_or_none()
    if live is not None:
        live.replaced_at = entry.at
        session.flush()  # its place has to be free before another takes it
    return live


def _take_the_lists_word(
    session: Session, issuer: Issuer, revoked: Mapping[str, tuple[datetime, Reason]], done: Recovered
) -> list[Certificate]:
    """Make certificates revoked or good as a newer list has them: those the books know as live, and their holds."""
    known = session.execute(
        select(Certificate.id, Certificate.serial, Certificate.revocation_reason)
        .where(Certificate.issuer_id == issuer.id, Certificate.state == State.ISSUED)
        .order_by(Certificate.id)
    ).all()
    changed: list[Certificate] = []
    for certificate_id, serial, reason in known:
        since, told = revoked.get(serial or "", (None, None))
        if since is not None and told is not None and outweighs(told, reason):
            row = session.get_one(Certificate, certificate_id)
            write_revoked(row, told, since=since, by=RECOVERY)
            done.revocations += 1
        elif told is None and reason == Reason.certificate_hold.value:
            row = session.get_one(Certificate, certificate_id)
            write_good(row)
            done.releases += 1
        else:
            continue
        changed.append(row)
    return changed

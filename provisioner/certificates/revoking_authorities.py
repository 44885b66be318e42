"""Revoking an issuing authority: its root says so when two people agree, and everything below it falls.

    plan      one person says which, for which reason, and why
    approve   a second one agrees: from then on it takes no order, and its root's list is due
    fall      a worker revokes every certificate below it, killed and run again as it may be
    reissue   whoever lost a certificate gets another from the next generation

A verifier that reads the root's list trusts nothing below the authority any more, but many ask only about the
certificate in their hands. So each of them is revoked too, without a cap, since none is worth anything. The
directory, coverage, the owners' pages, the answers and the authority's own lists then say what is true and
need not know of authorities; notices of an approaching end fall away. No letter goes out about it: owners hear
of it with the next certificate. While its key is there the authority goes on signing lists and certifying
responders, and no subscriber.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from sqlalchemy import ColumnElement, exists, func, insert, select
from sqlalchemy.orm import Session, aliased

from ca.crl import Reason
from ca.hierarchy import ROOT
from ca.log import revoked
from ca.profiles import Profile
from provisioner.audit import Change, Who, record
from provisioner.certificates.models import Certificate, Issuer, State, is_good_or_held, is_live
from provisioner.certificates.recording import note
from provisioner.certificates.revoked_authorities import (
    AuthorityRevocation,
    is_falling,
    revocation_of,
    said_by_roots,
)
from provisioner.certificates.revoking import revoke
from provisioner.db import Database, after_commit, table_of
from provisioner.errors import Conflict, Forbidden, Invalid, NotFound, Text
from provisioner.mailboxes.models import Mailbox

REASONS: Final = (
    Reason.ca_compromise,
    Reason.affiliation_changed,
    Reason.superseded,
    Reason.cessation_of_operation,
)
"""For an authority (RFC 5280 5.3.1, SBR 7.2.2); it is never on hold."""

CHUNK: Final = 500
"""Certificates that fall in one transaction."""


@dataclass(frozen=True, slots=True)
class Planned:
    """What a second person is asked to agree to."""

    label: str
    digest: str
    below: int
    """Certificates that are good today and would fall."""


def plan(session: Session, label: str, *, reason: Reason, note: str, by: str, now: datetime) -> Planned:
    """Propose to revoke the authority of this label; what was proposed for it before is forgotten.

    Raises `NotFound` for the label, `Conflict` for a root and for one that is revoked, `Invalid` for a reason
    that no authority is revoked for and without a note.
    """
    issuer = _issuing(session, label)
    if reason not in REASONS or not note.strip():
        raise Invalid(
            Text(
                vi="Kế hoạch thu hồi CA cần một lý do dành cho CA và căn cứ.",
                en="A plan to revoke an authority needs a reason that is for authorities, and a note that says why.",
            ),
            code="plan-empty",
        )
    row = session.get(AuthorityRevocation, issuer.id, with_for_update=True)
    if row is None:
        row = AuthorityRevocation(issuer_id=issuer.id)
        session.add(row)
    elif row.approved_at is not None:
        raise Conflict(
            Text(
                vi=f"CA {label} đã bị thu hồi với lý do {row.reason}.",
                en=f"The authority {label} is revoked already, for {row.reason}.",
            ),
            code="revoked-already",
        )
    row.reason, row.note, row.planned_by, row.planned_at = reason.value, note.strip(), by, now
    planned = Planned(label, digest_of(issuer, row), _count_below(session, issuer, now))
    after = {"reason": row.reason, "certificates": planned.below, "digest": planned.digest}
    record(session, Who(by), [Change("authority.revocation-planned", "issuer", label, after=after)], now=now)
    return planned


def approve(session: Session, label: str, *, digest: str, by: str, within: timedelta, now: datetime) -> None:
    """Agree to exactly the plan with this digest, so long after it was proposed at most: the authority is revoked.

    Agreed to before, nothing changes. Raises `NotFound` for the label or when nobody proposed it, `Conflict` for a
    root, another digest or a plan that has lapsed, and `Forbidden` for whoever proposed it.
    """
    issuer = _issuing(session, label)
    row = session.get(AuthorityRevocation, issuer.id, with_for_update=True)
    if row is None:
        raise NotFound(
            Text(vi=f"Chưa ai đề nghị thu hồi CA {label}.", en=f"Nobody has proposed to revoke {label}."),
            code="plan-unknown",
        )
    if digest != digest_of(issuer, row):
        raise Conflict(
            Text(
                vi=f"Mã tóm lược không khớp với kế hoạch thu hồi CA {label}; hãy xem lại rồi phê duyệt.",
                en=f"The digest is not the one of the plan to revoke {label}; look at it again and approve what you "
                "saw.",
            ),
            code="digest-differs",
        )
    if row.approved_at is not None:
        return
    if by == row.planned_by:
        raise Forbidden(
            Text(
                vi="Người đề nghị thu hồi CA không được tự phê duyệt; cần một người khác.",
                en="Whoever proposed to revoke the authority cannot agree to it; a second person must.",
            ),
            code="two-people",
        )
    if row.planned_at + within <= now:
        raise Conflict(
            Text(
                vi=f"Đề nghị thu hồi CA {label} đã quá {within.days} ngày không ai phê duyệt nên hết hiệu lực; nếu vẫn "
                "cần thu hồi thì hãy đề nghị lại.",
                en=f"Nobody approved the revocation of {label} within {within.days} days, so it has lapsed; propose it "
                "again if it still has to be revoked.",
            ),
            code="plan-lapsed",
        )
    row.approved_by, row.approved_at = by, now
    root = session.get_one(Issuer, issuer.parent_id, with_for_update=True)
    root.revocations += 1
    after = {"reason": row.reason, "digest": digest, "by_list_of": root.label}
    record(session, Who(by), [Change("authority.revoked", "issuer", label, after=after)], now=now)
    note(session, [revoked(revocation_of(issuer.certificate, row), issuer=root.label, at=now)])
    after_commit(session, "revocations")


def root_above(session: Session, label: str) -> str:
    """The label of the root whose list can revoke this authority. Raises as `plan` does."""
    return session.get_one(Issuer, _issuing(session, label).parent_id).label


def digest_of(issuer: Issuer, row: AuthorityRevocation) -> str:
    """SHA-256 over which authority, for which reason, why and who proposed it."""
    told = {
        "certificate": hashlib.sha256(issuer.certificate).hexdigest(),
        "reason": row.reason,
        "note": row.note,
        "by": row.planned_by,
    }
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def fall(database: Database, *, profiles: Mapping[str, Profile], clock: Callable[[], datetime]) -> int:
    """Revoke what is still good below the revoked authorities; how many."""
    count = 0
    while (done := _fall_some(database, profiles, clock())) is not None:
        count += done
    return count


def _fall_some(database: Database, profiles: Mapping[str, Profile], now: datetime) -> int | None:
    """One transaction's worth; None when nothing is left."""
    with database.transaction() as session:
        # Locked before anything is counted: a signer that records meanwhile takes `fallen_at` away after this.
        row = session.scalars(
            select(AuthorityRevocation)
            .where(is_falling())
            .order_by(AuthorityRevocation.issuer_id)
            .limit(1)
            .with_for_update()
        ).one_or_none()
        if row is None:
            return None
        issuer = session.get_one(Issuer, row.issuer_id)
        ids = session.scalars(
            select(Certificate.id).where(*_good_below(issuer, now)).order_by(Certificate.id).limit(CHUNK)
        ).all()
        who = Who(_actor(issuer.label), on_behalf_of=row.planned_by)
        if not ids:
            row.fallen_at = now
            record(session, who, [Change("authority.fallen", "issuer", issuer.label)], now=now)
            return 0
        reason = _reason_below(Reason(row.reason))
        refused = revoke(session, dict.fromkeys(ids, reason), who=who, profiles=profiles, now=now)
        return len(ids) - len(refused)  # refused is what somebody else revoked in the same moment


@dataclass(frozen=True, slots=True)
class Reissued:
    """How many were ordered, and how many only their owners can ask for: they made their keys themselves."""

    ordered: int
    by_owners: int


def reissue(session: Session, label: str, *, who: Who, now: datetime) -> Reissued:
    """Order another certificate for every mailbox that lost one with this authority and has none since.

    The orders wait until there is a next generation. Raises `NotFound` for the label, and `Conflict` while the
    authority is not revoked or certificates below it are still to fall.
    """
    issuer = _issuing(session, label)
    row = session.get(AuthorityRevocation, issuer.id)
    if row is None or row.fallen_at is None:
        raise Conflict(
            Text(
                vi=f"CA {label} chưa bị thu hồi, hoặc còn chứng thư đang được thu hồi theo nó.",
                en=f"The authority {label} is not revoked, or certificates are still being revoked with it.",
            ),
            code="not-fallen",
        )
    fallen = _lost(session, issuer)
    ours = [each for each in fallen if not each.key_by_owner]
    if ours:
        rows = [
            {
                "mailbox_id": each.mailbox_id,
                "purpose": each.purpose,
                "profile": each.profile,
                "state": State.ORDERED,
                "ordered_at": now,
                "ordered_by": who.actor,
                "replaces_id": each.id,
            }
            for each in ours
        ]
        session.execute(insert(table_of(Certificate)), rows)
        after_commit(session, "signing")
    changes = [
        Change("certificate.renewal-ordered", "certificate", str(each.id), after={"lost_with": label})
        for each in ours
    ]
    record(session, who, changes, now=now)
    return Reissued(len(ours), len(fallen) - len(ours))


def put_back(
    session: Session, root: Issuer, told: Mapping[str, tuple[datetime, Reason]], *, now: datetime
) -> int:
    """After a restore: revoke again what this root's list or the record tells of, by serial number; how many.

    The record is told of it by whoever recovers it.
    """
    known = said_by_roots(session)
    count = 0
    for issuer in session.scalars(select(Issuer).where(Issuer.parent_id == root.id).order_by(Issuer.id)):
        serial = f"{x509.load_der_x509_certificate(issuer.certificate).serial_number:x}"
        if serial not in told or (root.label, serial) in known:
            continue
        at, reason = told[serial]
        row = session.get(AuthorityRevocation, issuer.id)
        if row is None:
            row = AuthorityRevocation(
                issuer_id=issuer.id, note="restored", planned_by="record", planned_at=now
            )
            session.add(row)
        row.reason, row.approved_by, row.approved_at, row.fallen_at = reason.value, "recovery", at, None
        root.revocations += 1
        count += 1
    if count:
        after_commit(session, "revocations")
    return count


def _issuing(session: Session, label: str) -> Issuer:
    issuer = session.scalars(select(Issuer).where(Issuer.label == label)).one_or_none()
    if issuer is None:
        raise NotFound(
            Text(vi=f"Không có CA {label}.", en=f"There is no authority {label}."), code="issuer-unknown"
        )
    if issuer.name == ROOT or issuer.parent_id is None:
        raise Conflict(
            Text(
                vi=f"{label} là CA gốc: không danh sách nào thu hồi được nó. Hãy gỡ nó khỏi nơi người dùng tin cậy.",
                en=f"{label} is a root, and no list can revoke a root: have it taken out of everybody's trust stores.",
            ),
            code="root-not-revocable",
        )
    return issuer


def _reason_below(reason: Reason) -> Reason:
    """The reason of those that fall: nothing is wrong with their keys or names, another has to take their place."""
    return reason if reason is Reason.cessation_of_operation else Reason.superseded


def _actor(label: str) -> str:
    """Who revoked what fell with this authority."""
    return f"authority:{label}"


def _good_below(issuer: Issuer, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Issued by this authority, not expired, and not revoked for good."""
    return (
        Certificate.issuer_id == issuer.id,
        Certificate.not_after > now,
        is_good_or_held(),
    )


def _count_below(session: Session, issuer: Issuer, now: datetime) -> int:
    return session.scalar(select(func.count()).where(*_good_below(issuer, now))) or 0


def _lost(session: Session, issuer: Issuer) -> Sequence[Certificate]:
    """What fell with this authority and has no successor, of mailboxes that are open."""
    other = aliased(Certificate)
    another = exists().where(
        other.mailbox_id == Certificate.mailbox_id,
        other.purpose == Certificate.purpose,
        is_live(other),
    )
    return session.scalars(
        select(Certificate)
        .join(Mailbox, Mailbox.id == Certificate.mailbox_id)
        .where(
            Certificate.issuer_id == issuer.id,
            Certificate.revoked_by == _actor(issuer.label),
            Certificate.replaced_at.is_(None),
            Mailbox.closed_at.is_(None),
            ~another,
        )
        .order_by(Certificate.id)
    ).all()

"""Revoking certificates, on sets: in the books at once, in the list and out of the directory by their bells.

The reasons are those of RFC 5280 5.3.1 that a subscriber's certificate may have (SBR 7.2.2, Decree
68/2024 art. 17):

    keyCompromise         the key is lost, stolen, or suspected to be
    affiliationChanged    the subject's name, agency or post is another than in the certificate
    superseded            a new certificate has taken its place
    cessationOfOperation  the owner retired, left, died; the agency was dissolved; the mailbox is closed
    certificateHold       for the time being; taken back by `release`
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from ca.crl import Reason
from ca.profiles import Profile
from provisioner.audit import Change, Who, count_deeds, record
from provisioner.certificates.models import Certificate, Issuer, PresignedAnswer, State, is_live
from provisioner.certificates.ordering import stand_again
from provisioner.certificates.recording import note_changes
from provisioner.db import after_commit
from provisioner.errors import Conflict, Forbidden, Invalid, Text
from provisioner.mailboxes.opening import touch

REASONS: Final = (
    Reason.key_compromise,
    Reason.affiliation_changed,
    Reason.superseded,
    Reason.cessation_of_operation,
    Reason.certificate_hold,
)

HOUR = timedelta(hours=1)

REVOKED: Final = "certificate.revoked"


def revoke_one(
    session: Session,
    certificate_id: int,
    *,
    reason: Reason,
    who: Who,
    profiles: Mapping[str, Profile],
    per_hour: int,
    now: datetime,
) -> None:
    """Revoke one certificate, as one person may: at most `per_hour` in an hour (reliability T30).

    Raises `Forbidden` past that, for the caller's transaction to end without it; `Conflict` when the certificate
    cannot be revoked, `Invalid` for a reason that its profile does not allow.
    """
    # Whichever authority it is of, the oldest one's row is locked: of two at once the later one counts the other's.
    session.execute(select(Issuer.id).order_by(Issuer.id).limit(1).with_for_update(key_share=True))
    refused = revoke(session, {certificate_id: reason}, who=who, profiles=profiles, now=now)
    if certificate_id in refused:
        raise refused[certificate_id]
    if count_deeds(session, who.actor, REVOKED, since=now - HOUR) > per_hour:
        raise Forbidden(
            Text(
                vi=f"{who.actor} đã thu hồi {per_hour} chứng thư trong một giờ qua; thu hồi nhiều hơn cần hai "
                "người: «provisioner revocations plan».",
                en=f"{who.actor} has revoked {per_hour} certificates within an hour; more than that takes two "
                "people: “provisioner revocations plan”.",
            ),
            code="revocations-too-many",
        )


def revoke(
    session: Session,
    wanted: Mapping[int, Reason],
    *,
    who: Who,
    profiles: Mapping[str, Profile],
    now: datetime,
) -> dict[int, Conflict | Invalid]:
    """Revoke these certificates, each for its reason; what could not be, and why, by id.

    Revoked before for the same reason is done. A hold may become final, and any reason a key's compromise:
    the date of the first revocation stays, because signatures are doubtful since then.
    """
    rows = session.scalars(
        select(Certificate).where(Certificate.id.in_(wanted)).order_by(Certificate.id).with_for_update()
    ).all()
    refused: dict[int, Conflict | Invalid] = {}
    changed: list[Certificate] = []
    changes: list[Change] = []
    for row in rows:
        reason = wanted[row.id]
        if row.revocation_reason == reason.value:
            continue
        if (why := _refusal(row, reason, profiles, now)) is not None:
            refused[row.id] = why
            continue
        before = {"reason": row.revocation_reason} if row.revoked_at else None
        write_revoked(row, reason, since=row.revoked_at or now, by=who.actor)
        changed.append(row)
        after = {"serial": row.serial, "reason": reason.value, "since": row.revoked_at}
        changes.append(Change(REVOKED, "certificate", str(row.id), before=before, after=after))
    record(session, who, changes, now=now)
    # What one of them was to take the place of is its owner's again, unless it was ended by the hand-over.
    stand_again(session, [row.id for row in changed], now=now)
    note_changes(session, changed, now=now)
    tell(session, changed)
    return refused


def release(session: Session, certificate_id: int, *, who: Who, now: datetime) -> None:
    """Take a hold back. Raises `Conflict` when it is not on hold, or when its owner has another one by now."""
    row = session.get_one(Certificate, certificate_id, with_for_update=True)
    if row.revocation_reason != Reason.certificate_hold.value:
        raise Conflict(
            Text(
                vi=f"Chứng thư {row.serial} không bị tạm dừng; thu hồi thì không hủy được.",
                en=f"The certificate {row.serial} is not on hold; a revocation cannot be taken back.",
            ),
            code="not-on-hold",
        )
    if row.replaced_at is None:
        _make_room(session, row, now=now)
    before = {"reason": row.revocation_reason, "since": row.revoked_at}
    write_good(row)
    change = Change(
        "certificate.released", "certificate", str(row.id), before=before, after={"serial": row.serial}
    )
    record(session, who, [change], now=now)
    note_changes(session, [row], now=now)
    tell(session, [row])


def _make_room(session: Session, row: Certificate, *, now: datetime) -> None:
    """What stood again while this one was on hold is followed by it again. Raises `Conflict` for one that came later."""
    other = session.scalars(
        select(Certificate)
        .where(
            Certificate.mailbox_id == row.mailbox_id,
            Certificate.purpose == row.purpose,
            Certificate.id != row.id,
            is_live(),
        )
        .with_for_update()
    ).one_or_none()
    if other is None:
        return
    if other.id > row.id:
        raise Conflict(
            Text(
                vi=f"Chủ của chứng thư {row.serial} đã có chứng thư khác.",
                en=f"The owner of the certificate {row.serial} has another one by now.",
            ),
            code="another-is-live",
        )
    other.replaced_at = now
    session.flush()  # the earlier one has to make room first


def _refusal(
    row: Certificate, reason: Reason, profiles: Mapping[str, Profile], now: datetime
) -> Conflict | Invalid | None:
    if row.state is not State.ISSUED or row.not_after is None:
        return Conflict(
            Text(
                vi=f"Yêu cầu {row.id} chưa được cấp chứng thư nên không có gì để thu hồi.",
                en=f"The order {row.id} has no certificate yet, so there is nothing to revoke.",
            ),
            code="not-issued",
        )
    if row.not_after <= now:
        return Conflict(
            Text(vi=f"Chứng thư {row.serial} đã hết hạn.", en=f"The certificate {row.serial} has expired."),
            code="expired",
        )
    held = row.revocation_reason == Reason.certificate_hold.value
    if row.revoked_at is not None and not held and reason is not Reason.key_compromise:
        return Conflict(
            Text(
                vi=f"Chứng thư {row.serial} đã bị thu hồi với lý do {row.revocation_reason}.",
                en=f"The certificate {row.serial} is revoked already, for {row.revocation_reason}.",
            ),
            code="revoked-already",
        )
    may_hold = row.profile in profiles and profiles[row.profile].allows_hold
    if reason not in REASONS or (reason is Reason.certificate_hold and not may_hold):
        return Invalid(
            Text(
                vi=f"Lý do {reason.value} không dùng được cho mẫu chứng thư {row.profile}.",
                en=f"The reason {reason.value} is not for certificates of the profile {row.profile}.",
            ),
            code="reason-not-allowed",
        )
    return None


def write_revoked(row: Certificate, reason: Reason, *, since: datetime, by: str) -> None:
    """Write that this certificate is revoked, or on hold; whoever writes it has to `tell`."""
    row.revoked_at, row.revocation_reason, row.revoked_by = since, reason.value, by
    if reason is not Reason.certificate_hold:
        row.key_sealed = None  # a key that nobody may use any more is not kept


def write_good(row: Certificate) -> None:
    """Write that this certificate is not on hold any more; whoever writes it has to `tell`."""
    row.revoked_at = row.revocation_reason = row.revoked_by = None


def outweighs(told: Reason, known: str | None) -> bool:
    """Whether what a list or the record tells of a certificate counts for more than what the books know.

    A revocation is never made a hold again, and a key's compromise never anything else.
    """
    if known is None or known == Reason.certificate_hold.value:
        return told.value != known
    return told is not Reason.certificate_hold and known not in {told.value, Reason.key_compromise.value}


def tell(session: Session, changed: Sequence[Certificate]) -> None:
    """Everyone who shows these certificates is due: the directory, and the list within a minute."""
    if not changed:
        return
    touch(session, sorted({row.mailbox_id for row in changed if row.mailbox_id is not None}))
    # In the same transaction: no answer that was signed before outlives what it says.
    session.execute(
        delete(PresignedAnswer)
        .where(PresignedAnswer.certificate_id.in_([row.id for row in changed]))
        .execution_options(synchronize_session=False)
    )
    _raise_revocations(session, {row.issuer_id for row in changed if row.issuer_id is not None})
    after_commit(session, "directory")
    after_commit(session, "lists")
    after_commit(session, "answers")


def _raise_revocations(session: Session, issuer_ids: Collection[int]) -> None:
    session.execute(
        update(Issuer)
        .where(Issuer.id.in_(issuer_ids))
        .values(revocations=Issuer.revocations + 1)
        .execution_options(synchronize_session=False)
    )

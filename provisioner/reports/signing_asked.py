"""Having a report signed: the web asks and fetches, the signer signs; only it reaches a key."""

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.audit import Change, Who, record
from provisioner.db import Database, after_commit
from provisioner.errors import Conflict, Forbidden, NotFound, ProvisionerError, Text
from provisioner.operators.roles import Right
from provisioner.operators.standing import Part, lost_standing
from provisioner.reports.models import SignedReport
from provisioner.troubles import kept

BELL = "reports"

Sign = Callable[[bytes, str], bytes]
"""Puts one signature on a PDF; the second argument is the place that it names. Raises `ProvisionerError`."""


def ask_for_signature(
    session: Session, pdf: bytes, *, title: str, place: str, who: Who, now: datetime
) -> SignedReport:
    """Keep this document to be signed in the province's name, and ring for the signer.

    The very same document is not signed twice: whoever asks again gets the one there is. While it is not signed
    it is theirs from now on, because whoever asked first may have been shut out meanwhile.
    """
    digest = sha256(pdf).hexdigest()
    known = session.scalars(
        select(SignedReport).where(SignedReport.digest == digest).with_for_update()
    ).one_or_none()
    if known is not None and known.signed_at is not None:
        return known
    asked = known or SignedReport(title=title, place=place, document=pdf, digest=digest)
    asked.asked_by, asked.asked_at = who.actor, now
    asked.trouble = asked.trouble_detail = None
    session.add(asked)
    after = {"title": title}
    record(session, who, [Change("report.asked", "signed_report", digest, after=after)], now=now)
    after_commit(session, BELL)
    return asked


def sign_asked(database: Database, sign: Sign, *, who: Who, clock: Callable[[], datetime]) -> int:
    """Sign what was asked for, oldest first; how many.

    A document that cannot be signed, or whose asker may not ask any more, says why on its row, stops no other,
    and is tried again at the next call. Signing one twice is harmless: only the first signature that is recorded counts.
    """
    with database.reading() as session:
        waiting = session.scalars(
            select(SignedReport.id).where(SignedReport.signed_at.is_(None)).order_by(SignedReport.id)
        ).all()
    done = 0
    for report_id in waiting:
        with database.reading() as session:
            pdf, digest, place, asker = session.execute(
                select(
                    SignedReport.document, SignedReport.digest, SignedReport.place, SignedReport.asked_by
                ).where(SignedReport.id == report_id)
            ).one()
            lost = lost_standing(session, [Part(asker, Right.SIGN)], now=clock())
        signed: bytes | None = None
        trouble: ProvisionerError | None = None
        try:
            _require_standing(lost)
            _require_unchanged(pdf, digest)
            signed = sign(pdf, place)
        except ProvisionerError as error:
            trouble = error
        with database.transaction() as session:
            done += _note(session, report_id, signed, trouble, who=who, now=clock())
    return done


def fetch(session: Session, digest: str) -> bytes:
    """The signed document. Raises `NotFound` where there is none, and `Conflict` while it is not signed."""
    report = session.scalars(select(SignedReport).where(SignedReport.digest == digest)).one_or_none()
    if report is None:
        raise NotFound(Text(vi="Không có báo cáo này.", en="There is no such report."), code="report-unknown")
    if report.signed is None:
        raise Conflict(
            Text(vi="Báo cáo này chưa được ký.", en="This report is not signed yet."), code="report-unsigned"
        )
    return report.signed


def _require_standing(lost: Mapping[str, str] | None) -> None:
    if lost is not None:
        raise Forbidden(Text(vi=lost["vi"], en=lost["en"]), code=lost["code"])


def _require_unchanged(pdf: bytes, digest: str) -> None:
    if sha256(pdf).hexdigest() != digest:
        raise Conflict(
            Text(
                vi="Tệp đã khác với lúc yêu cầu ký; không ký.",
                en="The file is not the one that was asked for; it is not signed.",
            ),
            code="report-changed",
        )


def _note(
    session: Session,
    report_id: int,
    signed: bytes | None,
    trouble: ProvisionerError | None,
    *,
    who: Who,
    now: datetime,
) -> int:
    """Write down what came of it, unless another signer was first; 1 when it was signed."""
    report = session.get(SignedReport, report_id, with_for_update=True)
    if report is None or report.signed_at is not None:
        return 0
    if trouble is not None:
        for name, value in kept(trouble).items():
            setattr(report, name, value)
        return 0
    report.signed, report.signed_at = signed, now
    report.trouble = report.trouble_detail = None
    after = {"title": report.title, "sha256": sha256(signed or b"").hexdigest()}
    record(session, who, [Change("report.signed", "signed_report", report.digest, after=after)], now=now)
    return 1

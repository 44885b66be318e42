"""Scans of letters: what one may be, and keeping one whose form comes back, because no browser attaches it again."""

from datetime import datetime, timedelta
from typing import Final, TypeAlias
from uuid import uuid4

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from provisioner.errors import Invalid, Text
from provisioner.people.sealing import Sealer
from provisioner.requests.models import KeptScan

Scan: TypeAlias = tuple[str, bytes]
"""Name and content of a scanned letter."""

LARGEST: Final = 10 * 1024 * 1024
LONGEST_NAME: Final = 255

KEPT: Final = timedelta(days=1)
"""How long one is kept for a form that is not finished."""


def check(scan: Scan) -> None:
    """Raises `Invalid` for anything but a PDF of at most 10 MB."""
    _name, content = scan
    if not content.startswith(b"%PDF-"):
        raise _wrong("Tệp đính kèm phải là PDF.", "The attachment has to be a PDF.")
    if len(content) > LARGEST:
        raise _wrong("Tệp đính kèm lớn quá 10 MB.", "The attachment is larger than 10 MB.")


def keep(session: Session, scan: Scan, sealer: Sealer, *, by: str, now: datetime) -> str:
    """Keep it for whoever sent it; by what to ask for it again. Those whose day is over go. Raises `Invalid`, as `check`."""
    check(scan)
    name, content = scan
    session.execute(delete(KeptScan).where(KeptScan.kept_at <= now - KEPT))
    uid = uuid4().hex
    sealed = sealer.seal_bytes(content, context=scan_context(uid))
    session.add(KeptScan(uid=uid, by=by, name=name[:LONGEST_NAME], content_sealed=sealed, kept_at=now))
    return uid


def kept(session: Session, uid: str, sealer: Sealer, *, by: str, now: datetime) -> Scan:
    """The scan that this person sent before. Raises `Invalid` when it is not there any more."""
    found = session.scalar(
        select(KeptScan).where(KeptScan.uid == uid, KeptScan.by == by, KeptScan.kept_at > now - KEPT)
    )
    if found is None:
        raise _wrong(
            "Tệp đính kèm chỉ được giữ trong một ngày; hãy đính kèm lại.",
            "What was attached is kept for a day only; attach it again.",
        )
    return found.name, sealer.unseal_bytes(found.content_sealed, context=scan_context(uid))


def drop(session: Session, uid: str, *, by: str) -> None:
    """Its form was kept, and the letter with it."""
    session.execute(delete(KeptScan).where(KeptScan.uid == uid, KeptScan.by == by))


def scan_context(uid: str) -> str:
    """What a sealed scan is bound to."""
    return f"requests.scan:{uid}"


def _wrong(vi: str, en: str) -> Invalid:
    return Invalid(Text(vi=vi, en=en), code="request-scan")

"""Certificates of other authorities, recorded beside our own: whose they are, and how their life goes on.

The legally relevant signature of an office is that of the Government Cipher Committee (Law 20/2023/QH15
art. 22, Decree 68/2024), whose keys are made elsewhere: here they are imported, matched to their holders and
counted, apart from ours.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from provisioner.agencies.register import id_of
from provisioner.audit import Change, Who, record
from provisioner.certificates.foreign_matching import match
from provisioner.certificates.foreign_reading import Found, Unread
from provisioner.certificates.models import ForeignCertificate, Match
from provisioner.days import beginning_of, day_of
from provisioner.db import table_of
from provisioner.errors import NotFound, Text
from provisioner.people.models import Person, Post

_TOLD_LATER: Final = ("der", "mail", "code", "device")
"""What one file may lack and another tell: a certificate does not say what its key is on, a list has no DER."""


@dataclass
class Imported:
    """How many were new, known before, of these told more of, ours all along; how the new ones matched; what could not be read."""

    new: int = 0
    known: int = 0
    completed: int = 0
    ours: int = 0
    matches: Counter[Match] = field(default_factory=Counter)
    unread: list[Unread] = field(default_factory=list)


def import_foreign(
    session: Session, read: list[Found | Unread], *, our_issuers: frozenset[str], who: Who, now: datetime
) -> Imported:
    """Record what is new of these, and of the known what was empty; importing the same file again changes nothing.

    `our_issuers` are the names (RFC 4514) of our own authorities: what they issued is in the books already.
    """
    done = Imported(unread=[each for each in read if isinstance(each, Unread)])
    found = {(each.issuer, each.serial): each for each in read if isinstance(each, Found)}
    for key in [key for key in found if key[0] in our_issuers]:
        del found[key]
        done.ours += 1
    known = {
        (row.issuer, row.serial)
        for row in session.execute(
            select(ForeignCertificate.issuer, ForeignCertificate.serial).where(
                ForeignCertificate.issuer.in_({issuer for issuer, _ in found})
            )
        )
    }
    fresh = [each for key, each in found.items() if key not in known]
    done.known, done.new = len(found) - len(fresh), len(fresh)
    done.completed = _complete(session, found)
    for each, matched in zip(fresh, match(session, fresh), strict=True):
        done.matches[matched.match] += 1
        session.add(
            ForeignCertificate(
                issuer=each.issuer,
                serial=each.serial,
                der=each.der,
                name=each.name,
                mail=each.mail,
                code=each.code,
                not_before=each.not_before,
                not_after=each.not_after,
                device=each.device,
                match=matched.match,
                person_id=matched.holder.person_id,
                agency_id=matched.holder.agency_id,
                imported_at=now,
            )
        )
    told = {
        "new": done.new,
        "known": done.known,
        "completed": done.completed,
        **{m.value: n for m, n in done.matches.items()},
    }
    record(session, who, [Change("foreign.imported", "foreign", "-", after=told)], now=now)
    return done


def undecided(session: Session) -> list[ForeignCertificate]:
    """Those that wait for a person: doubtful ones, and those of nobody we know."""
    waiting = (Match.DOUBTFUL, Match.NOBODY)
    return list(
        session.scalars(
            select(ForeignCertificate)
            .where(ForeignCertificate.match.in_(waiting), ForeignCertificate.decided_by.is_(None))
            .order_by(ForeignCertificate.id)
        )
    )


def _complete(session: Session, found: Mapping[tuple[str, str], Found]) -> int:
    """Fill what the books did not know of these yet, and change nothing that they know; of how many."""
    known = session.scalars(
        select(ForeignCertificate)
        .where(
            ForeignCertificate.issuer.in_({issuer for issuer, _ in found}),
            or_(*(getattr(ForeignCertificate, name).is_(None) for name in _TOLD_LATER)),
        )
        .order_by(ForeignCertificate.id)
    )
    count = 0
    for row in known:
        told = found.get((row.issuer, row.serial))
        empty = {name: getattr(told, name, None) for name in _TOLD_LATER if getattr(row, name) is None}
        missing = {name: value for name, value in empty.items() if value is not None}
        for name, value in missing.items():
            setattr(row, name, value)
        count += bool(missing)
    return count


def decide(
    session: Session,
    foreign_id: int,
    *,
    staff_number: str | None = None,
    agency_code: str | None = None,
    who: Who,
    now: datetime,
) -> None:
    """Say whose it is: a person's, an agency's, or (neither given) nobody's in the books. Raises `NotFound`."""
    row = get(session, foreign_id)
    before = {"person": row.person_id, "agency": row.agency_id, "match": row.match.value}
    row.person_id = row.agency_id = None
    if staff_number is not None:
        row.person_id = session.scalar(select(Person.id).where(Person.staff_number == staff_number))
    elif agency_code is not None:
        row.agency_id = id_of(session, agency_code)
    if (wanted := staff_number or agency_code) and row.person_id is None and row.agency_id is None:
        raise _unknown(wanted)
    row.match = Match.DECIDED if row.person_id or row.agency_id else Match.NOBODY
    row.decided_by = who.actor
    after = {"person": row.person_id, "agency": row.agency_id, "match": row.match.value}
    record(
        session, who, [Change("foreign.decided", "foreign", str(row.id), before=before, after=after)], now=now
    )


def get(session: Session, foreign_id: int) -> ForeignCertificate:
    """The certificate with this number of ours. Raises `NotFound`."""
    row = session.get(ForeignCertificate, foreign_id)
    if row is None:
        raise NotFound(
            Text(
                vi=f"Không có chứng thư ngoài số {foreign_id}.",
                en=f"There is no foreign certificate {foreign_id}.",
            ),
            code="foreign-unknown",
        )
    return row


def valid_by_agency(session: Session, *, at: datetime) -> dict[int, tuple[int, int]]:
    """Agency id to (people of it with a valid certificate, 1 if the agency itself has one).

    Certain and decided matches only, a person counted once, where they hold their post now.
    """
    live = (
        ForeignCertificate.match.in_((Match.CERTAIN, Match.DECIDED)),
        ForeignCertificate.not_before <= at,
        ForeignCertificate.not_after > at,
        ForeignCertificate.revoked_on.is_(None) | (ForeignCertificate.revoked_on > day_of(at)),
    )
    people = session.execute(
        select(Post.agency_id, func.count(ForeignCertificate.person_id.distinct()))
        .join(Post, (Post.person_id == ForeignCertificate.person_id) & Post.until.is_(None))
        .where(*live)
        .group_by(Post.agency_id)
    )
    agencies = set(session.scalars(select(ForeignCertificate.agency_id).where(*live).distinct()))
    counted = {agency_id: (count, int(agency_id in agencies)) for agency_id, count in people}
    return counted | {a: (0, 1) for a in agencies if a is not None and a not in counted}


def next_change(session: Session, *, at: datetime) -> datetime | None:
    """The first moment after this one at which one of them begins or ceases to be valid; None if none ever does."""
    columns = table_of(ForeignCertificate).c
    begins, ends, revoked = (
        session.connection()
        .execute(
            select(
                func.min(columns.not_before).filter(columns.not_before > at),
                func.min(columns.not_after).filter(columns.not_after > at),
                func.min(columns.revoked_on).filter(columns.revoked_on > day_of(at)),
            )
        )
        .one()
    )
    day = revoked and beginning_of(revoked)
    return min((moment for moment in (begins, ends, day) if moment is not None), default=None)


def _unknown(value: str) -> NotFound:
    return NotFound(
        Text(vi=f"Không có {value} trong sổ đăng ký.", en=f"{value} is not in the register."),
        code="holder-unknown",
    )

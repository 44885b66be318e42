"""How long the authorities last: their own certificates, their lists, and the keys that answer for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from cryptography import x509
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ca.hierarchy import ROOT
from ca.profiles import Profile
from provisioner.certificates.listing import list_days
from provisioner.certificates.models import Issuer, ResponderKey
from provisioner.certificates.ordering import PROFILES
from provisioner.certificates.revoked_authorities import abandoned

AUTHORITY_WARNING: Final = timedelta(days=365)
"""A ceremony takes people, a room and a day that suits all of them. It is due while the authority still issues:
what it issues ends with it at the latest, so the longest of its profiles comes before."""

RESPONDER_WARNING: Final = timedelta(days=1)


class Standing(StrEnum):
    GOOD = "good"
    SOON = "soon"
    """It comes to its end, and should have been renewed by now."""
    OVER = "over"
    """It has ended, or never was."""


@dataclass(frozen=True, slots=True)
class Term:
    """Until when something is good, and how long before that somebody should hear of it."""

    until: datetime | None
    warning: timedelta

    def standing(self, now: datetime) -> Standing:
        if self.until is None or self.until <= now:
            return Standing.OVER
        return Standing.SOON if self.until - now < self.warning else Standing.GOOD


@dataclass(frozen=True, slots=True)
class Lasting:
    """One authority's terms. A root has no responder, and nobody sees any more to the lists of one that was given up."""

    issuer: Issuer
    own: Term
    list: Term | None
    responder: Term | None


def lasting(session: Session, profiles: Mapping[str, Profile]) -> Sequence[Lasting]:
    """The terms of every authority, the oldest first. A list warns when less than a third of its life is left."""
    answered = dict(
        session.execute(
            select(ResponderKey.issuer_id, func.max(ResponderKey.not_after))
            .where(ResponderKey.certificate.is_not(None), ResponderKey.key_sealed.is_not(None))
            .group_by(ResponderKey.issuer_id)
        ).all()
    )
    over = abandoned(session)
    found = []
    for issuer in session.scalars(select(Issuer).order_by(Issuer.id)):
        is_kept, is_root = issuer.label not in over, issuer.name == ROOT
        listed = Term(issuer.crl_next_update, timedelta(days=list_days(issuer.label)) / 3)
        answers = Term(answered.get(issuer.id), RESPONDER_WARNING)
        own = Term(_end(issuer), AUTHORITY_WARNING + _longest(issuer.name, profiles))
        found.append(
            Lasting(issuer, own, listed if is_kept else None, answers if is_kept and not is_root else None)
        )
    return found


def _longest(name: str, profiles: Mapping[str, Profile]) -> timedelta:
    """How long the longest certificate lasts that the authority of this name gives to people and agencies."""
    ordered = {profile for (purpose, _), profile in PROFILES.items() if purpose == name}
    return timedelta(days=max((profiles[one].days for one in ordered & profiles.keys()), default=0))


def _end(issuer: Issuer) -> datetime:
    return x509.load_der_x509_certificate(issuer.certificate).not_valid_after_utc

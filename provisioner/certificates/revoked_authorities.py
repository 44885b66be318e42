"""Which authorities are revoked: the plan that two people agree to, and what the other rooms ask about it."""

from collections.abc import Collection
from datetime import datetime

from cryptography import x509
from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, String, and_, select, update
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from ca.crl import Reason, Revocation
from provisioner.certificates.models import Issuer, name_of
from provisioner.db import Base, Moment, table_of


class AuthorityRevocation(Base):
    """That an issuing authority shall be revoked by its root; it is from the moment a second person agrees."""

    __tablename__ = "authority_revocations"
    __table_args__ = (CheckConstraint("approved_by IS NULL OR approved_by <> planned_by", name="two_people"),)

    issuer_id: Mapped[int] = mapped_column(ForeignKey("issuers.id"), primary_key=True)
    reason: Mapped[str] = mapped_column(String(32))
    """A reason of RFC 5280 5.3.1 by its name."""
    note: Mapped[str] = mapped_column(String(500))
    """Why, for whoever agrees: the document that asks for it."""
    planned_by: Mapped[str] = mapped_column(String(120))
    planned_at: Mapped[datetime] = mapped_column(Moment)
    approved_by: Mapped[str | None] = mapped_column(String(120))
    approved_at: Mapped[datetime | None] = mapped_column(Moment)
    fallen_at: Mapped[datetime | None] = mapped_column(Moment)
    """When no certificate below it was good any more; none while some may be."""


def revoked_authorities(session: Session) -> dict[str, AuthorityRevocation]:
    """The authorities that are revoked, by label."""
    rows = session.execute(
        select(Issuer.label, AuthorityRevocation)
        .join(AuthorityRevocation, AuthorityRevocation.issuer_id == Issuer.id)
        .where(AuthorityRevocation.approved_at.is_not(None))
        .order_by(Issuer.id)
    )
    return {row.label: row.AuthorityRevocation for row in rows}


def idle_purposes(session: Session, *, at_rest: Collection[str] = ()) -> frozenset[str]:
    """The purposes that nobody issues for: the newest authority of the name is revoked, and orders wait for the next.

    Or, if these labels are given, `at_rest`, and orders wait for it.
    """
    newest = {name_of(label): label for label in session.scalars(select(Issuer.label).order_by(Issuer.id))}
    idle = revoked_authorities(session).keys() | set(at_rest)
    return frozenset(name for name, label in newest.items() if label in idle)


def abandoned(session: Session) -> frozenset[str]:
    """The revoked authorities whose key is away: nobody has to see to their lists and answers any more."""
    away = set(session.scalars(select(Issuer.label).where(Issuer.trouble.is_not(None))))
    return frozenset(away & revoked_authorities(session).keys())


def said_by_roots(session: Session) -> dict[tuple[str, str], Revocation]:
    """What the lists of our roots say, by the root's label and the authority's serial number in hexadecimal.

    None of it ever leaves a list.
    """
    root = aliased(Issuer)
    rows = session.execute(
        select(root.label, Issuer.certificate, AuthorityRevocation)
        .join(AuthorityRevocation, AuthorityRevocation.issuer_id == Issuer.id)
        .join(root, root.id == Issuer.parent_id)
        .where(AuthorityRevocation.approved_at.is_not(None))
        .order_by(Issuer.id)
    )
    revocations = [(row.label, revocation_of(row.certificate, row.AuthorityRevocation)) for row in rows]
    return {(label, f"{revocation.serial:x}"): revocation for label, revocation in revocations}


def revocation_of(certificate: bytes, revoked: AuthorityRevocation) -> Revocation:
    """The revocation of this authority (DER) as lists and the record have it."""
    assert revoked.approved_at is not None  # who asks has chosen those that are
    serial = x509.load_der_x509_certificate(certificate).serial_number
    return Revocation(serial, revoked.approved_at, Reason(revoked.reason))


def is_falling() -> ColumnElement[bool]:
    """The authority is revoked, and below it something may still be good."""
    return and_(AuthorityRevocation.approved_at.is_not(None), AuthorityRevocation.fallen_at.is_(None))


def issued_below(session: Session, label: str) -> None:
    """The signer has recorded certificates of this authority: should it be revoked meanwhile, they fall too."""
    table = table_of(AuthorityRevocation)
    ours = select(Issuer.id).where(Issuer.label == label).scalar_subquery()
    session.execute(update(table).where(table.c.issuer_id == ours).values(fallen_at=None))

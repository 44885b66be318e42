"""Authorities and the certificates ordered from them, from the order to the end."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    JSON,
    BigInteger,
    BindParameter,
    CheckConstraint,
    ColumnElement,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    UniqueConstraint,
    and_,
    bindparam,
    or_,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from ca.crl import Reason
from provisioner.db import Base, Moment
from provisioner.pending import Pending


def _index(name: str, *columns: str, only: str, unique: bool = False) -> Index:
    """An index of the rows of which `only` is true: what was decided and done long ago stands in none of them."""
    return Index(name, *columns, unique=unique, sqlite_where=text(only), postgresql_where=text(only))


class Issuer(Base):
    """An authority we run: its certificate and its newest revocation list. Never its key."""

    __tablename__ = "issuers"

    id: Mapped[int] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(String(40), unique=True)
    certificate: Mapped[bytes] = mapped_column(LargeBinary)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("issuers.id"))
    crl: Mapped[bytes | None] = mapped_column(LargeBinary)
    crl_number: Mapped[int] = mapped_column(default=0)
    crl_next_update: Mapped[datetime | None] = mapped_column(Moment)
    delta: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The newest delta list: what changed between `delta_base` and `crl`, under the number of `crl`."""
    delta_base: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    """The full list that deltas add to."""
    revocations: Mapped[int] = mapped_column(default=0)
    """Raised by whoever revokes or releases a certificate of this authority."""
    revocations_listed: Mapped[int] = mapped_column(default=0)
    """What `revocations` was when the newest list was signed: less means that a list is due at once."""
    journal_size: Mapped[int] = mapped_column(BigInteger, default=0)
    """How many bytes of the signer's journal the books have taken in."""
    trouble: Mapped[str | None] = mapped_column(String(64))
    """A stable code, while the authority's key cannot be used: its token is away, or refused the PIN."""
    trouble_detail: Mapped[str | None] = mapped_column(String(500))
    trouble_since: Mapped[datetime | None] = mapped_column(Moment)

    @property
    def name(self) -> str:
        """`mail` of `mail-g1`: what all generations of one authority share."""
        return name_of(self.label)


class ResponderKey(Base):
    """A key that answers OCSP for an authority, for 90 days at most; the authority's own is never needed."""

    __tablename__ = "responder_keys"
    __table_args__ = (UniqueConstraint("issuer_id", "serial"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    issuer_id: Mapped[int] = mapped_column(ForeignKey("issuers.id"))
    serial: Mapped[str] = mapped_column(String(40))
    tbs: Mapped[bytes] = mapped_column(LargeBinary)
    """The bytes to be signed, committed before the signature, like a certificate's."""
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    key_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    not_before: Mapped[datetime] = mapped_column(Moment)
    not_after: Mapped[datetime] = mapped_column(Moment)
    certificate: Mapped[bytes | None] = mapped_column(LargeBinary)


class PresignedAnswer(Base):
    """The OCSP answer for one certificate, signed ahead; it falls with every change of the certificate's state."""

    __tablename__ = "presigned_answers"

    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificates.id"), primary_key=True)
    der: Mapped[bytes] = mapped_column(LargeBinary)
    this_update: Mapped[datetime] = mapped_column(Moment)
    next_update: Mapped[datetime] = mapped_column(Moment)


class Purpose(StrEnum):
    """What a certificate is for; the authority that issues it has the same name."""

    MAIL = "mail"
    """S/MIME. It stands in the directory, and it is what rosters ask for."""
    DOCUMENT = "document"
    """Signatures and seals on documents (PAdES)."""


class State(StrEnum):
    ORDERED = "ordered"
    RESERVED = "reserved"
    """The serial and the very bytes to be signed are committed; the signature may or may not exist."""
    ISSUED = "issued"
    REFUSED = "refused"


class Certificate(Pending, Base):
    """One certificate, ordered for a mailbox. Issued, handed over and in use are three facts.

    Only what was recovered after a loss and belongs to no mailbox of the books has none; it is revoked.
    """

    __tablename__ = "certificates"
    __table_args__ = (
        CheckConstraint("mailbox_id IS NOT NULL OR revoked_at IS NOT NULL", name="whose"),
        UniqueConstraint("issuer_id", "serial"),
        _index(
            "uq_certificates_live_purpose",
            "mailbox_id",
            "purpose",
            unique=True,
            only="state <> 'refused' AND revoked_at IS NULL AND replaced_at IS NULL",
        ),
        _index("ix_certificates_pending", "id", only="state IN ('ordered', 'reserved')"),
        _index("ix_certificates_refused", "id", only="state = 'refused'"),
        _index("ix_certificates_stale", "stale_since", only="stale_since IS NOT NULL AND revoked_at IS NULL"),
        _index("ix_certificates_revoked", "issuer_id", only="revoked_at IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    mailbox_id: Mapped[int | None] = mapped_column(ForeignKey("mailboxes.id"))
    purpose: Mapped[str] = mapped_column(String(16), default=Purpose.MAIL)
    profile: Mapped[str] = mapped_column(String(40))
    state: Mapped[State] = mapped_column(default=State.ORDERED)
    ordered_at: Mapped[datetime] = mapped_column(Moment)
    ordered_by: Mapped[str] = mapped_column(String(120))
    issuer_id: Mapped[int | None] = mapped_column(ForeignKey("issuers.id"))
    serial: Mapped[str | None] = mapped_column(String(40))
    """Hexadecimal, lower case, without leading zeros."""
    tbs: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The bytes to be signed, committed before the signature: a crash signs the same bytes again."""
    der: Mapped[bytes | None] = mapped_column(LargeBinary)
    public_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    """DER. There before the serial when its owner made the key; else made by the service when it issues."""
    key_fingerprint: Mapped[str | None] = mapped_column(String(64), unique=True)
    """SHA-256 of the public key: a key is never certified twice."""
    key_by_owner: Mapped[bool] = mapped_column(default=False)
    """Whether its owner made the key and the service never had it."""
    key_sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The private key made by the service, until it is handed over; then gone."""
    not_before: Mapped[datetime | None] = mapped_column(Moment)
    not_after: Mapped[datetime | None] = mapped_column(Moment)
    reserved_at: Mapped[datetime | None] = mapped_column(Moment)
    issued_at: Mapped[datetime | None] = mapped_column(Moment)
    handed_over_at: Mapped[datetime | None] = mapped_column(Moment)
    revoked_at: Mapped[datetime | None] = mapped_column(Moment)
    revocation_reason: Mapped[str | None] = mapped_column(String(32))
    """A reason of RFC 5280 5.3.1 by its name; `certificateHold` may be taken back."""
    revoked_by: Mapped[str | None] = mapped_column(String(120))
    replaced_at: Mapped[datetime | None] = mapped_column(Moment)
    """When a successor was ordered: this one stays good until that one is handed over."""
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("certificates.id"))
    stale_since: Mapped[datetime | None] = mapped_column(Moment)
    """When it was first seen to differ from the register."""


class ExpiryNotice(Base):
    """A certificate comes to its end in so many days: to be told to its owner and to the agency, once."""

    __tablename__ = "expiry_notices"
    __table_args__ = (UniqueConstraint("certificate_id", "days"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificates.id"))
    days: Mapped[int]
    due_at: Mapped[datetime] = mapped_column(Moment)
    sent_at: Mapped[datetime | None] = mapped_column(Moment)


class Match(StrEnum):
    """Whether we know whose certificate another authority's is."""

    CERTAIN = "certain"
    DOUBTFUL = "doubtful"
    """Somebody in the books may be meant: a person decides."""
    NOBODY = "nobody"
    """Nobody in the books was found, or a person said so."""
    DECIDED = "decided"


class ForeignCertificate(Base):
    """A certificate that another authority issued: the Government Cipher Committee's, as a rule.

    Issued, delivered to the agency, handed over, revoked, and what became of the device: each is a day of its own.
    """

    __tablename__ = "foreign_certificates"
    __table_args__ = (
        UniqueConstraint("issuer", "serial"),
        CheckConstraint("person_id IS NULL OR agency_id IS NULL", name="one_holder"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    issuer: Mapped[str] = mapped_column(String(255))
    serial: Mapped[str] = mapped_column(String(64))
    """Hexadecimal, lower case, without leading zeros."""
    der: Mapped[bytes | None] = mapped_column(LargeBinary)
    """None where only a list told of it."""
    name: Mapped[str] = mapped_column(String(255))
    mail: Mapped[str | None] = mapped_column(String(254))
    code: Mapped[str | None] = mapped_column(String(64))
    """A staff number or an agency code, as the certificate or the list has it."""
    not_before: Mapped[datetime] = mapped_column(Moment)
    not_after: Mapped[datetime] = mapped_column(Moment)
    device: Mapped[str | None] = mapped_column(String(16))
    """token, sim, hsm or central; unknown when None."""
    match: Mapped[Match] = mapped_column()
    person_id: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    agency_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    decided_by: Mapped[str | None] = mapped_column(String(120))
    imported_at: Mapped[datetime] = mapped_column(Moment)
    delivered_on: Mapped[date | None] = mapped_column(Date)
    handed_over_on: Mapped[date | None] = mapped_column(Date)
    waits_for: Mapped[str | None] = mapped_column(String(16))
    """change, renewal or recovery, while one is asked for and not done."""
    waits_since: Mapped[date | None] = mapped_column(Date)
    revoked_on: Mapped[date | None] = mapped_column(Date)
    revoked_for: Mapped[str | None] = mapped_column(String(16))
    """The case of Decree 68/2024 art. 17, where it was told."""
    device_returned_on: Mapped[date | None] = mapped_column(Date)
    device_lost_on: Mapped[date | None] = mapped_column(Date)


class PlanState(StrEnum):
    PLANNED = "planned"
    APPROVED = "approved"
    """A second person has agreed to its digest; it is being carried out."""
    DONE = "done"
    STOPPED = "stopped"
    """Whoever proposed or approved it was shut out, or lost the right to, before the last one was revoked."""
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class RevocationPlan(Base):
    """Revocations that one person proposes and a second one agrees to, before any of them happens."""

    __tablename__ = "revocation_plans"
    __table_args__ = (CheckConstraint("approved_by IS NULL OR approved_by <> planned_by", name="two_people"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    note: Mapped[str] = mapped_column(String(500))
    """Why, for whoever agrees: the document that asks for it."""
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[PlanState] = mapped_column(default=PlanState.PLANNED)
    planned_by: Mapped[str] = mapped_column(String(120))
    planned_at: Mapped[datetime] = mapped_column(Moment)
    approved_by: Mapped[str | None] = mapped_column(String(120))
    approved_at: Mapped[datetime | None] = mapped_column(Moment)
    due_at: Mapped[datetime | None] = mapped_column(Moment)
    """When the hour's cap lets it go on; none means now."""
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    stopped: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    """Why it was stopped, refused or withdrawn, in both languages, and `by` whom where somebody did it."""


class RevocationItem(Base):
    """One certificate of a plan, its reason, and what became of it."""

    __tablename__ = "revocation_items"
    __table_args__ = (
        Index("uq_revocation_items_plan_certificate", "plan_id", "certificate_id", unique=True),
        Index("ix_revocation_items_done_at", "done_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("revocation_plans.id"))
    certificate_id: Mapped[int] = mapped_column(ForeignKey("certificates.id"))
    reason: Mapped[str] = mapped_column(String(32))
    done_at: Mapped[datetime | None] = mapped_column(Moment)
    refusal: Mapped[str | None] = mapped_column(String(64))
    """The code of why it could not be revoked after all."""


def name_of(label: str) -> str:
    """The name of the authority with this label: `mail` of `mail-g1`."""
    return label.rpartition("-")[0]


def is_open() -> ColumnElement[bool]:
    """Ordered, and neither issued nor refused. Written out, because SQLite knows a partial index by its words only."""
    words: BindParameter[list[State]] = bindparam(
        "open", [State.ORDERED, State.RESERVED], expanding=True, literal_execute=True
    )
    return Certificate.state.in_(words)


def is_halted() -> ColumnElement[bool]:
    """Reserved, and today's rules or profiles would not sign it: it may have been signed and waits for a person."""
    return and_(is_open(), Certificate.trouble.is_not(None))


def is_refused() -> ColumnElement[bool]:
    """Refused by a lint or by the authority. Written out, for the same reason."""
    word: BindParameter[State] = bindparam("refused", State.REFUSED, literal_execute=True)
    return Certificate.state == word


def is_live(of: type[Certificate] = Certificate) -> ColumnElement[bool]:
    """Has its mailbox's place for its purpose: on order or issued, neither revoked nor replaced. One at most has it.

    One past its end keeps the place until the next is ordered. In the words of the partial index.
    """
    word: BindParameter[State] = bindparam("refused", State.REFUSED, literal_execute=True)
    return and_(of.state != word, of.revoked_at.is_(None), of.replaced_at.is_(None))


def is_current(now: datetime, of: type[Certificate] = Certificate) -> ColumnElement[bool]:
    """Live and not past its end: its mailbox needs no other."""
    return and_(is_live(of), or_(of.not_after.is_(None), of.not_after > now))


def is_good_or_held() -> ColumnElement[bool]:
    """Issued, and not revoked for good: a hold may be taken back."""
    return and_(
        Certificate.state == State.ISSUED,
        or_(
            Certificate.revoked_at.is_(None),
            Certificate.revocation_reason == Reason.certificate_hold.value,
        ),
    )

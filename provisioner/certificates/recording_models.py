"""The record in the books: its leaves in their order, and the last signed word about them."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.db import Base, Moment


class Leaf(Base):
    """One issuance, revocation or release, noted in the transaction in which it happened."""

    __tablename__ = "record_leaves"
    __table_args__ = (
        Index("ix_record_leaves_issuer_serial", "issuer", "serial"),
        Index(
            "ix_record_leaves_noted",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    """Its index in the tree, without holes; none until the signer has taken it in, final from then on."""
    issuer: Mapped[str] = mapped_column(String(40))
    serial: Mapped[str] = mapped_column(String(40))
    """Hexadecimal, lower case, without leading zeros."""
    leaf: Mapped[str] = mapped_column(Text)
    """The line of JSON that is hashed, as `ca.log.Record` makes it."""


class RecordHead(Base):
    """The record as it was signed last: how far, and what it takes to go on."""

    __tablename__ = "record_heads"

    id: Mapped[int] = mapped_column(primary_key=True)
    origin: Mapped[str] = mapped_column(String(255), unique=True)
    verifier_key: Mapped[str] = mapped_column(String(400))
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    octets: Mapped[int] = mapped_column(BigInteger, default=0)
    """How many bytes of the signer's own file so many leaves are."""
    edge: Mapped[bytes] = mapped_column(LargeBinary, default=b"")
    """The right edge of the tree; see `ca.merkle.Edge`."""
    checkpoint: Mapped[str | None] = mapped_column(Text)
    signed_at: Mapped[datetime | None] = mapped_column(Moment)

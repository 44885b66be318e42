"""Reports that somebody had signed in the province's name."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.db import Base, Moment


class SignedReport(Base):
    """A report as somebody asked to have it signed, and the signed file once it is there.

    The very bytes that were asked for are signed: nothing is set or counted again in between.
    """

    __tablename__ = "signed_reports"
    __table_args__ = (
        CheckConstraint("(signed IS NULL) = (signed_at IS NULL)", name="signed_whole"),
        Index(
            "ix_signed_reports_waiting",
            "id",
            sqlite_where=text("signed_at IS NULL"),
            postgresql_where=text("signed_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(500))
    asked_by: Mapped[str] = mapped_column(String(120))
    asked_at: Mapped[datetime] = mapped_column(Moment)
    place: Mapped[str] = mapped_column(String(120))
    """Where it is signed, as the signature says."""
    document: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256 of the document as it was asked for: it names the report, and the same one is signed once."""
    signed: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    signed_at: Mapped[datetime | None] = mapped_column(Moment)
    trouble: Mapped[str | None] = mapped_column(String(64))
    """The code of why it could not be signed yet; it is tried again."""
    trouble_detail: Mapped[str | None] = mapped_column(String(500))

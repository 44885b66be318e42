"""The background audit in the books: how far it has come, and what it found."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.db import Base, Moment


class Audited(Base):
    """How far one series has been examined: the record of certificates, or an authority's lists."""

    __tablename__ = "audited"

    id: Mapped[int] = mapped_column(primary_key=True)
    series: Mapped[str] = mapped_column(String(80), unique=True)
    """`certificates`, or `list` and `delta` with an authority's label."""
    linter: Mapped[str] = mapped_column(String(40))
    """Name and version: another version examines everything again."""
    position: Mapped[int] = mapped_column(BigInteger, default=0)
    """The next place in the record, or the number of the newest list examined."""
    examined: Mapped[int] = mapped_column(default=0)
    began_at: Mapped[datetime] = mapped_column(Moment)
    examined_at: Mapped[datetime | None] = mapped_column(Moment)


class AuditFinding(Base):
    """One thing that the other linter holds against something we signed."""

    __tablename__ = "audit_findings"
    __table_args__ = (Index("ix_audit_findings_series", "series"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    series: Mapped[str] = mapped_column(String(80))
    subject: Mapped[str] = mapped_column(String(120))
    """An authority's label, and a serial number or the number of a list."""
    finding: Mapped[str] = mapped_column(String(1000))
    found_at: Mapped[datetime] = mapped_column(Moment)

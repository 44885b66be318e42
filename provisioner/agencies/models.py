"""Agencies: who they are, under whom, with which codes and head counts over time."""

from datetime import date

from sqlalchemy import Date, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from provisioner.db import Base
from provisioner.pending import Mirrored


class Agency(Mirrored, Base):
    """One agency or one of its units, with an entry of its own in the directory.

    `bloc`, `level` and `kind` are codes of the reference data (`agencies.reference`). `path` is
    the line of ids from the root down to this agency, `/1/17/230/`: a sub-tree is a prefix.
    """

    __tablename__ = "agencies"
    __table_args__ = (Index("ix_agencies_path", "path"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    """Names the agency's entry in the directory; never changes."""
    code: Mapped[str] = mapped_column(String(35), unique=True)
    """QĐ 20/2020/QĐ-TTg form, `H36.12`; codes it had before are in `former_agency_codes`."""
    code_since: Mapped[date | None] = mapped_column(Date)
    name: Mapped[str] = mapped_column(String(255))
    short_name: Mapped[str | None] = mapped_column(String(64))
    """The documented short legal name; at most 64 characters, because a certificate holds no more."""
    abbreviation: Mapped[str] = mapped_column(String(40))
    """As it stands in addresses: `skhcn`."""
    search_key: Mapped[str] = mapped_column(String(400))
    bloc: Mapped[str] = mapped_column(String(16))
    level: Mapped[str] = mapped_column(String(16))
    kind: Mapped[str] = mapped_column(String(32))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))
    path: Mapped[str] = mapped_column(String(255))
    legal_personality: Mapped[bool] = mapped_column(default=False)
    seal: Mapped[bool] = mapped_column(default=False)
    unit_mailbox: Mapped[bool] = mapped_column(default=True)
    """Whether it is entitled to a mailbox of its own: the denominator of M2."""
    contact_name: Mapped[str | None] = mapped_column(String(120))
    contact_email: Mapped[str | None] = mapped_column(String(254))
    contact_phone: Mapped[str | None] = mapped_column(String(20))
    since: Mapped[date | None] = mapped_column(Date)
    until: Mapped[date | None] = mapped_column(Date)
    """The last day it existed."""


LONGEST_CERTIFIED_NAME = 64
"""X.520 ub-organization-name, in characters: a longer name needs its documented short form."""


def legal_name(name: str, short_name: str | None) -> str:
    """The name of an agency that goes into a certificate: the full one, or the documented short one."""
    return short_name if short_name and len(name) > LONGEST_CERTIFIED_NAME else name


class FormerAgencyCode(Base):
    """A code an agency had before. Codes are reused with another meaning, so dates belong to them."""

    __tablename__ = "former_agency_codes"
    __table_args__ = (
        UniqueConstraint("agency_id", "code", "since"),
        Index("ix_former_agency_codes_code", "code"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    code: Mapped[str] = mapped_column(String(35))
    since: Mapped[date | None] = mapped_column(Date)
    until: Mapped[date | None] = mapped_column(Date)


class FormerAgency(Base):
    """What an agency was until a day, where it has become something else: a day gone by has the tree of that day."""

    __tablename__ = "former_agencies"

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"), primary_key=True)
    until: Mapped[date] = mapped_column(Date, primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    short_name: Mapped[str | None] = mapped_column(String(64))
    bloc: Mapped[str] = mapped_column(String(16))
    level: Mapped[str] = mapped_column(String(16))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("agencies.id"))


DATED = ("name", "short_name", "bloc", "level", "parent_id")
"""What `FormerAgency` keeps of an agency; its codes have days of their own."""


class HeadCount(Base):
    """How many people of a category an agency declared, from a day on until the next declaration."""

    __tablename__ = "head_counts"

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"), primary_key=True)
    category: Mapped[str] = mapped_column(String(24), primary_key=True)
    since: Mapped[date] = mapped_column(Date, primary_key=True)
    count: Mapped[int]

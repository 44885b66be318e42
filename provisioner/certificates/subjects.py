"""Who a certificate is for: read from the register at the moment of issuing, never from a file.

The subject of a certificate is what the books say of the person and the agency; a roster or
a signing request can ask for a certificate but not for what stands in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ca.names import OrganizationSubject, PersonSubject, Subscriber
from provisioner.agencies.models import Agency, legal_name
from provisioner.certificates.models import Certificate, Purpose
from provisioner.mailboxes.models import Address, Kind, Mailbox
from provisioner.people.models import Person, Post


@dataclass(frozen=True, slots=True)
class Naming:
    """What all subjects of one province share."""

    organization_identifier: str
    """`GOVVN+35`: see certificates.md, the GOV scheme of ETSI EN 319 412-1."""
    state: str | None


def subjects(session: Session, certificate_ids: Sequence[int], naming: Naming) -> dict[int, Subscriber]:
    """The subject of each of these ordered certificates, as the books have it now."""
    rows = session.execute(
        select(
            Certificate.id,
            Certificate.purpose,
            Mailbox.kind,
            Address.address,
            Agency.name,
            Agency.short_name,
            Agency.code,
            Person.staff_number,
            Person.full_name,
            Person.family,
            Person.middle,
            Person.given,
            Post.title,
        )
        .join(Mailbox, (Mailbox.id == Certificate.mailbox_id) & Mailbox.closed_at.is_(None))
        .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .outerjoin(Person, Person.id == Mailbox.person_id)
        .outerjoin(Post, (Post.person_id == Mailbox.person_id) & Post.until.is_(None))
        .join(Agency, Agency.id == func.coalesce(Mailbox.agency_id, Post.agency_id))
        .where(Certificate.id.in_(certificate_ids))
    )
    return {
        row.id: _person(row, naming) if row.kind == Kind.PERSONAL else _organization(row, naming)
        for row in rows
    }


def _person(row: Any, naming: Naming) -> PersonSubject:
    return PersonSubject(
        organization=legal_name(row.name, row.short_name),
        organization_identifier=naming.organization_identifier,
        surname=row.family or None,
        given_name=" ".join(filter(None, (row.middle, row.given))) or None,
        common_name=row.full_name,
        serial_number=row.staff_number,
        email=row.address,
        title=row.title,
        state=naming.state,
    )


def _organization(row: Any, naming: Naming) -> OrganizationSubject:
    return OrganizationSubject(
        organization=legal_name(row.name, row.short_name),
        organization_identifier=naming.organization_identifier,
        serial_number=row.code,
        email=row.address,
        state=naming.state,
        # A seal has to have a common name, however long the agency's own (EN 319 412-3 4.2.1).
        short_name=row.short_name if row.purpose == Purpose.DOCUMENT else None,
    )

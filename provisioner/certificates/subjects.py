"""Who a certificate is for: read from the register at the moment of issuing, never from a file.

The subject of a certificate is what the books say of the person and the agency; a roster or
a signing request can ask for a certificate but not for what stands in it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, TypeVar

from cryptography.x509.oid import NameOID
from sqlalchemy import Select, func, literal, or_, select
from sqlalchemy.orm import Session

from ca.errors import LintFailure
from ca.findings import Finding
from ca.lint_names import lint_subject, lint_values
from ca.names import OrganizationSubject, PersonSubject, Subscriber
from provisioner.agencies.models import Agency, legal_name
from provisioner.certificates.models import Certificate, Purpose
from provisioner.errors import Conflict, Text
from provisioner.mailboxes.models import Address, Kind, Mailbox
from provisioner.people.models import Person, Post

_SAID: Final = (
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
"""What the register says of a mailbox's owner."""

Asked = TypeVar("Asked", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True, slots=True)
class Naming:
    """What all subjects of one province share."""

    organization_identifier: str
    """`GOVVN+35`: see certificates.md, the GOV scheme of ETSI EN 319 412-1."""
    state: str | None


def subjects(
    session: Session, certificate_ids: Sequence[int], naming: Naming, today: date
) -> dict[int, Subscriber]:
    """The subject of each of these ordered certificates, as the books have it now.

    There is none where the mailbox is closed or nobody is there to certify.
    """
    return {row.id: _subject(row, naming) for row in _rows(session, certificate_ids, today)}


def fitting(session: Session, certificate_ids: Sequence[int], *, today: date) -> set[int]:
    """Those of these certificates whose owners fit into another one, as the books have them now."""
    return {row.id for row in _rows(session, certificate_ids, today) if not _unfit(row)}


def _rows(session: Session, certificate_ids: Sequence[int], today: date) -> Iterable[Any]:
    wanted = (
        select(Certificate.id, Certificate.purpose, *_SAID)
        .join(Mailbox, (Mailbox.id == Certificate.mailbox_id) & Mailbox.closed_at.is_(None))
        .join(Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .outerjoin(Person, Person.id == Mailbox.person_id)
        .where(Certificate.id.in_(certificate_ids))
    )
    return session.execute(of_somebody(wanted, today))


def of_somebody(asked: Asked, today: date) -> Asked:
    """Of these mailboxes those with somebody to certify, with the agency and, of a person, the post held in it.

    Nobody is left where the owner holds no post or the agency has ended (Nghị định 68/2024/NĐ-CP art. 17).
    """
    return _with_agency(asked).where(
        Agency.id.is_not(None), or_(Agency.until.is_(None), Agency.until >= today)
    )


def _with_agency(asked: Asked) -> Asked:
    return asked.outerjoin(Post, (Post.person_id == Mailbox.person_id) & Post.until.is_(None)).outerjoin(
        Agency, Agency.id == func.coalesce(Mailbox.agency_id, Post.agency_id)
    )


def require_certifiable(
    session: Session, mailbox_ids: Collection[int], purpose: Purpose, *, today: date
) -> None:
    """Raise `Conflict` for the first of these mailboxes that the signer would refuse, before anything is ordered.

    Nobody is there to certify, or what the register says does not fit into a certificate of this purpose.
    """
    wanted = (
        select(literal(purpose).label("purpose"), Agency.until, *_SAID)
        .join_from(Mailbox, Address, (Address.mailbox_id == Mailbox.id) & Address.is_primary)
        .outerjoin(Person, Person.id == Mailbox.person_id)
        .where(Mailbox.id.in_(mailbox_ids))
        .order_by(Address.address)
    )
    for row in session.execute(_with_agency(wanted)):
        if row.name is None:
            raise Conflict(
                Text(
                    vi=f"Chủ của {row.address} không còn giữ vị trí nào nên không được cấp chứng thư.",
                    en=f"The owner of {row.address} holds no post any more and gets no certificate.",
                ),
                code="owner-left",
            )
        if row.until is not None and row.until < today:
            raise Conflict(
                Text(
                    vi=f"{row.address}: {row.name} đã ngừng hoạt động sau ngày {row.until:%d/%m/%Y}, không cấp chứng "
                    "thư; hãy thu hồi chứng thư còn hiệu lực.",
                    en=f"{row.address}: {row.name} ended after {row.until:%d/%m/%Y} and gets no certificate; revoke "
                    "what is good.",
                ),
                code="agency-ended",
            )
        if unfit := _unfit(row):
            why = LintFailure(unfit).text
            raise Conflict(
                Text(
                    vi=f"{row.address} không cấp chứng thư được: {why.vi}",
                    en=f"{row.address} cannot be certified: {why.en}",
                ),
                code="not-certifiable",
            )


def _unfit(row: Any) -> tuple[Finding, ...]:
    """What the lint holds against the subject of this row, but for what the settings say of the whole province."""
    subject = _subject(row, Naming("GOVVN", None))
    findings = tuple(lint_subject(subject))
    if row.purpose == Purpose.DOCUMENT and NameOID.COMMON_NAME not in dict(subject.attributes()):
        findings += (Finding("name.common-name-missing"),)
    return findings


def fits_name(family: str, middle: str, given: str) -> bool:
    """Whether a certificate can hold a person's name in parts: surname and given name, 64 characters each."""
    surname, given_name = _surname_and_given(family, middle, given)
    parts = ((NameOID.SURNAME, surname), (NameOID.GIVEN_NAME, given_name))
    return not lint_values(tuple((oid, value) for oid, value in parts if value))


def fits_number(staff_number: str) -> bool:
    """Whether a certificate can hold this staff number: plain letters, digits and few signs (PrintableString)."""
    return not lint_values(((NameOID.SERIAL_NUMBER, staff_number),))


def fits_title(title: str) -> bool:
    """Whether a certificate can hold this title, 64 characters; one that does not fit is left out, it is optional."""
    return not lint_values(((NameOID.TITLE, title),))


def _surname_and_given(family: str, middle: str, given: str) -> tuple[str | None, str | None]:
    return family or None, " ".join(filter(None, (middle, given))) or None


def _subject(row: Any, naming: Naming) -> Subscriber:
    return _person(row, naming) if row.kind == Kind.PERSONAL else _organization(row, naming)


def _person(row: Any, naming: Naming) -> PersonSubject:
    surname, given_name = _surname_and_given(row.family, row.middle, row.given)
    return PersonSubject(
        organization=legal_name(row.name, row.short_name),
        organization_identifier=naming.organization_identifier,
        surname=surname,
        given_name=given_name,
        common_name=row.full_name,
        serial_number=row.staff_number,
        email=row.address,
        title=row.title if row.title and fits_title(row.title) else None,
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

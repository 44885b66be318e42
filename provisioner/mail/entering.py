"""Entering the site: by name and password, with the password of one's own mailbox, or through single sign-on.

The directory or the provider says who an official is; what they may do stands in our books alone, at the
operator who was tied to that official. Whoever was not is nobody here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from ldap_schema.dit import Dit
from provisioner.db import Database
from provisioner.errors import Invalid, Text
from provisioner.mail.passwords import LONGEST
from provisioner.mailboxes.models import Address, Kind, Mailbox, Status
from provisioner.operators.limits import check_attempts
from provisioner.operators.models import Operator, Way
from provisioner.operators.proving import is_password
from provisioner.operators.second_factor import asks_code
from provisioner.operators.sessions import Visitor
from provisioner.operators.signing_in import NotProved, Proof, conclude, conclude_again, prove_again, sign_in
from provisioner.operators.single_sign_on import Arrival, Identity, Journey, SignOn
from provisioner.people.sealing import Sealer
from provisioner.secret import Secret


class Binding(Protocol):
    """Whether somebody knows the password of an entry: `adapters.ldap_binding` in earnest."""

    def proves(self, dn: str, password: Secret) -> bool:
        """Raises `Unavailable`."""
        ...


@dataclass(frozen=True, slots=True)
class Entrance:
    """All ways into the site. The directory and the provider are asked while no transaction is open."""

    database: Database
    binding: Binding
    sign_on: SignOn | None
    by_email: bool
    """Whether the provider's word for an address counts, instead of the `sub` that was entered for an operator."""
    dit: Dit
    sealer: Sealer
    clock: Callable[[], datetime]

    def sign_in(self, proof: Proof, *, source: str) -> Secret | NotProved:
        """The token of a new session; a name with an @ is that of a mailbox. Raises `TooMany`, `Unavailable`."""
        if "@" in proof.name:
            return self._sign_in_by_mailbox(proof, source)
        with self.database.transaction() as session:
            return sign_in(session, proof, source=source, sealer=self.sealer, now=self.clock())

    def prove_again(self, visitor: Visitor, proof: Proof, *, source: str) -> Secret | NotProved:
        """The token that a session goes on with, after the same proof as it began with. Raises the same."""
        if visitor.way is Way.MAILBOX:
            return self._prove_again_by_mailbox(visitor, proof, source)
        with self.database.transaction() as session:
            return prove_again(session, visitor, proof, source=source, sealer=self.sealer, now=self.clock())

    def arrive(
        self, journey: Journey, answer: Mapping[str, str], visitor: Visitor | None, *, source: str
    ) -> Secret | Arrival | NotProved:
        """What follows from the provider's answer: a session, a code that is still owed, or nothing.

        A step-up is for whoever's session it is and for nobody else. Raises `Forbidden`, `TooMany`, `Unavailable`.
        """
        assert self.sign_on is not None
        now = self.clock()
        identity = self.sign_on.finish(journey, answer, now=now)
        with self.database.reading() as session:
            operator_id = operator_of(session, identity, by_email=self.by_email)
            operator = session.get(Operator, operator_id) if operator_id else None
            owes = operator is not None and asks_code(session, operator, now=now)
        if operator is None:
            return NotProved()
        arrival = Arrival(now.timestamp(), journey.wanted, journey.again, operator.id)
        if owes and not identity.second_factor:
            return arrival
        return self._let_in(arrival, "", visitor, source, second_factor=True)

    def give_code(
        self, arrival: Arrival, code: str, visitor: Visitor | None, *, source: str
    ) -> Secret | NotProved:
        """The same for whoever still owed a code. Raises `TooMany`."""
        return self._let_in(arrival, code, visitor, source, second_factor=False)

    def _let_in(
        self, arrival: Arrival, code: str, visitor: Visitor | None, source: str, *, second_factor: bool
    ) -> Secret | NotProved:
        now, name = self.clock(), f"sign-on:{arrival.operator_id}"
        with self.database.transaction() as session:
            check_attempts(session, name=name, source=source, now=now)
            if not arrival.again:
                return conclude(
                    session,
                    arrival.operator_id,
                    code,
                    name=name,
                    way=Way.PROVIDER,
                    source=source,
                    sealer=self.sealer,
                    now=now,
                    second_factor=second_factor,
                )
            if visitor is None or visitor.operator_id != arrival.operator_id:
                return NotProved()
            return conclude_again(
                session,
                visitor,
                True,
                code,
                name=name,
                source=source,
                sealer=self.sealer,
                now=now,
                second_factor=second_factor,
            )

    def _sign_in_by_mailbox(self, proof: Proof, source: str) -> Secret | NotProved:
        address = canonical_address(proof.name)
        with self.database.reading() as session:
            check_attempts(session, name=address, source=source, now=self.clock())
            found = official_at(session, address)
            operator_id = None if found is None else _tied(session, found[0])
        account = None if found is None or operator_id is None else found[1]
        right = self._knows(account, proof.password)
        with self.database.transaction() as session:
            return conclude(
                session,
                operator_id if right else None,
                proof.code,
                name=address,
                way=Way.MAILBOX,
                source=source,
                sealer=self.sealer,
                now=self.clock(),
            )

    def _prove_again_by_mailbox(self, visitor: Visitor, proof: Proof, source: str) -> Secret | NotProved:
        with self.database.reading() as session:
            check_attempts(session, name=visitor.name, source=source, now=self.clock())
            account = session.scalar(
                select(Mailbox.account_id)
                .join(Operator, Operator.person_id == Mailbox.person_id)
                .where(Operator.id == visitor.operator_id, *_open())
            )
        right = self._knows(account, proof.password)
        with self.database.transaction() as session:
            return conclude_again(
                session,
                visitor,
                right,
                proof.code,
                name=visitor.name,
                source=source,
                sealer=self.sealer,
                now=self.clock(),
            )

    def _knows(self, account_id: str | None, password: Secret) -> bool:
        return knows(self.binding, None if account_id is None else self.dit.person(account_id), password)


def knows(binding: Binding, dn: str | None, password: Secret) -> bool:
    """Whether the directory takes the password for this entry. Raises `Unavailable`.

    For nobody's entry, and for what is no mailbox's password at all, the same time goes by: it tells nobody who is here.
    """
    written = password.reveal()
    if dn is None or not written.strip("\0 \t\r\n") or len(written) > LONGEST:
        return is_password(password, None)
    return binding.proves(dn, password)


def official_at(session: Session, address: str) -> tuple[int, str] | None:
    """The person behind an address and the account of their mailbox, when it is personal and active."""
    row = session.execute(
        select(Mailbox.person_id, Mailbox.account_id)
        .join(Address, Address.mailbox_id == Mailbox.id)
        .where(Address.address == canonical_address(address), *_open())
    ).one_or_none()
    return None if row is None else (row.person_id, row.account_id)


def official_behind(session: Session, address: str) -> int:
    """The person behind an address. Raises `Invalid` when no official has an active mailbox with it."""
    found = official_at(session, address)
    if found is None:
        raise Invalid(
            Text(
                vi="Không có cán bộ nào có hộp thư đang hoạt động với địa chỉ này.",
                en="No official has an active mailbox with this address.",
            ),
            code="official",
        )
    return found[0]


def canonical_address(text: str) -> str:
    """An address as the books have it; what is longer than any address is cut, and is then nobody's."""
    return text.replace("\x00", "\ufffd").strip().lower()[:255]


def operator_of(session: Session, identity: Identity, *, by_email: bool) -> int | None:
    """The operator whom the provider means: by their `sub`, or by an address of ours that it vouches for."""
    if not by_email:
        known = (Operator.subject == identity.subject, Operator.disabled_at.is_(None))
        return session.scalar(select(Operator.id).where(*known))
    found = official_at(session, identity.email) if identity.email else None
    return None if found is None else _tied(session, found[0])


def _tied(session: Session, person_id: int) -> int | None:
    tied = (Operator.person_id == person_id, Operator.disabled_at.is_(None))
    return session.scalar(select(Operator.id).where(*tied))


def _open() -> tuple[ColumnElement[bool], ...]:
    return Mailbox.kind == Kind.PERSONAL, Mailbox.status == Status.ACTIVE, Mailbox.closed_at.is_(None)

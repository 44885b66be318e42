"""What is wished of the directory for rows of the books: the entries that `sync` puts and `reconciling` compares with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from ldap_schema import schema
from ldap_schema.dit import Dit
from provisioner.agencies.models import Agency
from provisioner.directory import facts
from provisioner.directory.entries import MailboxFacts, agency_entry, list_entry, mailbox_entry
from provisioner.directory.port import Answer, Outcome, Wish
from provisioner.lists.models import MailingList
from provisioner.mailboxes.models import Kind, Mailbox

Model = type[Agency] | type[MailingList] | type[Mailbox]

SHOWN: tuple[Model, ...] = (Agency, MailingList, Mailbox)
"""What the directory shows, in the order in which it is worked off: a mailbox shows its agency."""

Gathered = tuple[int, int, Wish | Answer]
"""A row's id, its revision, and what is wished for it; a row that cannot be shown is answered at once."""


@dataclass
class Wishes:
    """Wishes of rows, by the tree and the policy's bytes for each kind of mailbox."""

    dit: Dit
    quotas: Mapping[Kind, int]
    _known: facts.KnownAgencies = field(default_factory=facts.KnownAgencies)

    def of(self, model: Model, session: Session, ids: Sequence[int], now: datetime) -> list[Gathered]:
        """What is wished of these rows now, in the order of their ids."""
        if model is Agency:
            return [
                (row.id, row.revision, Wish(agency_entry(row.facts, self.dit), known=row.known))
                for row in facts.agencies(session, ids)
            ]
        # In the same look as the rows: an agency read before may have changed since, and touched them.
        agencies = self._known.now(session)
        if model is MailingList:
            return [
                (row.id, row.revision, Wish(list_entry(row.facts, self.dit), known=row.known))
                for row in facts.lists(session, ids, agencies=agencies)
            ]
        shown = facts.mailboxes(session, ids, agencies=agencies, quotas=self.quotas, now=now)
        return [(row.id, row.revision, self._of_mailbox(row)) for row in shown]

    def _of_mailbox(self, row: facts.Shown[MailboxFacts] | facts.Unshowable) -> Wish | Answer:
        if isinstance(row, facts.Unshowable):
            return Answer(Outcome.REFUSED, row.lacking)
        withdraw = {schema.CERTIFICATE: row.withdrawn} if row.withdrawn else {}
        return Wish(mailbox_entry(row.facts, self.dit), known=row.known, withdraw=withdraw)

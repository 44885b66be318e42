"""Comparing the directory with the books, attribute by attribute, and having put right what differs.

Nothing is written to the directory here: a row whose entry is missing or has drifted becomes pending once more, and
`sync` does the rest, as after any change of the books. What differs is what `sync` would change. Entries that are not ours
are told as strangers and never touched.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, or_, select, true, update
from sqlalchemy.orm import Session

from ldap_schema.difference import changes
from ldap_schema.dit import Dit
from provisioner.audit import Change, Who, record
from provisioner.db import Database, after_commit
from provisioner.directory.port import Directory, Entry, Wish
from provisioner.directory.wishing import SHOWN, Model, Wishes
from provisioner.errors import Unavailable
from provisioner.mailboxes.models import Kind
from provisioner.pending import raised

CHUNK = 500

PARTS: Final = 120
"""In how many parts all rows are compared without being asked, one in each `PART`: every entry once an hour."""

PART: Final = timedelta(seconds=30)

RECONCILIATION: Final = Who("reconciliation")


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the books, as it was when it was compared."""

    model: Model
    id: int
    revision: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One entry that is not as the books say: `missing`, `drifted`, `stranger` or `orphan`.

    A stranger stands in our branches without our marker; an orphan bears a marker the books do not know. Neither
    has a row, and neither is ever repaired.
    """

    dn: str
    kind: str
    attributes: tuple[str, ...] = ()
    row: Row | None = field(default=None, compare=False)


@dataclass
class Compared:
    """How many entries were compared, how many rows are pending (and not compared), and what differs."""

    entries: int = 0
    pending: int = 0
    differences: list[Difference] = field(default_factory=list)


def reconcile(
    database: Database, directory: Directory, *, dit: Dit, quotas: Mapping[Kind, int], now: datetime
) -> Compared:
    """Compare every agency, list and mailbox with its entry. Raises `Unavailable` when the directory is away.

    `now` is the moment at which it begins: what a worker writes from then on counts as pending.
    """
    found = Compared()
    in_directory = {
        entry.dn.lower(): entry
        for branch in (dit.people, dit.units, dit.agencies, dit.groups)
        for entry in directory.scan(branch)
    }
    wishes = Wishes(dit, quotas)
    with database.reading() as session:
        for model in SHOWN:
            for rows in _chunks(session, model, true(), wishes, now):
                for row, wish, is_pending in rows:
                    actual = in_directory.pop(wish.entry.dn.lower(), None)
                    if is_pending:
                        found.pending += 1
                        continue
                    found.entries += 1
                    found.differences += _difference(row, wish, actual)
    found.differences += [
        Difference(entry.dn, "orphan" if entry.marker else "stranger") for entry in in_directory.values()
    ]
    return found


def reconcile_part(
    database: Database, directory: Directory, *, dit: Dit, quotas: Mapping[Kind, int], now: datetime
) -> int:
    """Compare the part of all rows whose turn it is and make those that differ pending; how many.

    Which part that is follows from the moment, so that nothing is remembered: a turn that was missed, or that found the
    directory away, comes again in an hour.
    """
    part = int(now.timestamp() / PART.total_seconds()) % PARTS
    wishes = Wishes(dit, quotas)
    differences: list[Difference] = []
    with database.reading() as session:
        for model in SHOWN:
            end = session.scalar(select(func.max(model.id))) or 0
            whose_turn = model.id.between(end * part // PARTS + 1, end * (part + 1) // PARTS)
            for rows in _chunks(session, model, whose_turn, wishes, now):
                settled = [(row, wish) for row, wish, is_pending in rows if not is_pending]
                try:
                    found = directory.read([wish.entry.dn for _, wish in settled])
                except Unavailable:
                    return 0
                for row, wish in settled:
                    differences += _difference(row, wish, found.get(wish.entry.dn))
    return repair(database, differences, who=RECONCILIATION, now=now)


def repair(database: Database, differences: Sequence[Difference], *, who: Who, now: datetime) -> int:
    """Make the rows of these differences pending, but for those that changed since; how many."""
    repaired = 0
    for model in SHOWN:
        ours = {each.row.id: each for each in differences if each.row is not None and each.row.model is model}
        ids = sorted(ours)
        for start in range(0, len(ids), CHUNK):
            with database.transaction() as session:
                chosen = [ours[row_id] for row_id in ids[start : start + CHUNK]]
                repaired += _send_again(session, model, chosen, who=who, now=now)
    return repaired


def _send_again(
    session: Session, model: Model, differences: Sequence[Difference], *, who: Who, now: datetime
) -> int:
    """Raise the revision of these rows, and write down what was found of them in one event of the trail."""
    unchanged = {
        Row(model, row.id, row.revision)
        for row in session.execute(
            select(model.id, model.revision).where(
                model.id.in_([each.row.id for each in differences if each.row]),
                model.synced_revision == model.revision,
            )
        )
    }
    chosen = [each for each in differences if each.row in unchanged]
    if not chosen:
        return 0
    session.execute(
        update(model)
        .where(model.id.in_([row.id for row in unchanged]))
        .values(raised(model))
        .execution_options(synchronize_session=False)
    )
    found = {
        "missing": [each.dn for each in chosen if each.kind == "missing"],
        "drifted": [each.dn for each in chosen if each.kind == "drifted"],
        "attributes": sorted({name for each in chosen for name in each.attributes}),
    }
    record(
        session,
        who,
        [Change("directory.repaired", "directory", model.__tablename__, before=found)],
        now=now,
    )
    after_commit(session, "directory")
    return len(chosen)


def _chunks(
    session: Session, model: Model, chosen: ColumnElement[bool], wishes: Wishes, now: datetime
) -> Iterator[list[tuple[Row, Wish, bool]]]:
    """The chosen rows with what is wished of them and whether they are still on their way there, some at a time."""
    pending = or_(model.synced_revision < model.revision, func.coalesce(model.synced_at > now, False))
    last = 0
    while True:
        rows = session.execute(
            select(model.id, pending.label("pending"))
            .where(chosen, model.id > last)
            .order_by(model.id)
            .limit(CHUNK)
        )
        ids = {row.id: row.pending for row in rows}
        if not ids:
            return
        last = max(ids)
        yield [
            (Row(model, row_id, revision), wish, ids[row_id])
            for row_id, revision, wish in wishes.of(model, session, list(ids), now)
            if isinstance(wish, Wish)  # the others wait for a person, see `stuck`
        ]


def _difference(row: Row, wish: Wish, actual: Entry | None) -> list[Difference]:
    if actual is None:
        return [Difference(wish.entry.dn, "missing", row=row)]
    differing = changes(wish.entry.attributes, actual.attributes, wish.withdraw)
    names = tuple(sorted({change.attribute for change in differing}))
    return [Difference(wish.entry.dn, "drifted", names, row)] if names else []

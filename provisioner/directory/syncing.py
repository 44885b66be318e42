"""The directory controller: make the directory agree with the books.

Level-triggered: it looks for whatever is pending, so a lost or doubled call does no harm.
One row or ten thousand, an agency, a list or a mailbox, all go through `sync`. Agencies go first: a
mailbox shows the name and the place of its agency, so an agency that changed makes the
mailboxes that show it pending, in the transaction that marks it done.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Table, func, or_, select, update
from sqlalchemy.orm import Session

from ldap_schema.dit import Dit
from provisioner.agencies.models import Agency
from provisioner.db import Database, after_commit, table_of
from provisioner.directory.port import Answer, Directory, Outcome, Wish
from provisioner.directory.wishing import SHOWN, Gathered, Wishes
from provisioner.errors import Unavailable
from provisioner.failpoints import failpoint
from provisioner.mailboxes.models import Kind, Mailbox
from provisioner.pending import Claim, claim, held, is_free, mark, raised
from provisioner.people.models import Post, last_posts

PAUSE = timedelta(seconds=5)
"""How long rows rest after the directory could not take them."""

_DONE = {Outcome.DONE, Outcome.ADOPTED}

Gather = Callable[[Session, Sequence[int], datetime], list[Gathered]]


@dataclass
class Synced:
    """What one run did: answers by outcome, and why it stopped early, if it did."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    waiting_for: str = ""


def sync(
    database: Database,
    directory: Directory,
    *,
    dit: Dit,
    quotas: Mapping[Kind, int],
    clock: Callable[[], datetime],
    chunk: int = 500,
) -> Synced:
    """Work off every pending agency, list and mailbox; stop early when the directory cannot take more."""
    run, wishes = Synced(), Wishes(dit, quotas)
    for model in SHOWN:
        if not run.waiting_for:
            _work_off(
                database,
                directory,
                table_of(model),
                partial(wishes.of, model),
                run=run,
                clock=clock,
                chunk=chunk,
                knock=("signing",) if model is Mailbox else (),
            )
    return run


@dataclass(frozen=True, slots=True)
class _Batch:
    """Rows that we hold, with what the directory must show of them."""

    claims: Sequence[Claim]
    rows: list[Gathered]


def _work_off(
    database: Database,
    directory: Directory,
    table: Table,
    gather: Gather,
    *,
    run: Synced,
    clock: Callable[[], datetime],
    chunk: int,
    knock: Iterable[str],
) -> None:
    """Claim, gather, put, mark, until nothing is waiting.

    The directory is the slowest of all, so it never waits for the books: while it takes one batch, the one before
    is marked and the next is claimed and gathered.
    """
    under_way: tuple[_Batch, Future[list[Answer]]] | None = None
    with ThreadPoolExecutor(max_workers=1) as sender:
        while True:
            following = None if run.waiting_for else _take(database, table, gather, clock=clock, chunk=chunk)
            answers: list[Answer] = []
            if under_way is not None:
                answers = under_way[1].result()
                failpoint("sync.put")
                run.outcomes.update(answer.outcome for answer in answers)
                run.waiting_for = run.waiting_for or _obstacle(answers)
            before = under_way
            under_way = None
            if following is not None:
                under_way = following, sender.submit(_put, directory, following, run.waiting_for)
            if before is not None:
                _write_down(database, table, before[0], answers, clock=clock, knock=knock)
                failpoint("sync.marked")
            if under_way is None:
                return


def _take(
    database: Database, table: Table, gather: Gather, *, clock: Callable[[], datetime], chunk: int
) -> _Batch | None:
    """Claim the next rows and read what the directory must show of them; None when nothing is waiting."""
    now = clock()
    waiting = table.c.synced_revision < table.c.revision
    with database.reading() as session:
        # To look costs nothing; to claim in vain would wait for whoever is writing, such as a roster that is applied.
        if not session.scalar(select(is_free(table, waiting=waiting, now=now))):
            return None
    with database.transaction() as session:
        claims = claim(session, table, waiting=waiting, limit=chunk, now=now)
    if not claims:
        return None
    failpoint("sync.claimed")
    with database.reading() as session:
        rows = gather(session, [claimed.id for claimed in claims], now)
    failpoint("sync.gathered")
    return _Batch(claims, rows)


def _put(directory: Directory, batch: _Batch, obstacle: str) -> list[Answer]:
    """Send a batch and wait until it will last; one behind an obstacle is not sent and rests like the one before."""
    if obstacle:
        return [Answer(Outcome.WAIT, obstacle)] * len(batch.rows)
    wishes = [wish for _, _, wish in batch.rows if isinstance(wish, Wish)]
    answers = iter(_settled(directory, directory.put(wishes)) if wishes else [])
    return [wish if isinstance(wish, Answer) else next(answers) for _, _, wish in batch.rows]


def _obstacle(answers: Sequence[Answer]) -> str:
    """Why the directory cannot take more now; empty when it can."""
    return next((a.detail or "?" for a in answers if a.outcome is Outcome.WAIT), "")


def _write_down(
    database: Database,
    table: Table,
    batch: _Batch,
    answers: Sequence[Answer],
    *,
    clock: Callable[[], datetime],
    knock: Iterable[str],
) -> None:
    fences = {claimed.id: claimed for claimed in batch.claims}
    with database.transaction() as session:
        _mark(
            session,
            table,
            [
                (fences[row_id], revision, answer)
                for (row_id, revision, _), answer in zip(batch.rows, answers, strict=True)
            ],
            now=clock(),
        )
        for queue in knock:
            after_commit(session, queue)


def _settled(directory: Directory, answers: list[Answer]) -> list[Answer]:
    """The answers once they will last: what cannot be settled now counts as not answered."""
    if not any(answer.outcome in _DONE for answer in answers):
        return answers
    try:
        directory.settle()
    except Unavailable as error:
        waiting = Answer(Outcome.WAIT, error.text.en)
        return [waiting if answer.outcome in _DONE else answer for answer in answers]
    return answers


def _send_again(session: Session, table: Table, lost: Sequence[int]) -> None:
    """Make rows that we lost pending once more: what we sent late may have undone what their new holder sent."""
    if lost:
        session.execute(update(table).where(table.c.id.in_(lost)).values(raised(table.c)))


def _mark(
    session: Session, table: Table, answered: Sequence[tuple[Claim, int, Answer]], *, now: datetime
) -> None:
    ours = held(session, table, [claimed for claimed, _, _ in answered])
    _send_again(session, table, [claimed.id for claimed, _, _ in answered if claimed not in ours])
    answered = [(c, revision, answer) for c, revision, answer in answered if c in ours]
    if table is table_of(Agency):
        _touch_mailboxes(session, [c.id for c, _, answer in answered if answer.outcome in _DONE])
    mark(
        session,
        table,
        [(c, {"synced_revision": revision}) for c, revision, answer in answered if answer.outcome in _DONE],
        same={
            "synced_at": now,
            "first_synced_at": func.coalesce(table.c.first_synced_at, now),
            "attempts": 0,
            "due_at": None,
        },
    )
    # No row pays for a server that is down, read-only or full: it just rests for a while.
    mark(
        session,
        table,
        [(c, {}) for c, _, answer in answered if answer.outcome is Outcome.WAIT],
        same={"due_at": now + PAUSE},
    )
    denied = [row for row in answered if row[2].outcome in (Outcome.NEEDS_PERSON, Outcome.REFUSED)]
    overtaken = _overtaken(session, table, denied)
    mark(
        session,
        table,
        [
            (c, {"trouble": answer.outcome.value, "trouble_detail": answer.detail[:500]})
            for c, _, answer in denied
            if c.id not in overtaken
        ],
        same={"attempts": table.c.attempts + 1},
    )
    mark(session, table, [(c, {}) for c, _, _ in denied if c.id in overtaken])


def _overtaken(session: Session, table: Table, answered: Sequence[tuple[Claim, int, Answer]]) -> set[int]:
    """Which rows changed while this was asked: the answer says nothing about what they are now."""
    sent = {claimed.id: revision for claimed, revision, _ in answered}
    now = session.execute(select(table.c.id, table.c.revision).where(table.c.id.in_(sent)))
    return {row.id for row in now if row.revision > sent[row.id]}


def _touch_mailboxes(session: Session, agency_ids: Sequence[int]) -> None:
    """Make the mailboxes of these agencies pending that the directory shows already or would not take, or that are on their way."""
    here = select(Post.person_id).where(Post.agency_id.in_(agency_ids))
    shown_here = here.where(Post.id.in_(last_posts(here)))
    session.execute(
        update(Mailbox)
        .where(
            or_(Mailbox.agency_id.in_(agency_ids), Mailbox.person_id.in_(shown_here)),
            or_(Mailbox.synced_revision > 0, Mailbox.lease_until.is_not(None), Mailbox.trouble.is_not(None)),
        )
        .values(raised(Mailbox))
        .execution_options(synchronize_session=False)
    )

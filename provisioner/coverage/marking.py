"""Marks on agencies whose figures changed, made by the database itself in the transaction of the change.

Triggers, because nobody can forget them: neither a new kind of job nor a hand at the console. A mark
carries the number of its transaction, so that on PostgreSQL writers of one agency never wait for
one another and whoever counts takes away only marks that it saw. SQLite has one writer at a time
and needs no number.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

# ruff: noqa: S608 - every word of these statements is ours
_OF_PERSON = "SELECT agency_id FROM posts WHERE person_id IN ({who})"
_OF_HOLDER = "SELECT {row}.agency_id WHERE {row}.agency_id IS NOT NULL UNION " + _OF_PERSON.format(
    who="{row}.person_id"
)
_OF_MAILBOX = (
    "SELECT agency_id FROM mailboxes WHERE id IN ({which}) AND agency_id IS NOT NULL UNION "
    "SELECT p.agency_id FROM mailboxes m JOIN posts p ON p.person_id = m.person_id WHERE m.id IN ({which})"
)


@dataclass(frozen=True, slots=True)
class _Watch:
    """What of a table coverage counts."""

    table: str
    columns: tuple[str, ...]
    agencies: str
    """The agencies that a row belongs to; `{row}` is OLD or NEW."""
    counts: str = ""
    """When a row counts at all; a change of one that does not is nobody's business."""
    events: tuple[str, ...] = ("INSERT", "UPDATE", "DELETE")


_WATCHES = (
    # All posts of the person: a closed mailbox is put to the agency of the last one.
    _Watch(
        "posts",
        ("person_id", "agency_id", "category", "is_leader", "since", "until"),
        "SELECT {row}.agency_id UNION " + _OF_PERSON.format(who="{row}.person_id"),
    ),
    _Watch(
        "mailboxes",
        (
            *("person_id", "agency_id", "status", "first_synced_at", "handed_over_at"),
            *("first_used_at", "last_used_at", "closed_at"),
        ),
        _OF_HOLDER,
        counts="{row}.first_synced_at IS NOT NULL",
    ),
    _Watch(
        "certificates",
        ("mailbox_id", "issued_at", "not_before", "not_after", "revoked_at", "replaced_at"),
        _OF_MAILBOX.format(which="{row}.mailbox_id"),
        counts="{row}.issued_at IS NOT NULL",
    ),
    _Watch("head_counts", ("agency_id", "category", "since", "count"), "SELECT {row}.agency_id"),
    # Neither counted nor standing, but shown beside the figures: what is remembered of them has to be forgotten.
    _Watch(
        "foreign_certificates",
        ("person_id", "agency_id", "match", "not_before", "not_after", "revoked_on"),
        _OF_HOLDER,
    ),
    _Watch(
        "agencies",
        (
            *("code", "name", "bloc", "level", "parent_id", "path", "since", "until"),
            *("unit_mailbox", "seal", "legal_personality"),
        ),
        "SELECT {row}.id AS agency_id",
    ),
)


def install(connection: Connection) -> None:
    """Make the triggers anew: they belong to the program, as its indexes' words do, and hold no data."""
    for statement in _on_sqlite() if connection.dialect.name == "sqlite" else _on_postgresql():
        connection.exec_driver_sql(statement)


def _on_sqlite() -> Iterator[str]:
    for watch in _WATCHES:
        for what in watch.events:
            name = f"coverage_{watch.table}_{what.lower()}"
            yield f"DROP TRIGGER IF EXISTS {name}"
            yield (
                f"CREATE TRIGGER {name} AFTER {_event(watch, what)} ON {watch.table} FOR EACH ROW "
                f"{_when(watch, what, 'IS NOT')} BEGIN INSERT INTO coverage_touched (agency_id, written_in) "
                f"SELECT a.agency_id, 0 FROM ({_agencies(watch, what)}) a WHERE NOT EXISTS "
                "(SELECT 1 FROM coverage_touched t WHERE t.agency_id = a.agency_id); END"
            )


def _on_postgresql() -> Iterator[str]:
    for watch in _WATCHES:
        for what in watch.events:
            name = f"coverage_{watch.table}_{what.lower()}"
            yield (
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ "
                "DECLARE ours bigint := pg_current_xact_id()::text::bigint; BEGIN "
                "INSERT INTO coverage_touched (agency_id, written_in) "
                f"SELECT a.agency_id, ours FROM ({_agencies(watch, what)}) a WHERE NOT EXISTS "
                "(SELECT FROM coverage_touched t WHERE t.agency_id = a.agency_id AND t.written_in = ours); "
                "RETURN NULL; END $$"
            )
            yield (
                f"CREATE OR REPLACE TRIGGER {name} AFTER {_event(watch, what)} ON {watch.table} FOR EACH ROW "
                f"{_when(watch, what, 'IS DISTINCT FROM')} EXECUTE FUNCTION {name}()"
            )


def _rows(what: str) -> tuple[str, ...]:
    return {"INSERT": ("NEW",), "DELETE": ("OLD",), "UPDATE": ("OLD", "NEW")}[what]


def _event(watch: _Watch, what: str) -> str:
    return f"UPDATE OF {', '.join(watch.columns)}" if what == "UPDATE" else what


def _agencies(watch: _Watch, what: str) -> str:
    return " UNION ".join(watch.agencies.format(row=row) for row in _rows(what))


def _when(watch: _Watch, what: str, differs: str) -> str:
    """The condition of the trigger: the row counts, and says something else than before."""
    conditions = []
    if watch.counts:
        conditions.append(" OR ".join(watch.counts.format(row=row) for row in _rows(what)))
    if what == "UPDATE":
        old, new = (", ".join(f"{row}.{column}" for column in watch.columns) for row in ("OLD", "NEW"))
        conditions.append(f"({old}) {differs} ({new})")
    return f"WHEN ({' AND '.join(f'({condition})' for condition in conditions)})" if conditions else ""

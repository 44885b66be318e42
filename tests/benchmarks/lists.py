"""A revocation list of 100,000 entries: signed with its lints, and published with everything around it."""

import shutil
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Final

from sqlalchemy import insert, select, update

from ca.authority import der
from ca.crl import Reason, Revocation
from provisioner.certificates.journal import Journal
from provisioner.certificates.listing import publish_list
from provisioner.certificates.models import Certificate, Issuer, State
from provisioner.db import Database, table_of
from provisioner.tables import metadata
from tests.benchmarks.results import Result, median
from tests.ca.world import NOW, mail_authority
from tests.province import a_clock

DAYS: Final = 7
A_YEAR: Final = timedelta(days=365)
REASONS: Final = (
    Reason.key_compromise,
    Reason.affiliation_changed,
    Reason.superseded,
    Reason.cessation_of_operation,
)


def measure(folder: Path, *, entries: int = 100_000, rounds: int = 5) -> list[Result]:
    """Seconds for one list, in turns: the authority's part alone, and the next list of a province in the books."""
    folder.mkdir()
    authority = mail_authority()
    # Spread over the numbers as random serials are, and the same in every run.
    revoked = [
        Revocation(
            (n * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**158 | 2**157,
            NOW - timedelta(minutes=n),
            REASONS[n % 4],
        )
        for n in range(entries)
    ]
    database, journal = _books(folder, revoked)
    sizes: list[int] = []

    def sign() -> None:
        crl = authority.sign_crl(revoked, number=5, now=NOW, days=DAYS, with_delta=True)
        assert len(crl) == entries
        sizes.append(len(der(crl)))

    def publish() -> None:
        with database.transaction() as session:
            session.execute(update(Issuer).values(revocations=Issuer.revocations + 1))
        assert publish_list(database, authority, journal, days=DAYS, clock=a_clock(NOW))

    publish()  # the first has none before it to be compared with, and no delta
    taken: dict[str, list[tuple[float, float]]] = {}
    for turn in range(rounds):
        for name, way in (("signed", sign), ("published", publish))[:: -1 if turn % 2 else 1]:
            taken.setdefault(name, []).append(_seconds(way))
            print(f"  round {turn + 1}, {name}: {taken[name][-1][1]:.2f} s", file=sys.stderr)
    database.close()
    shutil.rmtree(folder)
    note = f"processor time; {sizes[0] / 1e6:.1f} MB"
    told = {
        "signed": (f"a list of {entries:,} entries, encoded, linted and signed", "<= 2"),
        "published": (
            "the same from the books, compared with the one before, with its delta, in journal and books",
            None,
        ),
    }
    return [
        result
        for name, (words, goal) in told.items()
        for result in (
            median(words, [spent for spent, _ in taken[name]], "s", goal=goal, note=note),
            median(f"{words}, by the clock on the wall", [wall for _, wall in taken[name]], "s"),
        )
    ]


def _books(folder: Path, revoked: list[Revocation]) -> tuple[Database, Journal]:
    """Books that know these certificates and nothing else of them."""
    database = Database(f"sqlite:///{folder / 'books.db'}")
    metadata.create_all(database.engine)
    authority = mail_authority()
    with database.transaction() as session:
        session.add(Issuer(label=authority.label, certificate=der(authority.certificate)))
        session.flush()
        issuer_id = session.scalar(select(Issuer.id))
        rows = [
            {
                "issuer_id": issuer_id,
                "profile": "person-mail",
                "state": State.ISSUED,
                "ordered_at": NOW - A_YEAR,
                "ordered_by": "an",
                "serial": f"{revocation.serial:x}",
                "not_before": NOW - A_YEAR,
                "not_after": NOW + A_YEAR,
                "revoked_at": revocation.revoked_at,
                "revocation_reason": revocation.reason and revocation.reason.value,
            }
            for revocation in revoked
        ]
        session.execute(insert(table_of(Certificate)), rows)
    return database, Journal(folder / "journal", authority.label)


def _seconds(way: Callable[[], None]) -> tuple[float, float]:
    """Processor seconds and seconds by the clock."""
    began, spent = time.perf_counter(), time.process_time()
    way()
    return time.process_time() - spent, time.perf_counter() - began

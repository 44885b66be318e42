"""The record for tests: signed with a key of the tests, in a folder beside the journal's."""

from datetime import datetime
from functools import cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from ca import verify_log
from ca.authority import der
from ca.log import CheckpointSigner
from provisioner.certificates.recording import note_issued, seal
from provisioner.certificates.recording_file import RecordFile
from provisioner.certificates.recording_models import Leaf, RecordHead
from provisioner.db import Database
from tests.books import NOW
from tests.ca.world import profiles, world
from tests.province import a_clock, a_desk, journal_of

ORIGIN = "pki.lamdong.gov.vn/log"


@cache
def the_signer() -> CheckpointSigner:
    return CheckpointSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"r" * 32))


def file_of(database: Database) -> RecordFile:
    """The record on this signer's disk."""
    return RecordFile(journal_of(database)._path.parent)


def authorities_noted(database: Database) -> int:
    """The authorities in the books and noted, as after a ceremony; how many."""
    a_desk(database)
    ceremony, _ = world()
    root = ceremony.plan.label("root")
    names = {root: "root"} | {ceremony.plan.label_of(plan): plan.profile for plan in ceremony.plan.issuing}
    made = [
        (der(certificate), profiles()[names[label]]) for label, certificate in ceremony.certificates.items()
    ]
    with database.transaction() as session:
        note_issued(session, made, issuer=root, now=NOW)
    return len(made)


def sealed(database: Database, *, now: datetime = NOW, chunk: int = 2000) -> int:
    """Take what is noted into the record; how many leaves."""
    return seal(database, the_signer(), file_of(database), clock=a_clock(now), chunk=chunk)


def the_head(database: Database) -> RecordHead:
    with database.reading() as session:
        return session.scalars(select(RecordHead)).one()


def the_leaves(database: Database) -> list[str]:
    """Every leaf that has its place, in order."""
    with database.reading() as session:
        found = session.execute(
            select(Leaf.position, Leaf.leaf).where(Leaf.position.is_not(None)).order_by(Leaf.position)
        ).all()
    assert [row.position for row in found] == list(range(len(found)))
    return [row.leaf for row in found]


def whole(database: Database) -> int:
    """What the stand-alone verifier says of the leaves on the signer's disk under the books' checkpoint."""
    head = verify_log.read_head(the_head(database).checkpoint or "", the_signer().verifier_key)
    leaves = file_of(database).read()
    assert leaves.decode().splitlines() == the_leaves(database)
    assert file_of(database).newest_checkpoint() == the_head(database).checkpoint
    return verify_log.check_whole(leaves, head)

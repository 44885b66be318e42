"""Every issuance, revocation and release is a leaf: none missing, none twice, whatever is killed on the way."""

import json
import os
import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from ca import verify_log
from ca.crl import Reason
from ca.log import Edge, Tree, leaf_hash
from provisioner.audit import Who
from provisioner.certificates import delegating, recording
from provisioner.certificates.delegating import delegate_answers
from provisioner.certificates.issuing import issue
from provisioner.certificates.recording_file import RecordFile
from provisioner.certificates.recording_models import Leaf
from provisioner.certificates.revoking import release, revoke
from provisioner.db import Database
from provisioner.errors import Conflict, ProvisionerError, Unavailable
from provisioner.working import bells_due
from tests.books import NOW, on_postgresql
from tests.ca.test_log import tampered
from tests.ca.world import profiles
from tests.certificates.holders import certified, every_certificate, many_officials, ordered
from tests.certificates.records import (
    authorities_noted,
    file_of,
    sealed,
    the_head,
    the_leaves,
    the_signer,
    whole,
)
from tests.province import a_desk, trail

A_SECOND = timedelta(seconds=1)
SOON = NOW + timedelta(minutes=1)
LAN = Who("lan")

PLACES = ("record.placed", "record.written", "record.signed", "record.sealed")


class Killed(RuntimeError):
    """The process is killed here."""


def revoked(database: Database, index: int, reason: Reason, *, now=SOON) -> None:
    row = every_certificate(database)[index]
    with database.transaction() as session:
        assert not revoke(session, {row.id: reason}, who=LAN, profiles=profiles(), now=now)


def told(database: Database) -> list[tuple[str, str]]:
    """Event and serial of every leaf in its place."""
    return [(line["event"], line["serial"]) for line in map(json.loads, the_leaves(database))]


def noted(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).where(Leaf.position.is_(None))) or 0


def bells(database: Database) -> list[str]:
    with database.reading() as session:
        return bells_due(session, now=SOON)


def test_what_is_issued_revoked_held_and_released_stands_in_the_record_in_that_order(
    database: Database,
) -> None:
    certified(database)
    one, other = (row.serial or "" for row in every_certificate(database))
    revoked(database, 0, Reason.certificate_hold)
    with database.transaction() as session:
        release(session, every_certificate(database)[0].id, who=LAN, now=SOON)
    revoked(database, 1, Reason.superseded)
    revoked(database, 1, Reason.key_compromise, now=SOON + A_SECOND)

    assert sealed(database, now=SOON + A_SECOND) == 6

    assert told(database) == [
        ("issued", one),
        ("issued", other),
        ("revoked", one),
        ("released", one),
        ("revoked", other),
        ("revoked", other),
    ]
    assert whole(database) == 6


def test_authorities_and_delegated_responders_are_certificates_too(database: Database) -> None:
    count = authorities_noted(database)
    assert delegate_answers(database, a_desk(database))
    assert not delegate_answers(database, a_desk(database))

    sealed(database)

    leaves = [json.loads(leaf) for leaf in the_leaves(database)]
    assert [leaf["issuer"] for leaf in leaves] == ["root-g1"] * count + ["mail-g1"]
    assert leaves[0]["profile"].startswith("root ")
    assert leaves[-1]["profile"].startswith("ocsp-responder ")
    assert whole(database) == count + 1


@pytest.mark.parametrize("place", ["delegate.reserved", "delegate.journalled"])
def test_a_responder_whose_signer_was_killed_is_one_certificate_and_one_leaf(
    database: Database, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    desk = a_desk(database)

    def strike(name: str) -> None:
        if name == place:
            raise Killed(name)

    with monkeypatch.context() as patch:
        patch.setattr(delegating, "failpoint", strike)
        with pytest.raises(Killed):
            delegate_answers(database, desk)

    assert delegate_answers(database, desk)

    assert len({(entry.serial, entry.certificate) for entry in desk.journal.read()}) == 1
    assert sealed(database) == 1
    assert whole(database) == 1


def test_a_responder_that_another_signer_recorded_meanwhile_is_not_recorded_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = a_desk(database)
    both: list[str] = []

    def strike(name: str) -> None:
        if name == "delegate.journalled" and not both:
            both.append(name)
            assert delegate_answers(database, desk)

    with monkeypatch.context() as patch:
        patch.setattr(delegating, "failpoint", strike)
        assert not delegate_answers(database, desk)

    assert sealed(database) == 1
    assert whole(database) == 1
    assert len(trail(database, "responder.delegated")) == 1


def test_the_bell_rings_until_everything_is_signed_and_no_longer(database: Database) -> None:
    certified(database)
    assert "record" in bells(database)

    sealed(database)

    assert "record" not in bells(database)
    assert sealed(database) == 0
    revoked(database, 0, Reason.superseded)
    assert "record" in bells(database)


def test_a_chunk_costs_one_checkpoint_and_the_edge_goes_on_as_the_whole_tree_would(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    certified(database, *many_officials(11))
    signed: list[str] = []
    checkpoint = type(the_signer()).checkpoint
    monkeypatch.setattr(
        type(the_signer()),
        "checkpoint",
        lambda self, tree: signed.append(checkpoint(self, tree)) or signed[-1],
    )

    assert sealed(database, chunk=4) == 11

    assert [text.split("\n")[1] for text in signed] == ["4", "8", "11"]
    tree = Tree(leaf_hash(leaf.encode()) for leaf in the_leaves(database))
    assert Edge(11, the_head(database).edge).root() == tree.root()


@pytest.mark.parametrize("place", PLACES)
def test_killed_at_every_place_no_leaf_is_missing_and_none_stands_twice(
    database: Database, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    certified(database, *many_officials(3))
    sealed(database)
    revoked(database, 0, Reason.superseded)
    revoked(database, 1, Reason.superseded)

    def strike(name: str) -> None:
        if name == place:
            raise Killed(name)

    with monkeypatch.context() as patch:
        patch.setattr(recording, "failpoint", strike)
        with pytest.raises(Killed):
            sealed(database, now=SOON, chunk=1)
    revoked(database, 2, Reason.superseded, now=SOON + A_SECOND)
    before = the_leaves(database)

    sealed(database, now=SOON + A_SECOND)

    assert the_leaves(database)[: len(before)] == before
    assert len(told(database)) == len(set(told(database))) == 6
    assert whole(database) == 6
    assert "record" not in bells(database)


@pytest.mark.parametrize("place", PLACES[:3])
def test_a_signer_that_was_frozen_takes_nothing_back(
    database: Database, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Frozen at the place while another signs all of it and more; then it goes on."""
    certified(database, *many_officials(4))
    visits: list[str] = []

    def frozen(name: str) -> None:
        visits.append(name)
        if visits.count(place) == 1 and name == place and len(the_leaves(database)) < 5:
            revoked(database, 0, Reason.superseded)
            with monkeypatch.context() as other:
                other.setattr(recording, "failpoint", lambda _name: None)
                sealed(database, now=SOON)

    with monkeypatch.context() as patch:
        patch.setattr(recording, "failpoint", frozen)
        sealed(database, chunk=2)

    assert place in visits
    assert whole(database) == 5
    assert the_head(database).size == 5


def test_of_checkpoints_kept_at_once_the_newest_stands(tmp_path: Path) -> None:
    file = RecordFile(tmp_path)

    for first in range(0, 400, 8):
        with ThreadPoolExecutor(8) as signers:
            list(
                signers.map(
                    lambda size: file.keep_checkpoint(f"origin\n{size}\nroot\n"), range(first, first + 8)
                )
            )
        assert file.newest_checkpoint() == f"origin\n{first + 7}\nroot\n"


def test_two_signers_at_once_make_one_record(database: Database) -> None:
    certified(database, *many_officials(30))
    both = Barrier(2)

    def signer(_number: int) -> int:
        both.wait()
        return sealed(database, chunk=3)

    sealed(database, chunk=1)
    for index in range(30):
        revoked(database, index, Reason.superseded)
    with ThreadPoolExecutor(2) as signers:
        list(signers.map(signer, range(2)))

    assert whole(database) == 60
    assert len(set(told(database))) == 60


def test_a_record_that_the_database_refuses_leaves_neither_certificate_nor_leaf(database: Database) -> None:
    """Boulder's trick: the one statement that notes the leaves fails, so the certificates are not recorded."""
    ordered(database)
    with database.transaction() as session:
        for statement in _refuse_leaves(database):
            session.execute(text(statement))

    with pytest.raises((DBAPIError, ProvisionerError)):
        issue(database, a_desk(database))
    assert {row.der for row in every_certificate(database)} == {None}
    assert noted(database) == 0

    with database.transaction() as session:
        session.execute(
            text("DROP TRIGGER refuse" + (" ON record_leaves" if on_postgresql(database) else ""))
        )
    assert issue(database, a_desk(database, now=SOON)) == 2
    assert sealed(database, now=SOON) == 2
    assert whole(database) == 2
    assert len({row.serial for row in every_certificate(database)}) == 2


def _refuse_leaves(database: Database) -> tuple[str, ...]:
    if not on_postgresql(database):
        raised = "BEGIN SELECT RAISE(ABORT, 'refused by the test'); END"
        return (f"CREATE TRIGGER refuse BEFORE INSERT ON record_leaves {raised}",)
    function = (
        "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
        "'refused by the test'; END $$"
    )
    return (
        function,
        "CREATE TRIGGER refuse BEFORE INSERT ON record_leaves FOR EACH ROW EXECUTE FUNCTION refuse()",
    )


def test_time_in_the_record_runs_forward_whatever_clocks_say(database: Database) -> None:
    certified(database, now=NOW)
    revoked(database, 0, Reason.superseded, now=NOW - timedelta(minutes=5))
    revoked(database, 1, Reason.superseded, now=NOW + timedelta(days=1))

    sealed(database, now=SOON)

    moments = [json.loads(leaf)["at"] for leaf in the_leaves(database)]
    assert moments == ["2026-11-21T02:30:00Z"] * 3 + ["2026-11-21T02:31:00Z"]
    assert [json.loads(leaf).get("revokedAt") for leaf in the_leaves(database)][2:] == [
        "2026-11-21T02:25:00Z",
        "2026-11-22T02:30:00Z",
    ]
    assert whole(database) == 4


def test_books_that_went_back_in_time_sign_nothing(database: Database) -> None:
    certified(database)
    sealed(database)
    head = the_head(database)
    with database.transaction() as session:
        session.execute(update(type(head)).values(size=0, octets=0, edge=b"", checkpoint=None))
        session.execute(update(Leaf).values(position=None))

    with pytest.raises(Conflict) as refused:
        sealed(database)

    assert refused.value.code == "recovery-needed"
    assert file_of(database).newest_checkpoint() == head.checkpoint


def test_a_disk_that_lost_leaves_signs_nothing(database: Database) -> None:
    certified(database)
    sealed(database)
    leaves = file_of(database).leaves
    leaves.write_bytes(leaves.read_bytes().splitlines(keepends=True)[0])
    revoked(database, 0, Reason.superseded)

    with pytest.raises(Conflict) as refused:
        sealed(database, now=SOON)

    assert refused.value.code == "record-short"


def test_a_disk_that_refuses_signs_nothing_and_loses_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    certified(database)

    def full(*_given: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(Unavailable):
            sealed(database)
    assert the_head(database).checkpoint is None

    assert sealed(database) == 2
    assert whole(database) == 2


def a_history(database: Database) -> tuple[list[bytes], verify_log.Head]:
    """What the product recorded of a busy hour, and the signed word on it."""
    certified(database, *many_officials(20))
    authorities_noted(database)
    for index in range(12):
        revoked(database, index, Reason.certificate_hold if index % 3 else Reason.superseded)
    held = [row.id for row in every_certificate(database) if row.revocation_reason == "certificateHold"]
    with database.transaction() as session:
        for certificate_id in held[::2]:
            release(session, certificate_id, who=LAN, now=SOON)
    sealed(database, now=SOON + A_SECOND)
    head = verify_log.read_head(the_head(database).checkpoint or "", the_signer().verifier_key)
    return [leaf.encode() for leaf in the_leaves(database)], head


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
def test_every_single_tampering_of_what_the_product_recorded_is_found(database: Database, count: int) -> None:
    leaves, head = a_history(database)
    assert verify_log.check_whole(recording.lines_of(leaves), head) == len(leaves) > 35
    chance, missed = random.Random(count), []

    for _ in range(count):
        spoiled = tampered(leaves, chance)
        try:
            verify_log.check_whole(spoiled, head)
        except verify_log.Broken:
            continue
        missed.append(spoiled)

    assert missed == []

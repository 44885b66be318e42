"""The record: it only grows, whoever changes it is found, and one file checks it without us."""

import base64
import hashlib
import json
import random
import subprocess
import sys
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ReasonFlags as Reason
from hypothesis import given
from hypothesis import strategies as st

from ca import verify_log
from ca.crl import Revocation
from ca.errors import Unreadable
from ca.log import (
    CheckpointSigner,
    Event,
    Record,
    consistency_of,
    forward,
    issued,
    proof_of,
    read_checkpoint,
    released,
    revoked,
)
from ca.merkle import EMPTY_ROOT, Edge, Tree, leaf_hash
from ca.verify_log import Broken, check_consistency, check_inclusion, check_whole, read_head, read_proof
from tests.ca.world import NOW, a_certificate

ORIGIN = "pki.lamdong.gov.vn/log"
VERIFIER = Path(verify_log.__file__)


@cache
def signer() -> CheckpointSigner:
    return CheckpointSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"k" * 32))


def a_tree(*leaves: bytes) -> Tree:
    return Tree(map(leaf_hash, leaves))


def numbered(count: int) -> list[bytes]:
    return [str(n).encode() for n in range(count)]


def naive_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 2.1.1 as it is written."""
    if len(leaves) < 2:
        return hashlib.sha256(b"\x00" + leaves[0]).digest() if leaves else hashlib.sha256(b"").digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def test_roots_are_those_of_the_published_vectors():
    # The tree of eight leaves of Certificate Transparency's own tests.
    leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    tree = a_tree(*map(bytes.fromhex, leaves))

    assert tree.root(1).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert tree.root(8).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert tree.root(0) == EMPTY_ROOT == hashlib.sha256(b"").digest()


@pytest.mark.parametrize("count", range(20))
def test_roots_and_every_proof_are_right_at_every_size(count):
    leaves = numbered(count)
    tree = a_tree(*leaves)
    heads = [verify_log.Head(ORIGIN, size, naive_root(leaves[:size])) for size in range(count + 1)]

    for size, head in enumerate(heads):
        assert tree.root(size) == head.root == verify_log.root_of(map(leaf_hash, leaves[:size]))
        for index in range(size):
            check_inclusion(leaves[index], index, head, tree.inclusion_proof(index, size))
        for old in range(size + 1):
            check_consistency(heads[old], head, tree.consistency_proof(old, size))


@given(st.integers(1, 60), st.data())
def test_a_proof_with_one_hash_changed_added_or_missing_proves_nothing(count, data):
    tree = a_tree(*numbered(count))
    head = verify_log.Head(ORIGIN, count, tree.root())
    index, old = data.draw(st.integers(0, count - 1)), data.draw(st.integers(1, count))
    older = verify_log.Head(ORIGIN, old, tree.root(old))

    def spoiled(proof):
        choice = data.draw(st.integers(0, 2)) if proof else 1
        position = data.draw(st.integers(0, max(len(proof) - 1, 0)))
        if choice == 0:
            return [*proof[:position], bytes(32), *proof[position + 1 :]]
        if choice == 1:
            return [*proof[:position], bytes(32), *proof[position:]]
        return [*proof[:position], *proof[position + 1 :]]

    with pytest.raises(Broken):
        check_inclusion(str(index).encode(), index, head, spoiled(tree.inclusion_proof(index)))
    with pytest.raises(Broken):
        check_consistency(older, head, spoiled(tree.consistency_proof(old)))


def test_no_proof_fits_another_leaf_place_or_past():
    tree = a_tree(*numbered(13))
    head = verify_log.Head(ORIGIN, 13, tree.root())
    proof = tree.inclusion_proof(5)

    for leaf, index in ((b"6", 5), (b"5", 6), (b"5", 13)):
        with pytest.raises(Broken):
            check_inclusion(leaf, index, head, proof)
    for old in range(1, 13):
        with pytest.raises(Broken):
            check_consistency(verify_log.Head(ORIGIN, old, bytes(32)), head, tree.consistency_proof(old))
    with pytest.raises(Broken):
        check_consistency(head, verify_log.Head(ORIGIN, 5, tree.root(5)), [])


def test_what_is_not_in_the_tree_has_no_proof():
    tree = a_tree(*numbered(3))

    for ask in (
        lambda: tree.root(4),
        lambda: tree.inclusion_proof(3),
        lambda: tree.inclusion_proof(2, 2),
        lambda: tree.consistency_proof(4),
    ):
        with pytest.raises(IndexError):
            ask()


def test_a_record_is_one_line_that_anybody_can_read():
    certificate = a_certificate()

    leaf = issued(
        certificate.public_bytes(Encoding.DER), issuer="mail-g1", profile="person-mail 2026.1", at=NOW
    ).leaf()

    assert b"\n" not in leaf
    assert json.loads(leaf) == {
        "at": "2026-11-21T02:30:00Z",
        "certificate": hashlib.sha256(certificate.public_bytes(Encoding.DER)).hexdigest(),
        "event": "issued",
        "issuer": "mail-g1",
        "notAfter": "2028-11-20T02:29:59Z",
        "notBefore": "2026-11-21T02:30:00Z",
        "profile": "person-mail 2026.1",
        "serial": f"{certificate.serial_number:x}",
        "tbs": hashlib.sha256(certificate.tbs_certificate_bytes).hexdigest(),
    }


def test_revocations_say_when_and_why():
    at = NOW + timedelta(hours=1)
    revocation = Revocation(17, NOW, Reason.key_compromise)

    assert json.loads(revoked(revocation, issuer="mail-g1", at=at).leaf()) == {
        "at": "2026-11-21T03:30:00Z",
        "event": "revoked",
        "issuer": "mail-g1",
        "reason": "keyCompromise",
        "revokedAt": "2026-11-21T02:30:00Z",
        "serial": "11",
    }
    assert json.loads(revoked(Revocation(17, NOW), issuer="mail-g1", at=at).leaf())["reason"] == "unspecified"


def test_a_checkpoint_is_a_signed_note_that_others_can_read():
    tree = a_tree(b"leaf")

    text = signer().checkpoint(tree)

    origin, size, root, blank, signature, end = text.split("\n")
    assert (origin, size, base64.b64decode(root), blank, end) == (ORIGIN, "1", tree.root(), "", "")
    assert signature.startswith(f"— {ORIGIN} ")
    assert read_checkpoint(text, signer().verifier_key).root == tree.root()
    assert read_head(text, signer().verifier_key) == (ORIGIN, 1, tree.root())


def test_the_key_of_another_program_is_understood():
    # From the documentation of golang.org/x/mod/sumdb/note.
    name, public = "PeterNeumann", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"

    origin, _, key_id = verify_log.read_key(f"{name}+c74f20a3+{public}")

    assert (origin, key_id.hex()) == (name, "c74f20a3")


def test_the_signature_of_a_witness_beside_ours_is_passed_over():
    text = signer().checkpoint(a_tree(b"leaf")) + "— witness.example AAAAAAAA\n"

    assert read_checkpoint(text, signer().verifier_key).size == 1
    assert read_head(text, signer().verifier_key).size == 1


def test_a_checkpoint_of_another_key_or_text_is_refused():
    text = signer().checkpoint(a_tree(b"leaf"))
    other = CheckpointSigner(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"o" * 32))

    for spoiled, key in (
        (text.replace("\n1\n", "\n2\n"), signer().verifier_key),
        (text, other.verifier_key),
        (text.split("\n\n")[0], signer().verifier_key),
        ("", signer().verifier_key),
        (text, "nonsense"),
        (text, signer().verifier_key.replace("pki", "pkj")),
    ):
        with pytest.raises(Unreadable):
            read_checkpoint(spoiled, key)
        with pytest.raises(Broken):
            read_head(spoiled, key)


def test_a_log_has_a_name_without_spaces():
    with pytest.raises(ValueError, match="name a log"):
        CheckpointSigner("two words", Ed25519PrivateKey.generate())


def a_history(count: int) -> list[bytes]:
    """Certificates issued, some of them held, released and revoked, second by second."""
    at, leaves = NOW, []
    fixed = (
        ("certificate", "c" * 64),
        ("notAfter", "z"),
        ("notBefore", "a"),
        ("profile", "p 1"),
        ("tbs", "t" * 64),
    )
    for n in range(count):
        at += timedelta(seconds=1)
        serial = n // 4 + 2**100
        match n % 4:
            case 0:
                record = Record(Event.ISSUED, "mail-g1", serial, at, fixed)
            case 1:
                record = revoked(Revocation(serial, at, Reason.certificate_hold), issuer="mail-g1", at=at)
            case 2:
                record = released(serial, issuer="mail-g1", at=at)
            case _:
                record = revoked(Revocation(serial, at, Reason.superseded), issuer="mail-g1", at=at)
        leaves.append(record.leaf())
    return leaves


def lines(leaves: list[bytes]) -> bytes:
    return b"".join(leaf + b"\n" for leaf in leaves)


def a_head(leaves: list[bytes]) -> verify_log.Head:
    return read_head(signer().checkpoint(a_tree(*leaves)), signer().verifier_key)


def test_a_whole_log_holds():
    leaves = a_history(41)

    assert check_whole(lines(leaves), a_head(leaves)) == 41
    assert check_whole(b"", a_head([])) == 0


def a_line(event: str, serial: int = 1, at=NOW, **details: str) -> bytes:
    return Record(Event(event), "mail-g1", serial, at, tuple(details.items())).leaf()


ISSUED = a_line("issued", certificate="c", notAfter="z", notBefore="a", profile="p", tbs="t")
GOOD_REVOCATION = a_line("revoked", reason="superseded", revokedAt="x")
COMPROMISED = a_line("revoked", reason="keyCompromise", revokedAt="x")


@pytest.mark.parametrize(
    "leaves",
    [
        [ISSUED, ISSUED],
        [GOOD_REVOCATION],
        [ISSUED, GOOD_REVOCATION, GOOD_REVOCATION],
        [ISSUED, COMPROMISED, GOOD_REVOCATION],
        [COMPROMISED],
        [ISSUED, a_line("released")],
        [ISSUED, GOOD_REVOCATION, a_line("released")],
        [ISSUED, a_line("revoked", at=NOW - timedelta(seconds=1), reason="superseded", revokedAt="x")],
        [ISSUED.replace(b'":"', b'": "', 1)],
        [a_line("issued")],
        [b'{"at":1}'],
        [b"[]"],
        [b"\xff"],
        [ISSUED.replace(b"issued", b"praised")],
    ],
)
def test_a_signed_log_that_tells_an_impossible_story_is_found(leaves):
    with pytest.raises(Broken):
        check_whole(lines(leaves), a_head(leaves))


def test_a_revoked_certificate_may_turn_out_to_have_lost_its_key():
    leaves = [
        ISSUED,
        a_line("revoked", reason="certificateHold", revokedAt="x"),
        GOOD_REVOCATION,
        COMPROMISED,
    ]

    assert check_whole(lines(leaves), a_head(leaves)) == 4


@pytest.mark.parametrize("count", range(20))
def test_the_edge_of_a_tree_grows_as_the_tree_does(count):
    tree, edge = Tree(), Edge()

    for leaf in numbered(count):
        tree.append(leaf)
        edge = Edge(edge.size, bytes(edge))
        edge.append_hash(leaf_hash(leaf))

    assert (edge.size, edge.root()) == (count, tree.root())
    with pytest.raises(ValueError, match="are not the edge"):
        Edge(count + 1, bytes(edge) if count % 2 == 0 else bytes(edge) + bytes(64))


def test_a_leaf_enters_the_log_after_the_one_before_it_and_not_in_the_future():
    early, late = a_line("issued", at=NOW), a_line("issued", at=NOW + timedelta(hours=1))

    assert forward(early, after=None, now=NOW) == early
    assert forward(late, after=None, now=NOW) == early
    assert forward(early, after=late, now=NOW) == late


def tampered(leaves: list[bytes], chance: random.Random) -> bytes:
    """The log with one thing changed, as somebody with the database might."""
    first, second = chance.sample(range(len(leaves)), 2)
    changed = list(leaves)
    match chance.randrange(8):
        case 0:  # one bit, newlines included
            whole = bytearray(lines(leaves))
            whole[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
            return bytes(whole)
        case 1:
            del changed[first]
        case 2:
            changed.insert(first, leaves[second])
        case 3:
            changed[first], changed[second] = leaves[second], leaves[first]
        case 4:
            changed[first] = leaves[second]
        case 5:  # another record, well formed
            fields = json.loads(leaves[first])
            name = chance.choice(sorted(fields))
            fields[name] += chance.choice("0123456789abcdef")
            changed[first] = json.dumps(
                fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")
            ).encode()
        case 6:
            changed = changed[: chance.randrange(len(changed))]
        case _:
            return lines(leaves) + chance.choice([b"\n", lines([leaves[first]]), b" "])
    return lines(changed)


def missed(count: int, seed: int) -> list[bytes]:
    """Of so many tamperings, those that the verifier does not find."""
    chance, leaves = random.Random(seed), a_history(48)
    head, unfound = a_head(leaves), []
    for _ in range(count):
        spoiled = tampered(leaves, chance)
        try:
            check_whole(spoiled, head)
        except Broken:
            continue
        unfound.append(spoiled)
    return unfound


def test_every_single_tampering_of_the_log_is_found():
    assert missed(10_000, seed=2026) == []


def test_one_bit_changed_in_any_byte_of_a_proof_or_checkpoint_is_found():
    leaves = a_history(21)
    tree = a_tree(*leaves)
    text = proof_of(tree, 9, signer().checkpoint(tree)).encode()
    index, hashes, head = read_proof(text.decode(), signer().verifier_key)
    check_inclusion(leaves[9], index, head, hashes)

    unfound = []
    for position in range(len(text)):
        for bit in range(8):
            spoiled = bytearray(text)
            spoiled[position] ^= 1 << bit
            try:
                index, hashes, head = read_proof(spoiled.decode(), signer().verifier_key)
                check_inclusion(leaves[9], index, head, hashes)
            except (Broken, UnicodeDecodeError):
                continue
            unfound.append((position, bit))

    assert unfound == []


def run_verifier(*arguments: object) -> subprocess.CompletedProcess[str]:
    # -I: nothing of this tree can be imported, so the file stands alone.
    command = [sys.executable, "-I", str(VERIFIER), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


def test_the_verifier_is_one_short_file_that_imports_nothing_of_ours():
    text = VERIFIER.read_text("utf-8")

    assert text.count("\n") < 400
    assert "ca." not in "".join(line for line in text.splitlines() if line.startswith(("import", "from")))


def test_an_asker_checks_one_certificate_and_the_growth_of_the_log_with_the_file_alone(tmp_path):
    certificate, key = a_certificate(), signer().verifier_key
    earlier = a_history(8)
    record = issued(
        certificate.public_bytes(Encoding.DER), issuer="mail-g1", profile="p 1", at=NOW + timedelta(hours=1)
    ).leaf()
    leaves = [*earlier, record]
    tree = a_tree(*leaves)
    checkpoint = signer().checkpoint(tree)
    (tmp_path / "old").write_text(signer().checkpoint(a_tree(*earlier)), "utf-8")
    (tmp_path / "new").write_text(checkpoint, "utf-8")
    (tmp_path / "leaves").write_bytes(lines(leaves))
    (tmp_path / "leaf").write_bytes(record)
    (tmp_path / "proof").write_text(proof_of(tree, 8, checkpoint), "utf-8")
    (tmp_path / "growth").write_text(consistency_of(tree, 8, 9), "utf-8")
    answer = {
        "certificate": base64.b64encode(certificate.public_bytes(Encoding.DER)).decode(),
        "records": [{"leaf": record.decode(), "proof": proof_of(tree, 8, checkpoint)}],
    }
    another = base64.b64encode(a_certificate().public_bytes(Encoding.DER)).decode()
    (tmp_path / "answer").write_text(json.dumps(answer), "utf-8")
    (tmp_path / "another").write_text(json.dumps(answer | {"certificate": another}), "utf-8")
    (tmp_path / "nothing").write_text(json.dumps(answer | {"records": []}), "utf-8")
    at = tmp_path.joinpath

    holds = [
        run_verifier("whole", "--key", key, at("new"), at("leaves")),
        run_verifier("inclusion", "--key", key, at("proof"), at("leaf")),
        run_verifier("serial", "--key", key, at("answer")),
        run_verifier("consistency", "--key", key, at("old"), at("new"), at("growth")),
    ]
    fails = [
        run_verifier("whole", "--key", key, at("old"), at("leaves")),
        run_verifier("serial", "--key", key, at("another")),
        run_verifier("serial", "--key", key, at("nothing")),
        run_verifier("consistency", "--key", key, at("new"), at("old"), at("growth")),
        run_verifier("inclusion", "--key", key, at("growth"), at("leaf")),
    ]

    assert [(result.returncode, result.stderr) for result in holds] == [(0, "")] * 4
    assert "All 9 records hold." in holds[0].stdout
    assert [result.returncode for result in fails] == [1] * 5
    assert "8" in fails[0].stderr
    assert run_verifier("whole", "--key", key, at("nowhere"), at("leaves")).returncode == 2
    assert run_verifier("whole", "--key", key, at("new")).returncode == 2

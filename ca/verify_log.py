"""Check the record of a certificate authority without trusting the authority.

One file; it needs Python 3.11 and the package `cryptography`, and shares no code with the
authority's own. Take it from somebody other than whom you check.

    python verify_log.py whole       --key KEY CHECKPOINT LEAVES       the whole log, leaf by leaf
    python verify_log.py serial      --key KEY ANSWER                  all that is said about one certificate
    python verify_log.py inclusion   --key KEY PROOF LEAF              that one record is in the log
    python verify_log.py consistency --key KEY OLD NEW PROOF           that the log only grew between two checkpoints

KEY is the text `<origin>+<id>+<key>` that the authority published. CHECKPOINT, OLD and NEW are signed
checkpoints (C2SP tlog-checkpoint), PROOF an inclusion proof (C2SP tlog-proof) or, for consistency,
hashes in base64, one a line; LEAVES has one record a line, LEAF one record; ANSWER is the JSON of the
authority's `ca prove`. Exit status 0: everything holds, 1: something does not, 2: a file cannot be read.
"""

import argparse
import base64
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

PROOF_FORM = "c2sp.org/tlog-proof@v1"
EVENTS = {
    "issued": {"certificate", "notAfter", "notBefore", "profile", "tbs"},
    "revoked": {"reason", "revokedAt"},
    "released": set(),
}
COMMON = {"at", "event", "issuer", "serial"}
ON_HOLD, COMPROMISED = "certificateHold", "keyCompromise"


class Broken(Exception):
    """Something does not hold; the sentences say what, in Vietnamese and in English."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(f"{vi}\n{en}")


class Head(NamedTuple):  # what a checkpoint says: how many leaves the log has, and the root over them
    origin: str
    size: int
    root: bytes


def leaf_hash(leaf: bytes) -> bytes:
    """RFC 9162 2.1.1, like the two after it."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Iterable[bytes]) -> bytes:
    """The root over all leaves, with a stack of finished subtrees: one pass, little memory."""
    stack: list[tuple[int, bytes]] = []
    for hashed in hashes:
        width, node = 1, hashed
        while stack and stack[-1][0] == width:
            node = node_hash(stack.pop()[1], node)
            width *= 2
        stack.append((width, node))
    if not stack:
        return hashlib.sha256(b"").digest()
    _, root = stack.pop()
    while stack:
        root = node_hash(stack.pop()[1], root)
    return root


def read_head(text: str, key: str) -> Head:
    """The checkpoint's contents, when the holder of the key signed them (C2SP signed-note); Broken otherwise."""
    origin, public_key, key_id = read_key(key)
    body, blank, rest = text.partition("\n\n")
    *signatures, end = rest.split("\n")
    signed = f"{body}\n".encode()
    if (
        not blank
        or end
        or not any(signed_by(line, origin, key_id, public_key, signed) for line in signatures)
    ):
        raise Broken(
            "Điểm kiểm tra không được ký bằng khóa này.", "The checkpoint is not signed by this key."
        )
    lines = body.split("\n")
    if len(lines) < 3 or lines[0] != origin or not is_number(lines[1]):
        raise Broken("Điểm kiểm tra không đúng dạng.", "The checkpoint has another form.")
    return Head(origin, int(lines[1]), hash_in(lines[2]))


def read_key(key: str) -> tuple[str, Ed25519PublicKey, bytes]:
    origin, _, rest = key.strip().partition("+")
    key_id, _, encoded = rest.partition("+")
    try:
        material = base64.b64decode(encoded, validate=True)
    except ValueError:
        material = b""
    wanted = hashlib.sha256(origin.encode() + b"\n" + material).digest()[:4]
    if len(material) != 33 or material[:1] != b"\x01" or key_id != wanted.hex():
        raise Broken("Khóa kiểm tra không đúng dạng.", "The verifier key has another form.")
    return origin, Ed25519PublicKey.from_public_bytes(material[1:]), wanted


def signed_by(line: str, origin: str, key_id: bytes, public_key: Ed25519PublicKey, signed: bytes) -> bool:
    dash, _, rest = line.partition(" ")
    name, _, value = rest.partition(" ")
    if dash != "—" or name != origin:
        return False
    try:
        signature = base64.b64decode(value, validate=True)
        if signature[:4] != key_id:
            return False
        public_key.verify(signature[4:], signed)
    except (ValueError, InvalidSignature):
        return False
    return True


def is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")


def hash_in(text: str) -> bytes:
    try:
        hashed = base64.b64decode(text, validate=True)
    except ValueError:
        hashed = b""
    if len(hashed) != 32 or base64.b64encode(hashed).decode() != text:
        raise Broken("Có một giá trị băm không đọc được.", "One of the hashes cannot be read.")
    return hashed


def climb(position: int, last: int, proof: Sequence[bytes], failure: Broken) -> Iterator[tuple[bytes, bool]]:
    """Each hash of a proof on the way up to the root, and whether it stands on the left."""
    for node in proof:
        if last == 0:
            raise failure
        is_left = position % 2 == 1 or position == last
        yield node, is_left
        while is_left and position % 2 == 0 and position:
            position, last = position // 2, last // 2
        position, last = position // 2, last // 2
    if last:
        raise failure


def check_inclusion(leaf: bytes, index: int, head: Head, proof: Sequence[bytes]) -> None:
    """Broken unless the leaf with this index is under the root (RFC 9162 2.1.3.2)."""
    failure = Broken("Bản ghi không có trong nhật ký.", "The record is not in the log.")
    if index >= head.size:
        raise failure
    root = leaf_hash(leaf)
    for node, is_left in climb(index, head.size - 1, proof, failure):
        root = node_hash(node, root) if is_left else node_hash(root, node)
    if root != head.root:
        raise failure


def check_consistency(old: Head, new: Head, proof: Sequence[bytes]) -> None:
    """Broken unless the old log is the beginning of the new one (RFC 9162 2.1.4.2)."""
    failure = Broken(
        "Nhật ký cũ không phải là phần đầu của nhật ký mới: đã có bản ghi bị sửa hoặc bị xóa.",
        "The old log is not the beginning of the new one: records were changed or removed.",
    )
    if old.size in {0, new.size}:
        expected = new.root if old.size else root_of([])
        if proof or old.root != expected:
            raise failure
        return
    # A tree of a power of two is itself the first subtree of every larger one.
    path = [old.root, *proof] if old.size & (old.size - 1) == 0 else list(proof)
    if old.size > new.size or not path:
        raise failure
    position, last = old.size - 1, new.size - 1
    while position % 2:
        position, last = position // 2, last // 2
    first = second = path[0]
    for node, is_left in climb(position, last, path[1:], failure):
        if is_left:
            first, second = node_hash(node, first), node_hash(node, second)
        else:
            second = node_hash(second, node)
    if first != old.root or second != new.root:
        raise failure


def read_record(leaf: bytes, where: str) -> dict[str, str]:
    """A record in its one canonical form; Broken for any other."""
    failure = Broken(f"Bản ghi {where} không đúng dạng.", f"The record {where} has another form.")
    try:
        record = json.loads(leaf.decode("utf-8"))
    except ValueError as error:
        raise failure from error
    if not isinstance(record, dict) or not all(isinstance(value, str) for value in record.values()):
        raise failure
    canonical = json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    details = EVENTS.get(record.get("event", ""))
    if canonical.encode("utf-8") != leaf or details is None or set(record) != COMMON | details:
        raise failure
    return record


class Story:
    """What the records tell together: time runs forward, a serial is issued once, revoked only if issued."""

    def __init__(self) -> None:
        self.latest = ""
        self.standing: dict[tuple[str, str], str] = {}  # the reason it is revoked for; "" while it is good

    def add(self, record: dict[str, str], where: str) -> None:
        if record["at"] < self.latest:
            raise Broken(f"Bản ghi {where} lùi thời gian.", f"The record {where} goes back in time.")
        self.latest = record["at"]
        key = record["issuer"], record["serial"]
        standing, event = self.standing.get(key), record["event"]
        reason = record.get("reason", "")
        # A hold may become final, and any reason the worst of them; no word is said twice.
        is_news = standing not in {None, reason} and (standing in {"", ON_HOLD} or reason == COMPROMISED)
        allowed = {
            "issued": standing is None,
            "revoked": is_news,
            "released": standing == ON_HOLD,
        }
        if not allowed[event]:
            raise Broken(
                f"Bản ghi {where}: «{event}» không hợp với những gì đã ghi về số hiệu {record['serial']}.",
                f"The record {where}: “{event}” does not fit what was recorded about serial {record['serial']}.",
            )
        self.standing[key] = reason


def check_whole(leaves: bytes, head: Head) -> int:
    """Broken unless the lines are exactly the records under the root, and tell one story; how many."""
    lines = leaves.split(b"\n")
    if lines.pop() != b"":
        raise Broken("Dòng cuối bị cắt.", "The last line is cut off.")
    if len(lines) != head.size or root_of(map(leaf_hash, lines)) != head.root:
        raise Broken(
            f"Nhật ký đã bị sửa: {len(lines)} bản ghi không phải là {head.size} bản ghi của điểm kiểm tra.",
            f"The log was changed: its {len(lines)} records are not the {head.size} of the checkpoint.",
        )
    story = Story()
    for number, line in enumerate(lines):
        story.add(read_record(line, str(number)), str(number))
    return len(lines)


def check_certificate(certificate: bytes, record: dict[str, str]) -> None:
    """Broken unless the record is the issuance of this very certificate, in DER."""
    try:
        number = x509.load_der_x509_certificate(certificate).serial_number
    except (ValueError, x509.InvalidVersion) as error:
        raise Broken("Không đọc được chứng thư.", "The certificate cannot be read.") from error
    if (
        record.get("certificate") != hashlib.sha256(certificate).hexdigest()
        or record["serial"] != f"{number:x}"
    ):
        raise Broken("Bản ghi không phải của chứng thư này.", "The record is not about this certificate.")


def read_proof(text: str, key: str) -> tuple[int, list[bytes], Head]:
    """The index, the hashes and the signed checkpoint of an inclusion proof."""
    proof, blank, checkpoint = text.partition("\n\n")
    form, *lines = proof.split("\n")
    if lines and lines[0].startswith("extra "):
        lines.pop(0)
    word, _, index = lines.pop(0).partition(" ") if lines else ("", "", "")
    if not blank or form != PROOF_FORM or word != "index" or not is_number(index):
        raise Broken("Bằng chứng không đúng dạng.", "The proof has another form.")
    return int(index), [hash_in(line) for line in lines], read_head(checkpoint, key)


def whole(key: str, files: Sequence[bytes]) -> str:
    count = check_whole(files[1], read_head(files[0].decode(), key))
    return f"Toàn bộ {count} bản ghi đều khớp.\nAll {count} records hold."


def included(key: str, proof: str, leaf: bytes) -> dict[str, str]:
    index, hashes, head = read_proof(proof, key)
    check_inclusion(leaf, index, head, hashes)
    return read_record(leaf, str(index))


def inclusion(key: str, files: Sequence[bytes]) -> str:
    record = included(key, files[0].decode(), files[1].removesuffix(b"\n"))
    return f"Bản ghi về số hiệu {record['serial']} có trong nhật ký.\nThe record is in the log."


def serial(key: str, files: Sequence[bytes]) -> str:
    try:
        answer = json.loads(files[0])
        records = [included(key, each["proof"], each["leaf"].encode()) for each in answer["records"]]
        check_certificate(base64.b64decode(answer["certificate"]), records[0])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise Broken("Câu trả lời không đúng dạng.", "The answer has another form.") from error
    story = Story()
    for record in records:
        story.add(record, record["serial"])
    if len(story.standing) != 1:
        raise Broken("Câu trả lời nói về nhiều chứng thư.", "The answer is about several certificates.")
    said = [f"{record['at']} {record['event']} {record.get('reason', '')}".rstrip() for record in records]
    return "\n".join([*said, "Tất cả đều có trong nhật ký.", "All of this is in the log."])


def consistency(key: str, files: Sequence[bytes]) -> str:
    old, new = (read_head(content.decode(), key) for content in files[:2])
    check_consistency(old, new, [hash_in(line) for line in files[2].decode().splitlines()])
    return f"Nhật ký chỉ dài thêm.\nThe log only grew, from {old.size} to {new.size} records."


CHECKS: dict[str, tuple[Callable[[str, Sequence[bytes]], str], int]] = {
    "whole": (whole, 2),
    "serial": (serial, 1),
    "inclusion": (inclusion, 2),
    "consistency": (consistency, 3),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("check", choices=CHECKS)
    parser.add_argument("--key", required=True, help="the verifier key that the authority published")
    parser.add_argument("files", nargs="+", type=Path)
    asked = parser.parse_args(arguments)
    check, count = CHECKS[asked.check]
    if len(asked.files) != count:
        parser.error(f"{asked.check} takes {count} files")
    try:
        said, status = check(asked.key, [path.read_bytes() for path in asked.files]), 0
    except Broken as broken:
        said, status = str(broken), 1
    except (OSError, UnicodeDecodeError) as error:
        said, status = str(error), 2
    print(said, file=sys.stderr if status else sys.stdout)
    return status


if __name__ == "__main__":
    sys.exit(main())

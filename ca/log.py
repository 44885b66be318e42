"""The record: every issuance and revocation is a leaf of a tree whose root is signed and published.

    leaf = record.leaf()                         canonical bytes, committed with the certificate
    tree.append(leaf)
    checkpoint = signer.checkpoint(tree)         published, and copied off the machine
    proof_of(tree, index, checkpoint)            handed to whoever asks about one certificate

Forms are those of C2SP (signed-note, tlog-checkpoint, tlog-proof), so that tools of other
hands read them; `ca/verify_log.py` is the stand-alone verifier and shares no code with this.
"""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ca.crl import Reason, Revocation, stated_reason
from ca.der import signed_part
from ca.errors import Text, Unreadable
from ca.merkle import Edge, Tree, leaf_hash, node_hash
from ca.validity import whole_seconds

__all__ = [
    "Checkpoint",
    "CheckpointSigner",
    "Edge",
    "Event",
    "Record",
    "Tree",
    "consistency_of",
    "forward",
    "issued",
    "leaf_hash",
    "node_hash",
    "proof_of",
    "read_checkpoint",
    "released",
    "revoked",
    "verifier_key",
]

_ED25519: Final = b"\x01"
"""The signature type of C2SP signed-note."""

_ORIGIN: Final = re.compile(r"[a-z0-9.-]+(/[A-Za-z0-9._-]+)*")


class Event(StrEnum):
    """What a leaf records."""

    ISSUED = "issued"
    REVOKED = "revoked"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Record:
    """One leaf: what happened to which certificate of which authority, and when.

    `details` are plain strings under plain names: for an issuance the profile and the SHA-256
    of the certificate and of its signed bytes, for a revocation its date and reason.
    """

    event: Event
    issuer: str
    serial: int
    at: datetime
    details: tuple[tuple[str, str], ...] = ()

    def leaf(self) -> bytes:
        """The canonical bytes: one line of JSON with sorted names, strings only, no spaces, in UTF-8.

        Two equal records have equal bytes; nothing in them needs this program to be read.
        """
        fields = {
            "at": _moment(self.at),
            "event": str(self.event),
            "issuer": self.issuer,
            "serial": f"{self.serial:x}",
            **dict(self.details),
        }
        return _canonical(fields)


def issued(der: bytes, *, issuer: str, profile: str, at: datetime) -> Record:
    """The record of a certificate in DER; `profile` is its name and version, such as `person-mail 2026.1`."""
    certificate = x509.load_der_x509_certificate(der)
    return Record(
        Event.ISSUED,
        issuer,
        certificate.serial_number,
        at,
        (
            ("certificate", hashlib.sha256(der).hexdigest()),
            ("notAfter", _moment(certificate.not_valid_after_utc)),
            ("notBefore", _moment(certificate.not_valid_before_utc)),
            ("profile", profile),
            ("tbs", hashlib.sha256(signed_part(der)).hexdigest()),
        ),
    )


def revoked(revocation: Revocation, *, issuer: str, at: datetime) -> Record:
    """The record of a revocation or of a hold."""
    reason = stated_reason(revocation.reason) or Reason.unspecified
    details = (("reason", str(reason.value)), ("revokedAt", _moment(revocation.revoked_at)))
    return Record(Event.REVOKED, issuer, revocation.serial, at, details)


def released(serial: int, *, issuer: str, at: datetime) -> Record:
    """The record that a hold ended and the certificate is good again."""
    return Record(Event.RELEASED, issuer, serial, at)


def forward(leaf: bytes, *, after: bytes | None, now: datetime) -> bytes:
    """The leaf as it enters the log, never dated before the leaf ahead of it, nor after `now` if that allows it.

    Time in a log runs forward, while records come from machines whose clocks differ.
    """
    fields = json.loads(leaf)
    at = min(fields["at"], _moment(now))
    if after is not None:
        at = max(at, json.loads(after)["at"])
    return leaf if at == fields["at"] else _canonical(fields | {"at": at})


@lru_cache(maxsize=64)
def _moment(moment: datetime) -> str:
    return whole_seconds(moment).isoformat().removesuffix("+00:00") + "Z"


_JSON: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _canonical(fields: dict[str, Any]) -> bytes:
    return _JSON.encode(fields).encode("utf-8")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The size and the root of the log at one moment, as the log signed them."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """The text that is signed (C2SP tlog-checkpoint)."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


class CheckpointSigner:
    """Signs checkpoints with an Ed25519 key that signs nothing else.

    `origin` names the log for good, like `pki.lamdong.gov.vn/log`; ValueError for another form.
    """

    def __init__(self, origin: str, key: Ed25519PrivateKey) -> None:
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} does not name a log")
        self.origin = origin
        self._key = key

    @property
    def verifier_key(self) -> str:
        """What verifiers need: `<origin>+<id>+<key>` (C2SP signed-note), published beside the root certificate."""
        return verifier_key(self.origin, self._key.public_key())

    def checkpoint(self, tree: Tree | Edge) -> str:
        """The signed checkpoint of the tree as it is now."""
        body = Checkpoint(self.origin, tree.size, tree.root()).body()
        signature = _key_id(self.origin, self._key.public_key()) + self._key.sign(body.encode())
        return f"{body}\n— {self.origin} {base64.b64encode(signature).decode()}\n"


def verifier_key(origin: str, public_key: Ed25519PublicKey) -> str:
    key_id = _key_id(origin, public_key).hex()
    return f"{origin}+{key_id}+{base64.b64encode(_ED25519 + public_key.public_bytes_raw()).decode()}"


def _key_id(origin: str, public_key: Ed25519PublicKey) -> bytes:
    return hashlib.sha256(origin.encode() + b"\n" + _ED25519 + public_key.public_bytes_raw()).digest()[:4]


def read_checkpoint(text: str, verifier: str) -> Checkpoint:
    """Read a checkpoint and check its signature; signatures of witnesses beside it are passed over.

    Raises Unreadable when it is none, or not signed by this key.
    """
    try:
        origin, key_id, encoded = verifier.split("+", 2)
        public_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(encoded, validate=True)[1:])
        body, signatures = text.split("\n\n", 1)
        named, size, root = body.split("\n")[:3]
        wanted = bytes.fromhex(key_id)
        for line in signatures.splitlines():
            _, name, value = line.split(" ")
            signature = base64.b64decode(value, validate=True)
            if name == origin == named and signature[:4] == wanted:
                public_key.verify(signature[4:], f"{body}\n".encode())
                return Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
    except (ValueError, binascii.Error, InvalidSignature) as error:
        raise _not_ours() from error
    raise _not_ours()


def _not_ours() -> Unreadable:
    return Unreadable(
        "log.checkpoint",
        Text(
            vi="Đây không phải là điểm kiểm tra do nhật ký này ký.",
            en="This is not a checkpoint signed by this log.",
        ),
    )


def proof_of(tree: Tree, index: int, checkpoint: str) -> str:
    """The proof that a leaf is in the log at a signed checkpoint (C2SP tlog-proof), one file for the asker.

    IndexError when the checkpoint's tree does not reach that leaf.
    """
    size = int(checkpoint.split("\n", 2)[1])
    hashes = [base64.b64encode(node).decode() for node in tree.inclusion_proof(index, size)]
    return "\n".join(["c2sp.org/tlog-proof@v1", f"index {index}", *hashes, "", checkpoint])


def consistency_of(tree: Tree, old: int, new: int) -> str:
    """The hashes that show the log of size `old` to be the beginning of that of size `new`, one a line."""
    return "".join(f"{base64.b64encode(node).decode()}\n" for node in tree.consistency_proof(old, new))

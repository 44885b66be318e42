"""What thousands of certificates of one profile share to the byte, and the little that is each one's own.

Rules that look at the frame alone need not look again at one in which they found no fault. Serial number,
subject, key, key identifier and mailbox are not part of it: those are looked at in every certificate.
"""

from typing import Final, NamedTuple

from cryptography.x509.oid import ExtensionOID

from ca.der import content
from ca.extensions import encode_key_id, encode_mailbox
from ca.tbs import Tbs, encode_oid, extensions_in

Frame = tuple[bytes, ...]

_DIGEST: Final = 20
_KEY_ID: Final = encode_key_id(bytes(_DIGEST))[:-_DIGEST]
_NAMES: Final = encode_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
_ADDRESS: Final = len(encode_mailbox(""))
"""Where the mailbox begins in an extension of fewer than 130 bytes; a longer one stays in the frame."""


class Own(NamedTuple):
    """What is the certificate's own among its extensions, beside its frame."""

    frame: Frame
    key_id: bytes | None
    mailbox: str | None


def split(parts: Tbs) -> Own:
    """The frame, and what an ordinary key identifier and an alternative name of one mailbox say.

    In any other form these extensions stay in the frame as they are.
    """
    key_id, mailbox = None, None
    frame = [parts.version, parts.algorithm, parts.issuer, parts.validity, _kind_of(parts.public_key)]
    for extension in extensions_in(parts.extensions):
        if len(extension) == len(_KEY_ID) + _DIGEST and extension.startswith(_KEY_ID):
            key_id = extension[-_DIGEST:]
            frame.append(b"key identifier")
        elif (address := _mailbox_in(extension)) is not None:
            mailbox = address
            frame.append(b"mailbox")
        else:
            frame.append(extension)
    return Own(tuple(frame), key_id, mailbox)


def _kind_of(public_key: bytes) -> bytes:
    """The algorithm and, of an elliptic curve, which one."""
    start, _ = content(public_key, 0)
    return public_key[start : content(public_key, start)[1]]


def _mailbox_in(extension: bytes) -> str | None:
    """The mailbox of an alternative name that is, to the byte, the one that we write for it."""
    if not extension.startswith(_NAMES, 2):
        return None
    try:
        address = extension[_ADDRESS:].decode("ascii")
    except UnicodeDecodeError:
        return None
    return address if encode_mailbox(address) == extension else None

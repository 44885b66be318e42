"""Keys that anybody can make again: those of Debian's OpenSSL of 2006 to 2008 (CVE-2008-0166).

There were 32,767 keys for each size and kind of machine. Such keys are still found in old tokens
and templates, and SBR 6.1.1.3 wants them refused. The lists are too large to ship; the
`openssl-blacklist` files (or Boulder's, of the same hashes) are read where an owner has them. The new
lengths of this service, RSA 3072 and 4096, were hardly ever made then: without a list the check
is left out, and nothing else depends on it.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric import rsa

from ca.errors import Text, Unreadable

_LINE: Final = re.compile(r"[0-9a-f]{20}")


class DebianKeys:
    """The last 80 bits of SHA-1 over `Modulus=<hex>` and a newline, for every weak key that is known."""

    def __init__(self, fingerprints: Iterable[str]) -> None:
        self._fingerprints = frozenset(bytes.fromhex(fingerprint) for fingerprint in fingerprints)

    @classmethod
    def load(cls, *paths: Path) -> Self:
        """Read lists with twenty hexadecimal digits a line; Unreadable names a file of another form."""
        fingerprints: list[str] = []
        for path in paths:
            try:
                text = path.read_text("ascii")
            except (OSError, ValueError) as error:
                raise _unreadable(path) from error
            lines = [line.strip() for line in text.splitlines()]
            wanted = [line for line in lines if line and not line.startswith("#")]
            if not all(map(_LINE.fullmatch, wanted)):
                raise _unreadable(path)
            fingerprints += wanted
        return cls(fingerprints)

    def __len__(self) -> int:
        return len(self._fingerprints)

    def __contains__(self, public_key: object) -> bool:
        if not isinstance(public_key, rsa.RSAPublicKey):
            return False
        modulus = f"{public_key.public_numbers().n:X}"
        even = modulus if len(modulus) % 2 == 0 else f"0{modulus}"
        digest = hashlib.sha1(f"Modulus={even}\n".encode(), usedforsecurity=False).digest()
        return digest[10:] in self._fingerprints


def _unreadable(path: Path) -> Unreadable:
    return Unreadable(
        "debian.unreadable",
        Text(
            vi=f"Không đọc được danh sách khóa yếu {path.name}.",
            en=f"Cannot read the list of weak keys {path.name}.",
        ),
    )

"""Which public keys we certify, how a request proves possession of one, and where keys live.

Sources: SBR 6.1.1.3 and 6.1.6 (weak keys, RSA parameters), Boulder's `goodkey` for the
order of checks. P-521 is refused because the S/MIME profile has no place for it.
"""

import hashlib
from collections.abc import Callable, Collection, Container
from enum import StrEnum
from functools import lru_cache
from math import gcd, isqrt, prod
from typing import Final, Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from ca.der import NOT_PARSABLE
from ca.errors import KeyRefused
from ca.findings import Finding

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey
PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

MAX_REQUEST_BYTES: Final = 16 * 1024
"""A request with an RSA-4096 key is under 2 KiB; more is an attack or a mistake."""


class KeyKind(StrEnum):
    """The keys that we make ourselves."""

    P256 = "p256"
    P384 = "p384"
    RSA3072 = "rsa3072"
    RSA4096 = "rsa4096"


class KeyStore(Protocol):
    """Where private keys live: files, a hardware module, or memory in tests."""

    def generate(self, label: str, kind: KeyKind) -> PrivateKey:
        """Make a key under a new label; KeyExists when the label is taken."""
        ...

    def load(self, label: str) -> PrivateKey:
        """Open a key; KeyMissing, KeyStoreLocked or KeyStoreError when that fails."""
        ...

    def labels(self) -> Collection[str]:
        """The labels that have a key."""
        ...


def generate_key(kind: KeyKind) -> PrivateKey:
    """Make a private key of this kind in memory."""
    match kind:
        case KeyKind.P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyKind.P384:
            return ec.generate_private_key(ec.SECP384R1())
        case KeyKind.RSA3072:
            return rsa.generate_private_key(65537, 3072)
        case KeyKind.RSA4096:
            return rsa.generate_private_key(65537, 4096)


def accept(public_key: object) -> PublicKey:
    """Give the key back when we certify its kind, else raise KeyRefused with the reason's code.

    That an elliptic point lies on its curve was checked by the loader.
    """
    code: str | None
    match public_key:
        case ec.EllipticCurvePublicKey():
            code = None if isinstance(public_key.curve, ec.SECP256R1 | ec.SECP384R1) else "key.curve"
            if code is None:
                return public_key
        case rsa.RSAPublicKey():
            numbers = public_key.public_numbers()
            code = _rsa_weakness(numbers.n, numbers.e)
            if code is None:
                return public_key
        case _:
            code = "key.kind"
    raise refusal(code)


def public_key_of(holder: x509.Certificate | x509.CertificateSigningRequest) -> PublicKey:
    """The public key inside, when we certify its kind, else KeyRefused."""
    try:
        return accept(holder.public_key())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise refusal("key.kind") from error


def refusal(code: str) -> KeyRefused:
    return KeyRefused(code, Finding(code).text)


_SMALL_PRIMES: Final = tuple(n for n in range(3, 752) if all(n % d for d in range(2, isqrt(n) + 1)))
_SMALL_PRODUCT: Final = prod(_SMALL_PRIMES)
_ROCA_PRIMES: Final = tuple(p for p in _SMALL_PRIMES if p <= 167)
_ROCA_RESIDUES: Final = {p: frozenset(pow(65537, k, p) for k in range(p)) for p in _ROCA_PRIMES}
_FERMAT_ROUNDS: Final = 100


_RSA_RULES: Final[dict[str, Callable[[int, int], bool]]] = {
    "key.rsa-short": lambda n, _: n.bit_length() < 2048,
    # A longer modulus only makes every reader slow. SBR 6.1.5: divisible by 8.
    "key.rsa-length": lambda n, _: n.bit_length() > 4096 or n.bit_length() % 8 != 0,
    "key.rsa-exponent": lambda _, e: e < 65537 or e % 2 == 0 or e.bit_length() > 256,
    "key.rsa-small-factor": lambda n, _: n % 2 == 0 or gcd(n, _SMALL_PRODUCT) != 1,
    # CVE-2017-15361: every prime of the broken library is a power of 65537 modulo these.
    "key.rsa-roca": lambda n, _: all(n % p in residues for p, residues in _ROCA_RESIDUES.items()),
    # CVE-2022-26320.
    "key.rsa-fermat": lambda n, _: _is_fermat_close(n),
}
"""What makes a modulus n with exponent e weak, the cheap questions first."""


@lru_cache(maxsize=64)
def _rsa_weakness(n: int, e: int) -> str | None:
    """The code of the first rule that the RSA key breaks; cached, as one key is looked at twice."""
    return next((code for code, is_broken in _RSA_RULES.items() if is_broken(n, e)), None)


def _is_fermat_close(n: int) -> bool:
    a = isqrt(n - 1) + 1
    for _ in range(_FERMAT_ROUNDS):
        rest = a * a - n
        if isqrt(rest) ** 2 == rest:
            return True
        a += 1
    return False


def spki_bytes(public_key: PublicKey) -> bytes:
    """The DER of the SubjectPublicKeyInfo."""
    return public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def spki_fingerprint(public_key: PublicKey) -> str:
    """Hex SHA-256 over the SubjectPublicKeyInfo: the same key has the same fingerprint everywhere."""
    return hashlib.sha256(spki_bytes(public_key)).hexdigest()


def read_csr(data: bytes, *, debian: Container[object] | None = None) -> PublicKey:
    """Take the public key, and nothing else, out of a PKCS#10 request (DER or PEM).

    Names and extensions that the requester asks for are not even looked at: what goes
    into a certificate comes from the registers. Raises KeyRefused: `csr.too-large`,
    `csr.unreadable`, `csr.possession` when the request is not signed with its own key,
    or the code of a weak key; `debian` is the list of Debian's weak keys, where there is one.
    Whether the key was seen before is for the books to say.
    """
    if len(data) > MAX_REQUEST_BYTES:
        raise refusal("csr.too-large")
    try:
        is_pem = data.lstrip().startswith(b"-----BEGIN")
        request = x509.load_pem_x509_csr(data) if is_pem else x509.load_der_x509_csr(data)
    except NOT_PARSABLE as error:
        raise refusal("csr.unreadable") from error
    public_key = public_key_of(request)
    if debian is not None and public_key in debian:
        raise refusal("key.debian")
    try:
        is_possessed = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise refusal("csr.possession") from error
    if not is_possessed:
        raise refusal("csr.possession")
    return public_key

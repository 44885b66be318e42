"""Private keys that stay in a hardware module, dressed as keys of cryptography.

The builders of cryptography take a subclass of its key classes, and of it only `sign` and
`public_key`; whatever would take the key out of the module raises UnsupportedAlgorithm.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature


class Scheme(NamedTuple):
    """How a module is to sign: `ecdsa` over a digest, or `pkcs1` or `pss` over data with this hash."""

    name: str
    hash: str = ""
    salt_bytes: int = 0


SignInModule = Callable[[bytes, Scheme], bytes]
"""Signs data with one key; an ECDSA signature is r and s of equal length, one after the other."""


class _InModule:
    """What both kinds of keys refuse: to be shown, copied out, or used for anything but signing."""

    def exchange(self, *_: Any, **__: Any) -> NoReturn:
        raise _stays()

    def decrypt(self, *_: Any, **__: Any) -> NoReturn:
        raise _stays()

    def private_numbers(self) -> NoReturn:
        raise _stays()

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        raise _stays()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


class ModuleEcKey(_InModule, ec.EllipticCurvePrivateKey):
    """An elliptic-curve key in a module; two signatures over the same bytes differ."""

    deterministic: Final = False

    def __init__(self, sign: SignInModule, public_key: ec.EllipticCurvePublicKey) -> None:
        self._sign = sign
        self._public_key = public_key

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """Sign with CKM_ECDSA; the module sees the digest only.

        Raises UnsupportedAlgorithm when a deterministic signature is asked for: PKCS#11 knows none.
        """
        if not isinstance(signature_algorithm, ec.ECDSA) or signature_algorithm.deterministic_signing:
            raise UnsupportedAlgorithm("a module signs with plain ECDSA")
        algorithm = signature_algorithm.algorithm
        digest = bytes(data) if isinstance(algorithm, Prehashed) else _digest(algorithm, bytes(data))
        signature = self._sign(digest, Scheme("ecdsa"))
        half = len(signature) // 2
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        return encode_dss_signature(r, s)

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public_key

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public_key.curve

    @property
    def key_size(self) -> int:
        return self._public_key.key_size


_HASHES: Final = {"sha256", "sha384", "sha512"}


class ModuleRsaKey(_InModule, rsa.RSAPrivateKey):
    """An RSA key in a module; PKCS#1 v1.5 signatures over the same bytes are the same."""

    deterministic: Final = True

    def __init__(self, sign: SignInModule, public_key: rsa.RSAPublicKey) -> None:
        self._sign = sign
        self._public_key = public_key

    def sign(
        self,
        data: Any,
        padding: padding.AsymmetricPadding,
        algorithm: Prehashed | hashes.HashAlgorithm | Any,
    ) -> bytes:
        """Sign with PKCS#1 v1.5 or PSS (salt as long as the digest); UnsupportedAlgorithm for the rest."""
        if not isinstance(algorithm, hashes.HashAlgorithm) or algorithm.name not in _HASHES:
            raise UnsupportedAlgorithm("a module signs with SHA-256, SHA-384 or SHA-512")
        if padding.name == "EMSA-PKCS1-v1_5":
            return self._sign(bytes(data), Scheme("pkcs1", algorithm.name))
        if padding.name == "EMSA-PSS":
            return self._sign(bytes(data), Scheme("pss", algorithm.name, algorithm.digest_size))
        raise UnsupportedAlgorithm(padding.name)

    def public_key(self) -> rsa.RSAPublicKey:
        return self._public_key

    @property
    def key_size(self) -> int:
        return self._public_key.key_size


def _digest(algorithm: hashes.HashAlgorithm, data: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(data)
    return digest.finalize()


def _stays() -> UnsupportedAlgorithm:
    return UnsupportedAlgorithm("the key stays in its module")

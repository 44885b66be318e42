"""PKCS#12 files for people whose key we made, and the passwords that protect them."""

import secrets
from collections.abc import Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat, pkcs12

from ca.errors import AuthorityMismatch, CaError, Text
from ca.keys import PrivateKey, accept, public_key_of, spki_bytes

ALPHABET: Final = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz"
"""56 characters that nobody confuses on paper: no 0 O o, no 1 l I."""

GROUPS: Final = 4
GROUP_LENGTH: Final = 5
MIN_PASSWORD: Final = 17
"""SBR 6.1.2: more than 16 characters."""


class PasswordWeak(CaError):
    """A password that a PKCS#12 file may not have."""

    kind = "invalid"


def new_password() -> str:
    """Twenty random characters (116 bits) in groups of five, such as `7Kdmq-…`.

    It carries all of the protection: the file's integrity code is always stretched only
    2,048 times. SBR 6.1.2 asks for capitals, small letters, digits and symbols; the symbols
    are the hyphens, which also make it easy to type.
    """
    while True:
        characters = [secrets.choice(ALPHABET) for _ in range(GROUPS * GROUP_LENGTH)]
        if all(any(map(test, characters)) for test in (str.isupper, str.islower, str.isdigit)):
            groups = (
                "".join(characters[i : i + GROUP_LENGTH]) for i in range(0, len(characters), GROUP_LENGTH)
            )
            return "-".join(groups)


def pack(
    key: PrivateKey,
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    password: str,
    friendly_name: str,
) -> bytes:
    """Key, certificate and the authorities above it in one encrypted file (AES-256, SHA-256).

    Raises PasswordWeak for a short password and AuthorityMismatch when the key is not the
    certificate's.
    """
    if len(password) < MIN_PASSWORD or not password.isascii():
        raise PasswordWeak(
            "pkcs12.password",
            Text(
                vi=f"Mật khẩu phải có ít nhất {MIN_PASSWORD} ký tự không dấu.",
                en=f"The password needs at least {MIN_PASSWORD} ASCII characters.",
            ),
        )
    if spki_bytes(accept(key.public_key())) != spki_bytes(public_key_of(certificate)):
        raise AuthorityMismatch(
            "pkcs12.key",
            Text(vi="Khóa không khớp với chứng thư.", en="The key is not the certificate's."),
        )
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(2_048)  # more would only cost time: an attacker guesses against the integrity code
        .key_cert_algorithm(pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(password.encode("ascii"))
    )
    return pkcs12.serialize_key_and_certificates(
        friendly_name.encode("utf-8"), key, certificate, list(chain), encryption
    )

"""What proves who somebody is: passwords (argon2id) and codes from an authenticator app (TOTP)."""

import hmac
import secrets
from base64 import b32decode, b32encode
from datetime import datetime
from functools import cache
from typing import Final
from urllib.parse import quote

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP

from provisioner.errors import Invalid, Text
from provisioner.secret import Secret

_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
"""OWASP's figures for argon2id: 19 MiB, two passes; about 40 ms of one core."""

SHORTEST, LONGEST = 12, 200
"""Characters of a password. Length instead of classes of characters (NIST SP 800-63B, 3.1.1.2)."""

STEP: Final = 30
"""Seconds that a code is good for (RFC 6238)."""


def hash_password(password: Secret, *, name: str) -> str:
    """The hash to keep. Raises `Invalid` for a password that is too short, too long or built on the name."""
    chosen = password.reveal()
    if not SHORTEST <= len(chosen) <= LONGEST or "\x00" in chosen:
        raise Invalid(
            Text(
                vi=f"Mật khẩu phải có từ {SHORTEST} đến {LONGEST} ký tự.",
                en=f"A password has {SHORTEST} to {LONGEST} characters.",
            ),
            code="password-length",
        )
    if name.lower() in chosen.lower() or len(set(chosen)) < SHORTEST // 2:
        raise Invalid(
            Text(
                vi="Mật khẩu quá dễ đoán; đừng dùng tên đăng nhập hay lặp lại ít ký tự.",
                en="The password is too easy to guess; do not use your name or repeat a few characters.",
            ),
            code="password-easy",
        )
    return _HASHER.hash(chosen)


def is_password(password: Secret, kept: str | None) -> bool:
    """Whether this is the password. Takes as long for somebody who has none, or does not exist."""
    try:
        return _HASHER.verify(kept or _nobodys(), password.reveal()[: LONGEST + 1]) and kept is not None
    except (Argon2Error, InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))


def new_key() -> Secret:
    """A key for an authenticator app: 160 bits in base 32 (RFC 4226, section 4)."""
    return Secret(b32encode(secrets.token_bytes(20)).decode())


def key_uri(key: Secret, *, name: str, issuer: str) -> str:
    """What the square code of the set-up page says."""
    label = f"{quote(issuer)}:{quote(name)}"
    return f"otpauth://totp/{label}?secret={key.reveal()}&issuer={quote(issuer)}"


def code_step(key: Secret, code: str, *, used: int, now: datetime) -> int | None:
    """The time step this code belongs to, when it is right, of now or one step off, and newer than `used`."""
    written = code.replace(" ", "")
    if len(written) != 6 or not (written.isascii() and written.isdigit()):
        return None
    present = int(now.timestamp()) // STEP
    for step in (present - 1, present, present + 1):
        if hmac.compare_digest(code_at(key, step).encode(), written.encode()) and step > used:
            return step
    return None


def code_at(key: Secret, step: int) -> str:
    """The code of one time step."""
    return HOTP(b32decode(key.reveal()), 6, SHA1()).generate(step).decode()  # noqa: S303 - RFC 6238's default

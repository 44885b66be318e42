"""Passwords of mailboxes: what they have to be, and how they are stored.

They are hashed here, with argon2id in the form that slapd's argon2 module checks: Debian's slapd 2.5 can check such a
hash, but what it makes itself is argon2i with two bytes of rubbish behind it.
"""

import itertools
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from provisioner.errors import Invalid, Misconfigured, Text
from provisioner.secret import Secret
from provisioner.vietnamese import ascii_letters

SCHEME = "{ARGON2}"

_MEMORY, _ITERATIONS, _LANES = 19_456, 2, 1
"""KiB, rounds, threads: the first choice of OWASP's password storage guide for argon2id; about 50 ms."""

LONGEST = 128
"""Characters. More is no password, and hashing it costs time."""

_SHORTEST = 4
"""Names shorter than this occur inside words by chance."""

_CLASSES = (str.islower, str.isupper, str.isdigit, lambda sign: not sign.isalnum())
_ENDS = re.compile(r"^[^a-z]+|[^a-z]+$")
_READ_AS = str.maketrans("0@134$5!", "oaieassi")


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """What the province asks of a password. `classes` of: small and capital letters, digits, signs."""

    length: int
    classes: int
    remembered: int
    """How many former passwords are refused."""
    common: frozenset[str]

    def __post_init__(self) -> None:
        if not (8 <= self.length <= LONGEST and 1 <= self.classes <= 4 and 0 <= self.remembered <= 24):
            raise _wrong(
                f"length 8-{LONGEST}, classes 1-4 and remembered 0-24 are possible",
                f"length từ 8 đến {LONGEST}, classes từ 1 đến 4, remembered từ 0 đến 24",
            )

    @classmethod
    def load(cls, path: Path) -> "PasswordPolicy":
        """Read the policy. Raises `Misconfigured` naming what is wrong."""
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
            return cls(
                int(table["length"]),
                int(table["classes"]),
                int(table["remembered"]),
                frozenset(map(str, table["common"])),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _wrong(f"{path.name}: {error}", f"{path.name}: {error}") from error


@dataclass(frozen=True, slots=True)
class Owner:
    """What must not stand in the password: the account's addresses, the owner's names, the day of birth."""

    names: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    birth_date: date | None = None


def check(password: Secret, *, policy: PasswordPolicy, owner: Owner, former: Sequence[str] = ()) -> None:
    """Refuse a password that the policy does not allow; `former` are hashes of earlier ones, newest first.

    Raises `Invalid` with `password-too-short`, `password-too-long`, `password-unreadable`, `password-too-simple`,
    `password-common`, `password-names-owner` or `password-used-before`. The sentence never repeats the password.
    """
    text = password.reveal()
    _check_form(text, policy)
    plain = ascii_letters(text).replace(" ", "")
    word = _ENDS.sub("", _ENDS.sub("", text.lower()).translate(_READ_AS))
    if word in policy.common or len(set(text)) <= policy.length // 2 or _is_row(text):
        raise _refused(
            "password-common",
            vi="Mật khẩu này quá phổ biến; hãy chọn mật khẩu khó đoán hơn.",
            en="This password is a common one; choose one that is harder to guess.",
        )
    if word in _syllables(owner) or any(len(part) >= _SHORTEST and part in plain for part in _parts(owner)):
        raise _refused(
            "password-names-owner",
            vi="Mật khẩu không được chứa họ tên, địa chỉ thư hoặc ngày sinh.",
            en="The password cannot hold your name, your address or your birth date.",
        )
    if any(matches(password, stored) for stored in former[: policy.remembered]):
        raise _refused(
            "password-used-before",
            vi=f"Mật khẩu không được trùng với {policy.remembered} mật khẩu gần nhất.",
            en=f"The password cannot be one of the last {policy.remembered}.",
        )


def hashed(password: Secret) -> str:
    """The password as the directory stores it: `{ARGON2}` and an argon2id hash in PHC form."""
    kdf = Argon2id(salt=os.urandom(16), length=32, iterations=_ITERATIONS, lanes=_LANES, memory_cost=_MEMORY)
    return SCHEME + kdf.derive_phc_encoded(password.reveal().encode())


def matches(password: Secret, stored: str) -> bool:
    """Whether this is the password that was hashed so."""
    try:
        Argon2id.verify_phc_encoded(password.reveal().encode(), stored.removeprefix(SCHEME))
    except InvalidKey:
        return False
    return True


def _check_form(text: str, policy: PasswordPolicy) -> None:
    if len(text) < policy.length:
        raise _refused(
            "password-too-short",
            vi=f"Mật khẩu phải có ít nhất {policy.length} ký tự.",
            en=f"The password needs {policy.length} characters or more.",
        )
    if len(text) > LONGEST:
        raise _refused(
            "password-too-long",
            vi=f"Mật khẩu không được dài quá {LONGEST} ký tự.",
            en=f"The password can have {LONGEST} characters at most.",
        )
    # Mail clients encode other letters in different ways, and the owner would be locked out of one of them.
    if not all(" " <= sign <= "~" for sign in text) or text != text.strip():
        raise _refused(
            "password-unreadable",
            vi="Mật khẩu chỉ gồm chữ không dấu, chữ số và dấu trên bàn phím, không có dấu cách ở đầu hoặc cuối.",
            en="Use letters without marks, digits and signs of the keyboard, and no space at either end.",
        )
    if sum(any(map(is_of, text)) for is_of in _CLASSES) < policy.classes:
        raise _refused(
            "password-too-simple",
            vi=f"Mật khẩu phải có đủ {policy.classes} trong 4 loại: chữ thường, chữ hoa, chữ số, ký tự đặc biệt.",
            en=f"Use {policy.classes} of these four: small letters, capital letters, digits, signs.",
        )


def _is_row(text: str) -> bool:
    """Whether most of it are neighbours: 12345678, abcdefgh, 87654321."""
    steps = [ord(after) - ord(before) for before, after in itertools.pairwise(text)]
    return sum(step in {1, -1} for step in steps) > 0.6 * len(steps)


def _syllables(owner: Owner) -> set[str]:
    """What may not be the whole password but for digits and signs at its ends; inside a word it occurs by chance."""
    return {syllable for name in owner.names for syllable in ascii_letters(name).split()}


def _parts(owner: Owner) -> Iterator[str]:
    """What may not occur: whole names, their last two parts, local parts of addresses, the birth date as people write it."""
    for name in owner.names:
        syllables = ascii_letters(name).split()
        yield "".join(syllables)
        if len(syllables) > 1:
            yield "".join(syllables[-2:])
    for address in owner.addresses:
        yield ascii_letters(address.partition("@")[0]).replace(" ", "")
    if owner.birth_date:
        yield from (owner.birth_date.strftime(form) for form in ("%d%m%Y", "%d%m%y", "%Y%m%d"))


def _refused(code: str, *, vi: str, en: str) -> Invalid:
    return Invalid(Text(vi=vi, en=en), code=code)


def _wrong(en: str, vi: str) -> Misconfigured:
    return Misconfigured(
        Text(vi=f"Quy định mật khẩu không dùng được: {vi}.", en=f"The password policy cannot be used: {en}."),
        code="setting-wrong",
    )

"""A value that never shows itself by accident."""

from typing import NoReturn


class Secret:
    """Text that prints as `***`; only `reveal()` gives it out.

    Passwords, identity numbers and keys travel in this type so that a log line, a
    traceback or a dataclass repr cannot leak them (ASVS 16.2.5).
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled: hand over an id and look the value up")

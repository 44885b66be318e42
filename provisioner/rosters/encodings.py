"""From bytes to text: which encoding a file is in."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Encoding:
    name: str
    codec: str
    confidence: float = 1.0
    loses_capitals: bool = False


def open_source(source: bytes | Path) -> io.BufferedReader | io.BytesIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def detect(source: bytes | Path, chosen: str | None) -> Encoding:
    return Encoding("utf-8", "utf-8-sig")


def lines(source: bytes | Path, encoding: Encoding) -> Iterator[str]:
    with io.TextIOWrapper(open_source(source), encoding=encoding.codec, newline="") as text:
        yield from text

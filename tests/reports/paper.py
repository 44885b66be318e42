"""Printed pages for tests: their text, their fonts, and where there is ink, by poppler's programs."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

DPI = 50
_MM = DPI / 25.4


def text_of(pdf: Path, *options: str) -> str:
    return _run("pdftotext", *options, str(pdf), "-").decode()


def pages_of(pdf: Path) -> list[str]:
    """The text of each page, laid out as it is seen."""
    return text_of(pdf, "-layout").split("\f")[:-1]


def fonts_of(pdf: Path) -> list[tuple[str, bool]]:
    """The name of each font, and whether it is embedded with a map back to Unicode."""
    lines = _run("pdffonts", str(pdf)).decode().splitlines()[2:]
    return [(line.split()[0], line.split()[-5:-2] == ["yes"] * 3) for line in lines]


@dataclass(frozen=True)
class Picture:
    """A page as a grey picture, one byte a dot."""

    width: int
    height: int
    dots: bytes

    def ink(self, left: float, top: float, right: float, bottom: float) -> int:
        """How many dark dots lie in a rectangle, given in millimetres from the page's upper left corner."""
        return sum(
            dot < 128
            for row in range(round(top * _MM), min(round(bottom * _MM), self.height))
            for dot in self.dots[row * self.width + round(left * _MM) : row * self.width + round(right * _MM)]
        )


def pictures_of(pdf: Path, *, first: int, last: int) -> list[Picture]:
    """Pages as pictures."""
    data = _run("pdftoppm", "-gray", "-r", str(DPI), "-f", str(first), "-l", str(last), str(pdf))
    pictures = []
    while data:
        magic, size, depth, rest = data.split(b"\n", 3)
        assert (magic, depth) == (b"P5", b"255")
        width, height = map(int, size.split())
        pictures.append(Picture(width, height, rest[: width * height]))
        data = rest[width * height :]
    return pictures


def _run(*command: str) -> bytes:
    return subprocess.run(command, check=True, capture_output=True).stdout

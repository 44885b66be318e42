"""XLSX workbooks, opened at arm's length.

The parser ends its whole process when a crooked file makes it ask for too much memory. So it runs
in a process of its own (`workbook_process`), bounded in time and memory, and what it found comes
back as a few compressed megabytes, to be unpacked row by row.
"""

import gzip
import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import provisioner
from provisioner.rosters.files.archives import too_big, unreadable
from provisioner.rosters.files.encodings import chosen_encoding, keep_good_vietnamese, open_source
from provisioner.rosters.files.limits import Limits
from provisioner.rosters.files.old_fonts import FONTS, likely_font
from provisioner.rosters.files.problems import Refused
from provisioner.rosters.files.syllables import accented_words
from provisioner.rosters.files.tables import Rows, Table

_SAMPLE_ROWS = 2_000
_FEWEST_WORDS = 3


def workbook_table(source: bytes | Path, chosen: str | None, limits: Limits) -> Table:
    """The table in the first sheet that has a header we know. Raises Refused."""
    answer = _ask(source, limits)
    with gzip.open(io.BytesIO(answer), "rt", encoding="utf-8") as text:
        head = json.loads(next(text))
    if "code" in head:
        raise Refused(head["code"], vi=head["vi"], en=head["en"])
    font, confidence = _font(answer, chosen)
    convert = FONTS.get(font or "")
    return Table(
        rows=lambda: _rows(answer, convert),
        format="xlsx",
        encoding=font,
        confidence=confidence,
        sheet=head["sheet"],
        other_sheets=tuple(head["others"]),
        hidden=frozenset(head["hidden"]),
    )


def _ask(source: bytes | Path, limits: Limits) -> bytes:
    root = str(Path(provisioner.__file__).parent.parent)
    with open_source(source) as file:
        content = file.read()
    try:
        done = subprocess.run(  # noqa: S603 - our own module, and nothing of the sender's in the arguments
            [
                sys.executable,
                "-P",
                "-s",
                "-m",
                "provisioner.rosters.files.workbook_process",
                json.dumps(asdict(limits)),
            ],
            input=content,
            capture_output=True,
            timeout=2 * limits.workbook_seconds,
            env={"PYTHONPATH": root},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise too_big() from None
    if done.returncode < 0:  # ended by a signal: the parser asked for too much memory or time
        raise too_big()
    if done.returncode:
        raise unreadable()
    return done.stdout


def _rows(answer: bytes, convert: Callable[[str], str] | None) -> Rows:
    with gzip.open(io.BytesIO(answer), "rt", encoding="utf-8") as text:
        next(text)
        for line in text:
            number, cells = json.loads(line)
            yield number, [convert(cell) for cell in cells] if convert else cells


def _font(answer: bytes, chosen: str | None) -> tuple[str | None, float]:
    """A workbook is Unicode, but its text may have been typed in an old font."""
    name = chosen_encoding(chosen) if chosen is not None else None
    words = accented_words(" ".join(cells) for _, cells in islice(_rows(answer, None), _SAMPLE_ROWS))
    if name is not None:
        if name not in FONTS:
            return None, 1.0
        keep_good_vietnamese(words, name)
        return name, 1.0
    if len(words) < _FEWEST_WORDS:
        return None, 1.0
    return likely_font(words) or (None, 1.0)

"""The legal basis of a report: data with days of validity, because bases die while forms live on."""

import tomllib
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from provisioner.errors import Misconfigured, Text


def legal_basis(path: Path, *, report: str, on: date) -> Sequence[str]:
    """What a report of this name cites on a day, in the order of the list.

    Raises `Misconfigured` naming the file and what is wrong with it.
    """
    try:
        rows = tomllib.loads(path.read_text("utf-8"))["basis"]
        return [
            str(row["text"])
            for row in rows
            if report in row["reports"] and row["valid_from"] <= on <= row.get("valid_to", date.max)
        ]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        reason = f"missing {error}" if isinstance(error, KeyError) else str(error)
        raise Misconfigured(
            Text(
                vi=f"Không dùng được danh mục căn cứ pháp lý {path}: {reason}.",
                en=f"The list of legal bases {path} cannot be used: {reason}.",
            ),
            code="legal-basis-wrong",
        ) from error

"""How much of a file the reader is willing to look at."""

from dataclasses import dataclass
from typing import Final

MIB = 1024 * 1024

LONGEST_CELL: Final = 32_767
"""Characters of a cell in Excel. A file may hold longer ones, many times over; no column takes a tenth of this."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on an uploaded roster. The defaults leave room for 200,000 rows and not much more."""

    file_bytes: int = 64 * MIB
    rows: int = 200_000
    """Rows below the header that are not blank."""

    columns: int = 100
    workbook_members: int = 1_000
    """Files inside an XLSX; Excel writes a dozen, and a few for each sheet."""

    workbook_bytes: int = 320 * MIB
    """All files inside an XLSX together, counted while they are inflated."""

    workbook_ratio: int = 200
    """Inflated bytes for each compressed one, above the first eight megabytes. Sheets reach 10 to 40."""

    workbook_seconds: int = 30
    """Processor time of the process that opens a workbook."""

    workbook_memory: int = 512 * MIB
    """Address space of the process that opens a workbook."""

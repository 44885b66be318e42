"""Setting a document as PDF, at arm's length.

The typesetter keeps what it compiled in a memory of its own that it never gives back: each document
is set by a process made for it (`typesetting_process`). The fonts are ours, whatever the machine
has: Debian's older Liberation lacks ộ, ậ and ự, and would be mixed up with others without a word.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import provisioner
from provisioner.errors import Invalid, ProvisionerError, Text, Unavailable
from provisioner.reports.typesetting_process import UNPRINTABLE
from provisioner.settings import ROOT

TEMPLATES = ROOT / "config" / "reports"
"""Templates (`NAME.typ`), the fonts, and the list of legal bases."""

LONGEST_SECONDS = 60


class Unprintable(Invalid):
    """Our fonts lack some of the characters of what was to be printed."""

    def __init__(self, characters: str) -> None:
        super().__init__(
            Text(
                vi=f"Không in được các ký tự này: {characters}. Hãy bỏ đi hoặc viết bằng chữ khác.",
                en=f"These characters cannot be printed: {characters}. Leave them out or write them differently.",
            ),
            code="characters-unprintable",
        )
        self.characters = characters

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.characters,)


def typeset(
    template: str,
    data: Mapping[str, object],
    *,
    at: datetime,
    folder: Path = TEMPLATES,
    seconds: int = LONGEST_SECONDS,
) -> bytes:
    """Set the template of this name with the data, as PDF/A-2b and PDF/UA-1 with its fonts embedded.

    The same data and moment give the same bytes. Raises `Unavailable` when it takes longer than
    `seconds`, `Unprintable` for characters that the fonts lack, and `ProvisionerError` when the template is wrong.
    """
    order = {"template": template, "folder": str(folder), "data": data, "at": int(at.timestamp())}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-s", "-m", "provisioner.reports.typesetting_process"],
            input=json.dumps(order).encode(),
            capture_output=True,
            timeout=seconds,
            env={"PYTHONPATH": str(Path(provisioner.__file__).parent.parent)},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(
            Text(
                vi="Báo cáo quá lớn để tạo bản in ngay; hãy thu hẹp phạm vi.",
                en="The report is too large to be set at once; ask for a smaller part.",
            ),
            code="report-too-large",
        ) from None
    if done.returncode == UNPRINTABLE:
        raise Unprintable(done.stderr.decode())
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [str(done.returncode)]
        raise ProvisionerError(
            Text(
                vi=f"Không tạo được bản in từ mẫu {template}: {reason[0]}",
                en=f"The template {template} cannot be set: {reason[0]}",
            ),
            code="template-wrong",
        )
    return done.stdout

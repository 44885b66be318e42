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

import provisioner
from provisioner.errors import ProvisionerError, Text, Unavailable
from provisioner.settings import ROOT

TEMPLATES = ROOT / "config" / "reports"
"""Templates (`NAME.typ`), the fonts, and the list of legal bases."""

LONGEST_SECONDS = 60


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
    `seconds`, and `ProvisionerError` when the template is wrong.
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

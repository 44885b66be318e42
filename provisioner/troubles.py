"""Why something came to nothing, as its row keeps it: a code, and a sentence in both languages for whoever looks."""

import json
from typing import Final

from ca.errors import CaError
from provisioner.errors import ProvisionerError, Text

LONGEST: Final = 500
"""Characters of the column `trouble_detail`; `trouble` has 64."""

_ANSWERED: Final = {
    "needs-person": "Trong danh bạ đã có một mục khác ở chỗ này, cần người xử lý",
    "refused": "Máy chủ danh bạ từ chối mục này, cần người xử lý",
}
"""By `directory.port.Outcome`."""


def kept(error: ProvisionerError | CaError) -> dict[str, str]:
    """What the columns `trouble` and `trouble_detail` keep of an error. Sentences that have no room are cut."""
    room = LONGEST
    while len(detail := written({"vi": error.text.vi[:room], "en": error.text.en[:room]})) > LONGEST:
        room -= 10
    return {"trouble": error.code[:64], "trouble_detail": detail}


def told(detail: str | None) -> Text | None:
    """The sentence that `kept` has kept; None where there is none. Words of one language are told as they are."""
    if not detail:
        return None
    try:
        about = json.loads(detail)
    except ValueError:
        about = None
    return Text(**about) if isinstance(about, dict) else Text(vi=detail, en=detail)


def of_directory(trouble: str | None, detail: str | None) -> Text | None:
    """The sentence for what the directory answered to a row; None where it stands. The server's own words are English."""
    if trouble is None:
        return None
    said = f" ({detail})" if detail else ""
    return Text(vi=_ANSWERED.get(trouble, trouble) + said, en=detail or trouble)


def written(about: object) -> str:
    """As it stands in the column."""
    return json.dumps(about, ensure_ascii=False, separators=(",", ":"))

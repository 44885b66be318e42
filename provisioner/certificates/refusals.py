"""Why an order came to nothing: a code and what it is about in the books, a sentence in both languages for people."""

import json
from typing import Final

from ca.errors import CaError, LintFailure
from ca.findings import RULES, Finding
from provisioner import troubles
from provisioner.errors import Text
from provisioner.troubles import LONGEST, written

NOBODY: Final = "subject-unknown"
NO_PROFILE: Final = "profile-missing"
OVERTAKEN: Final = "key-overtaken"

_SENTENCES: Final = {
    NOBODY: Text(
        vi="Chủ hộp thư không giữ vị trí nào trong cơ quan, hoặc cơ quan đã ngừng hoạt động: không có ai để cấp chứng thư.",
        en="The owner of the mailbox holds no post in any agency, or the agency has ended: there is nobody to certify.",
    ),
    NO_PROFILE: Text(
        vi="Không còn mẫu chứng thư mang tên này.", en="There is no profile of this name any more."
    ),
    OVERTAKEN: Text(
        vi="Chủ hộp thư đã tạo một khóa khác sau khóa này.",
        en="A later key of the same owner took its place.",
    ),
}


def kept(error: CaError) -> dict[str, str]:
    """What the books keep of an error in `trouble` and `trouble_detail`: of a lint its findings, as many as have room."""
    if not isinstance(error, LintFailure):
        return troubles.kept(error)
    findings = [[one.code, one.where, one.value[:121]] for one in error.findings]
    while len(detail := written(findings)) > LONGEST:
        if len(findings) > 1:
            findings.pop()
        else:
            findings[0][2] = findings[0][2][:-10]
    return {"trouble": error.code[:64], "trouble_detail": detail}


def told(code: str | None, detail: str | None) -> Text | None:
    """The sentence for what `kept` has kept; None where there is no trouble. Older words are told as they are."""
    if code in _SENTENCES:
        return _SENTENCES[code]
    if not detail:
        return Text(vi=code, en=code) if code else None
    if not detail.startswith("[["):
        return troubles.told(detail)
    texts = [Finding(*one).text for one in json.loads(detail) if one[0] in RULES]
    return Text(vi="; ".join(text.vi for text in texts), en="; ".join(text.en for text in texts))

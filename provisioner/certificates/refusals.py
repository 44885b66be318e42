"""Why an order came to nothing: a code and what it is about in the books, a sentence in both languages for people."""

import json
from typing import Final

from ca.errors import CaError, LintFailure
from ca.findings import RULES, Finding
from provisioner.errors import Text

NOBODY: Final = "subject-unknown"
NO_PROFILE: Final = "profile-missing"
OVERTAKEN: Final = "key-overtaken"

LONGEST: Final = 500
"""Characters that the books keep of what a refusal is about."""

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
    about: object = {"vi": error.text.vi, "en": error.text.en}
    if isinstance(error, LintFailure):
        about = findings = [[one.code, one.where, one.value[:121]] for one in error.findings]
        while len(_written(findings)) > LONGEST and len(findings) > 1:
            findings.pop()
    return {"trouble": error.code[:64], "trouble_detail": _written(about)[:LONGEST]}


def told(code: str | None, detail: str | None) -> Text | None:
    """The sentence for what `kept` has kept; None where there is no trouble. Older words are told as they are."""
    if code in _SENTENCES:
        return _SENTENCES[code]
    if not detail:
        return Text(vi=code, en=code) if code else None
    try:
        about = json.loads(detail)
    except ValueError:
        about = None
    if isinstance(about, dict):
        return Text(**about)
    if isinstance(about, list):
        texts = [Finding(*one).text for one in about if one[0] in RULES]
        return Text(vi="; ".join(text.vi for text in texts), en="; ".join(text.en for text in texts))
    return Text(vi=detail, en=detail)


def _written(about: object) -> str:
    return json.dumps(about, ensure_ascii=False, separators=(",", ":"))

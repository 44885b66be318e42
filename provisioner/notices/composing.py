"""Composing a letter from the notices in it: one is told at length, many become a digest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from itertools import groupby
from typing import Any

from provisioner.errors import Text
from provisioner.notices.wording import WORDINGS, Reason

_MOST = 100
"""Notices of one reason that a digest tells one by one; of the others it gives the count."""

_SIGNATURE = Text(
    vi="Thư này do hệ thống cấp phát thư công vụ gửi tự động, xin đừng trả lời. Trang của hệ thống: {site}",
    en="This mail was sent by the provisioning service; please do not answer it. The site: {site}",
)
_DIGEST = Text(
    vi="{count} thông báo từ hệ thống thư công vụ", en="{count} notices of the official mail service"
)
_MORE = Text(vi="… và {count} thông báo khác cùng loại.", en="… and {count} more of this kind.")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who letters are from, and the site they lead to."""

    name: str
    address: str
    site: str


@dataclass(frozen=True, slots=True)
class Told:
    """One notice of a letter."""

    reason: Reason
    values: Mapping[str, Any]


def compose(
    notices: Sequence[Told], *, uid: str, recipient: str, made_at: datetime, sender: Sender
) -> EmailMessage:
    """The letter that tells this recipient these notices; composed again it is the same, byte for byte."""
    message = EmailMessage()
    local, _, domain = sender.address.rpartition("@")
    message["From"] = Address(sender.name, local, domain)
    message["To"] = recipient
    message["Subject"] = _subject(notices)
    message["Date"] = format_datetime(made_at)
    message["Message-ID"] = f"<{uid}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence note answers it
    parts = [_part(notices, language, sender.site) for language in ("vi", "en")]
    message.set_content("\n\n-- English --\n\n".join(parts) + "\n", cte="base64")
    return message


def _subject(notices: Sequence[Told]) -> str:
    if len(notices) == 1:
        found = WORDINGS[notices[0].reason].subject.vi.format_map(notices[0].values)
    else:
        found = _DIGEST.vi.format(count=len(notices))
    return " ".join(found.split())  # what people wrote may hold the end of a line, a header may not


def _part(notices: Sequence[Told], language: str, site: str) -> str:
    paragraphs = []
    for reason, same in groupby(sorted(notices, key=lambda told: told.reason), key=lambda told: told.reason):
        told = list(same)
        body = WORDINGS[reason].body.in_language(language)
        lines = [body.format_map(each.values) for each in told[:_MOST]]
        if len(notices) > 1:
            lines = [f"* {line}" for line in lines]
        paragraphs += lines
        if len(told) > _MOST:
            paragraphs.append(_MORE.in_language(language).format(count=len(told) - _MOST))
    paragraphs.append(_SIGNATURE.in_language(language).format(site=site))
    return "\n\n".join(paragraphs)

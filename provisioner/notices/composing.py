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
from provisioner.notices.wording import OF_OWNERS, WORDINGS, Reason

_MOST = 100
"""Notices of one reason that a digest tells one by one; of the others it gives the count."""

_SIGNATURE = Text(
    vi="Thư này do hệ thống cấp phát thư công vụ gửi tự động, xin đừng trả lời.",
    en="This mail was sent by the provisioning service; please do not answer it.",
)
_SITE = Text(vi="Trang của hệ thống: {page}", en="The site: {page}")
_OWN_PAGE = Text(vi="Trang của chủ hộp thư: {page}", en="The page of owners of mailboxes: {page}")
_DIGEST = Text(
    vi="{count} thông báo từ hệ thống thư công vụ", en="{count} notices of the official mail service"
)
_MORE = Text(vi="… và {count} thông báo khác cùng loại.", en="… and {count} more of this kind.")


@dataclass(frozen=True, slots=True)
class Sender:
    """Who letters are from, and where they lead: operators to the site, owners of mailboxes to their own page."""

    name: str
    address: str
    site: str
    own_page: str


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
    parts = [_part(notices, language, sender) for language in ("vi", "en")]
    message.set_content("\n\n-- English --\n\n".join(parts) + "\n", cte="base64")
    return message


def _subject(notices: Sequence[Told]) -> str:
    if len(notices) == 1:
        found = WORDINGS[notices[0].reason].subject.vi.format_map(notices[0].values)
    else:
        found = _DIGEST.vi.format(count=len(notices))
    return " ".join(found.split())  # what people wrote may hold the end of a line, a header may not


def _part(notices: Sequence[Told], language: str, sender: Sender) -> str:
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
    signature = [_SIGNATURE.in_language(language)]
    if any(told.reason not in OF_OWNERS for told in notices):
        signature.append(_SITE.in_language(language).format(page=sender.site))
    if any(told.reason in OF_OWNERS for told in notices):
        signature.append(_OWN_PAGE.in_language(language).format(page=sender.own_page))
    paragraphs.append("\n".join(signature))
    return "\n\n".join(paragraphs)

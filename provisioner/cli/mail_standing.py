"""What the doctor says of mail: who reads postmaster@, where timers stopped, how new sign-ins are, letters, readers, servers."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from provisioner import connecting
from provisioner.errors import Misconfigured, Text, Unavailable
from provisioner.mail.feeds import is_silent, newest
from provisioner.mail.stopping import stops
from provisioner.mailboxes.models import Address, Mailbox, Status
from provisioner.notices.standing import standing
from provisioner.noticing import unread
from provisioner.services import Services


def postmaster(services: Services) -> str:
    """Who reads it. Raises `Misconfigured` when nobody does and letters are sent there."""
    section = services.settings.mail
    named = section.postmasters or (section.postmaster,)
    lost = _without_mailbox(services, named)
    if not lost:
        return f"{section.postmaster} is read by {', '.join(named)}"
    if not section.postmasters and not services.settings.notices.server:
        return "nobody reads it, and nothing is sent to it either; name somebody in mail.postmasters"
    raise Misconfigured(
        Text(
            vi=f"Không ai đọc thư gửi {section.postmaster}: {', '.join(lost)} không phải hộp thư đang hoạt động; hãy đặt "
            "mail.postmasters rồi tạo lại cấu hình Postfix.",
            en=f"Nobody reads {section.postmaster}: {', '.join(lost)} is no active mailbox; set mail.postmasters and "
            "write the configuration of Postfix again.",
        ),
        code="postmaster-unread",
    )


def timers(services: Services) -> str:
    """Raises `Unavailable` while mailboxes wait for a person to confirm that they are locked or deleted."""
    with services.database.reading() as session:
        waiting = [stop for stop in stops(session) if stop.confirmed_at is None]
    if not waiting:
        return "nothing is stopped"
    count = sum(len(stop.lock) + len(stop.delete) for stop in waiting)
    since = f"{waiting[0].stopped_at:%Y-%m-%d %H:%M}"
    raise Unavailable(
        Text(
            vi=f"{count:,} hộp thư đến hạn khóa hoặc xóa đang chờ người xác nhận từ {since}; «provisioner mail timers».",
            en=f"{count:,} mailboxes that are due to be locked or deleted wait for a person since {since}; “provisioner "
            "mail timers”.",
        ),
        code="timers-stopped",
    )


def sign_ins(services: Services) -> str:
    """When the newest was. Raises `Unavailable` when it is so old that nobody is held to be idle any more."""
    with services.database.reading() as session:
        at = newest(session).sign_in
    return _age(services, at, Text(vi="lần đăng nhập", en="sign-in"), "sign_ins_from")


def sizes(services: Services) -> str:
    """When the newest was, as `sign_ins`."""
    with services.database.reading() as session:
        at = newest(session).size
    return _age(services, at, Text(vi="dung lượng", en="size"), "sizes_from")


def letters(services: Services) -> str:
    """Raises `Unavailable` while there are letters that no mail server takes."""
    with services.database.reading() as session:
        found = standing(session)
    if not found.refused:
        return f"{found.sent:,} sent, {found.queued + found.unsent:,} wait, none refused"
    raise Unavailable(
        Text(
            vi=f"{found.refused:,} thư bị máy chủ thư từ chối; «provisioner notices».",
            en=f"{found.refused:,} letters were refused by the mail server; “provisioner notices”.",
        ),
        code="letters-refused",
    )


def readers(services: Services) -> str:
    """Raises `Misconfigured` while there is something that a letter should tell and that has no reader."""
    if not services.settings.notices.server:
        return "no letters are sent"
    with services.database.reading() as session:
        lost = unread(session, proposals_last=services.proposals_last, now=services.clock())
    if not lost:
        return "all that has to be told has a reader"
    raise Misconfigured(
        Text(
            vi=f"{len(lost):,} việc không báo được cho ai, trước hết «{lost[0].vi}»: những người có quyền không có hộp thư hay "
            "địa chỉ nào, hoặc cơ quan không có đầu mối; «provisioner operators contact».",
            en=f"{len(lost):,} matters reach nobody, the first is “{lost[0].en}”: whoever may decide has no mailbox and no "
            "address, or the agency has no contact; “provisioner operators contact”.",
        ),
        code="nobody-reads",
    )


def imap(services: Services) -> str:
    """What Dovecot says first. Raises `Unavailable` when it does not answer."""
    return _greeting(services, services.settings.mail.imap, "mail.imap")


def lmtp(services: Services) -> str:
    """As `imap`, where mail is delivered."""
    return _greeting(services, services.settings.mail.lmtp, "mail.lmtp")


def smtp(services: Services) -> str:
    """As `imap`, where mail comes in: Postfix."""
    return _greeting(services, services.settings.mail.smtp, "mail.smtp")


def takes_letters(services: Services) -> str:
    """Whether the server answers that takes our letters. Raises `Unavailable` when it does not."""
    server = services.settings.notices.server
    if not server:
        return "not configured (notices.server): nothing is sent"
    connecting.greet(services.settings, timeout=5)
    return f"{server} answers"


def _greeting(services: Services, url: str, setting: str) -> str:
    if not url:
        return f"not configured ({setting})"
    return f"{url} answers: {connecting.mail_greeting(services.settings, url)}"


def _age(services: Services, at: datetime | None, what: Text, setting: str) -> str:
    if at is None:
        folder = getattr(services.settings.mail, setting)
        todo = f"the account of the worker has to read {folder}" if folder else f"set mail.{setting}"
        return f"no {what.en} was ever brought in; {todo}"
    if is_silent(at, now=services.clock()):
        raise Unavailable(
            Text(
                vi=f"Từ {at:%Y-%m-%d} không có {what.vi} nào được nạp; hãy xem mail.{setting}.",
                en=f"No {what.en} was brought in since {at:%Y-%m-%d}; look at mail.{setting}.",
            ),
            code="feed-silent",
        )
    return f"the newest {what.en} is of {at:%Y-%m-%d %H:%M}"


def _without_mailbox(services: Services, addresses: Sequence[str]) -> list[str]:
    """Those in our domains that are no active mailbox; of others we know nothing."""
    ours = [one for one in addresses if one.rpartition("@")[2] in services.policy.domains]
    with services.database.reading() as session:
        wanted = select(Address.address).join(Mailbox, Mailbox.id == Address.mailbox_id)
        known = session.scalars(
            wanted.where(Mailbox.status == Status.ACTIVE, Address.address.in_(ours))
        ).all()
    return [one for one in ours if one not in known]

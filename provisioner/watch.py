"""The watch: the clock looks at each part of the system and keeps in the books what it saw.

It has connections of its own with short limits. Workers are not asked: RQ keeps a register of them in Redis,
in which each is heard of every half minute, so that nobody but the clock has to write.
"""

import logging
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from typing import Final

from provisioner import connecting
from provisioner.adapters.ldap import LdapDirectory
from provisioner.errors import ProvisionerError, Text
from provisioner.parts import Name, Sighting, note
from provisioner.services import Services

log = logging.getLogger(__name__)

LIMIT: Final = 3.0
"""Seconds for connecting, and for each answer."""

_NOBODY: Final = Text(
    vi="Không có tiến trình nào đang chạy. Hãy khởi động; trong khi chờ không mất gì cả.",
    en="No such process is running. Start one; nothing is lost meanwhile.",
)
_NONSENSE: Final = Text(
    vi="Trả lời không hiểu được; có thể một chương trình khác đang nghe ở địa chỉ này.",
    en="It answers what nobody can read; another program may listen at its address.",
)
_WAITING: Final = {
    Name.ENTRIES: ("directory", Text(vi="Có mục chờ ghi vào danh bạ.", en="Entries wait for the directory.")),
    Name.LISTS: (
        "lists",
        Text(vi="Có thu hồi chưa vào danh sách thu hồi.", en="Revocations stand on no revocation list yet."),
    ),
}
"""What has always something waiting while its bell is due, and how that is said."""


class Watch:
    """What one clock sees; its methods may be called by different threads."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def beat(self, bells: Collection[str]) -> None:
        """The clock is alive; and for what, by the bells that are due, something waits. Raises `Unavailable`."""
        waiting = [Sighting(name, text if bell in bells else None) for name, (bell, text) in _WAITING.items()]
        self._keep([Sighting(Name.CLOCK), *waiting])

    def look(self) -> None:
        """Ask every outside part whether it is there. Raises `Unavailable` when the books are not."""
        looks = (self._at_directory, self._at_redis, self._at_mail)
        self._keep([seen for look in looks for seen in look()])

    def close(self) -> None:
        """Close what was opened; the services stay open."""
        self._directory.close()

    def _keep(self, seen: list[Sighting]) -> None:
        with self._services.database.transaction() as session:
            note(session, seen, now=self._services.clock())

    @cached_property
    def _directory(self) -> LdapDirectory:
        return connecting.directory(self._services.settings, self._services.dit, timeout=LIMIT)

    def _at_directory(self) -> Iterator[Sighting]:
        account = self._services.dit.service("provisioner")
        yield Sighting(Name.DIRECTORY, _trouble(lambda: self._directory.read([account])))

    def _at_redis(self) -> Iterator[Sighting]:
        try:
            queues = self._services.doorbell.queues()
        except ProvisionerError as error:
            yield Sighting(Name.REDIS, error.text)  # of the workers nobody knows anything then
            return
        yield Sighting(Name.REDIS)
        for name, queue in queues.items():
            yield Sighting(Name(name), None if queue.workers else _NOBODY, queue.workers, queue.waiting)

    def _at_mail(self) -> Iterator[Sighting]:
        if self._services.settings.notices.server:
            yield Sighting(Name.MAIL, _trouble(lambda: connecting.greet(self._services.settings, LIMIT)))


def _trouble(ask: Callable[[], object]) -> Text | None:
    """What stands in the way of an answer; None when there is one."""
    try:
        ask()
    except ProvisionerError as error:
        return error.text
    except Exception as error:
        # A server may answer anything, and the next look has to come.
        log.warning("an answer that is none", exc_info=error)
        return _NONSENSE
    return None

"""Rounds through the mailboxes: the timers, and lists as the directory answers them, with what a process holds."""

from collections.abc import Container, Iterator

from provisioner import connecting
from provisioner.days import Calendar
from provisioner.mail import timers
from provisioner.mail.timers import Ran, TimerPolicy
from provisioner.services import Services


def timer_policy(services: Services) -> TimerPolicy:
    section = services.settings.timers
    return TimerPolicy(
        idle_days=section.idle_days or None,
        notice_days=section.notice_days,
        idle_deleted_after=section.idle_deleted_after or None,
        left_deleted_after=section.left_deleted_after or None,
        most_share=section.most_share,
        most_few=section.most_few,
    )


def calendar(services: Services) -> Calendar:
    """The state's working days."""
    return Calendar.load(services.settings.reference.folder / "holidays.toml")


def run_timers(services: Services) -> Ran:
    """Announce, lock and delete mailboxes that nobody uses or whose owner left; see `mail.timers`."""
    return timers.run_timers(
        services.database,
        timer_policy(services),
        calendar=calendar(services),
        postmaster=services.settings.mail.postmaster,
        clock=services.clock,
    )


def directory_lists(services: Services, wanted: Container[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """The wanted lists with their members, as a mail server finds them in the directory."""
    return connecting.lists(services.settings, services.dit, wanted)

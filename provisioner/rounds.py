"""Rounds through the books by the province's days and through the directory's lists, with what a process holds."""

from collections.abc import Container, Iterator
from datetime import timedelta
from pathlib import Path

from provisioner import connecting
from provisioner.certificates.foreign_life import Deadlines
from provisioner.days import Calendar
from provisioner.mail import sizes, timers, usage
from provisioner.mail.timers import Ran, TimerPolicy
from provisioner.services import Services


def timer_policy(services: Services) -> TimerPolicy:
    section = services.settings.timers
    return TimerPolicy(
        idle_days=section.idle_days or None,
        notice_days=section.notice_days,
        idle_deleted_after=section.idle_deleted_after or None,
        left_deleted_after=section.left_deleted_after or None,
        disabled_deleted_after=section.disabled_deleted_after or None,
        most_share=section.most_share,
        most_few=section.most_few,
    )


def calendar(services: Services) -> Calendar:
    """The state's working days."""
    return connecting.calendar(services.settings)


def foreign_deadlines(services: Services) -> Deadlines:
    """What the province sets for certificates of other authorities."""
    section = services.settings.deadlines
    return Deadlines(
        calendar=calendar(services),
        renewal_left=timedelta(days=section.renewal_days_left),
        settled_within={
            "change": section.settle_change,
            "renewal": section.settle_renewal,
            "recovery": section.settle_recovery,
        },
        return_within=section.return_device,
    )


def run_timers(services: Services) -> Ran:
    """Announce, lock and delete mailboxes that nobody uses or whose owner left; see `mail.timers`."""
    return timers.run_timers(
        services.database,
        timer_policy(services),
        calendar=calendar(services),
        postmaster=services.settings.mail.postmaster,
        clock=services.clock,
    )


def bring_in_sign_ins(services: Services) -> int:
    """Bring in who signed in, from the folder of the settings; how many mailboxes changed. Raises `Invalid`."""
    folder = services.settings.mail.sign_ins_from
    if not folder:
        return 0
    found = usage.last_logins(Path(folder))
    return usage.bring_in(services.database, found, now=services.clock()).changed


def bring_in_sizes(services: Services) -> int:
    """Bring in what mailboxes hold, as `bring_in_sign_ins`."""
    folder = services.settings.mail.sizes_from
    if not folder:
        return 0
    found = sizes.cloned_sizes(Path(folder))
    return sizes.bring_in_sizes(services.database, found, now=services.clock()).changed


def directory_lists(services: Services, wanted: Container[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """The wanted lists with their members, as a mail server finds them in the directory."""
    return connecting.lists(services.settings, services.dit, wanted)

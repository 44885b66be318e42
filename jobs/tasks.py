"""What a job does: open the services and look at the books. Arguments are never needed.

Each runs in a work-horse of its own, forked after the imports and before any connection.
"""

from functools import cache

from provisioner.rounds import bring_in_sign_ins as bring_in_the_sign_ins
from provisioner.rounds import bring_in_sizes as bring_in_the_sizes
from provisioner.rounds import run_timers as run_the_timers
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.signing import delegate_answers as delegate_the_answers
from provisioner.signing import renew_lists as renew_the_lists
from provisioner.signing import seal_record as seal_the_record
from provisioner.signing import sign_certificates as sign_the_certificates


@cache
def services() -> Services:
    """This process's services: built at the first job, after the fork."""
    return Services(Settings.load())


def plan_rosters() -> None:
    services().plan_rosters()


def apply_rosters() -> None:
    services().apply_rosters()


def write_results() -> None:
    services().write_results()


def sync_directory() -> None:
    services().sync_directory()


def reconcile_directory() -> None:
    services().reconcile_directory()


def sign_certificates() -> None:
    sign_the_certificates(services())


def renew_lists() -> None:
    renew_the_lists(services())


def seal_record() -> None:
    seal_the_record(services())


def seal_reports() -> None:
    # Imported here: PDF signing is large, and most workers never need it.
    from provisioner.stamping import seal_reports as seal_the_reports  # noqa: PLC0415

    seal_the_reports(services())


def carry_out_revocations() -> None:
    services().carry_out_revocations()


def delegate_answers() -> None:
    delegate_the_answers(services())


def sign_answers() -> None:
    services().ocsp.sign_ahead()


def renew_certificates() -> None:
    services().renew_certificates()


def audit_certificates() -> None:
    services().audit_certificates()


def note_stale_certificates() -> None:
    services().note_stale()


def send_notices() -> None:
    services().send_notices()


def recount_coverage() -> None:
    services().recount_coverage()


def take_snapshot() -> None:
    services().take_snapshot()


def bring_in_sign_ins() -> None:
    bring_in_the_sign_ins(services())


def bring_in_sizes() -> None:
    bring_in_the_sizes(services())


def run_timers() -> None:
    run_the_timers(services())

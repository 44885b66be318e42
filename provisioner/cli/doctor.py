"""`provisioner doctor`: one line per outside part, and exit status 1 when one of them fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import click
from sqlalchemy import select

from ca.errors import CaError
from provisioner.certificates import auditing, staleness
from provisioner.certificates.models import Issuer
from provisioner.certificates.pausing import stopped_by, waits_for_a_person
from provisioner.certificates.recording_proof import summary
from provisioner.certificates.revoked_authorities import abandoned, idle_purposes, revoked_authorities
from provisioner.cli.mail_standing import (
    imap,
    letters,
    lmtp,
    postmaster,
    readers,
    sign_ins,
    sizes,
    smtp,
    takes_letters,
    timers,
)
from provisioner.cli.published import published
from provisioner.cli.room import room
from provisioner.cli.shell import Shell, as_json, pass_shell, print_json
from provisioner.connecting import database_url
from provisioner.days import VIETNAM, day_of
from provisioner.errors import Misconfigured, ProvisionerError, Text, Unavailable
from provisioner.migrating import is_current
from provisioner.resealing import left
from provisioner.rounds import calendar
from provisioner.services import Services
from provisioner.signing import keystore
from provisioner.working import remaining


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's: a part, whether it is well, and what was seen or what to do."""

    part: str
    well: bool
    said: str


@click.command()
@as_json
@pass_shell
@click.pass_context
def doctor(context: click.Context, shell: Shell, as_json: bool) -> None:
    """Try every outside part as the product uses it."""
    findings = list(_examine(shell))
    if as_json:
        print_json([{"part": f.part, "well": f.well, "said": f.said} for f in findings])
    else:
        for finding in findings:
            mark = click.style("ok  ", fg="green") if finding.well else click.style("FAIL", fg="red")
            click.echo(f"{mark} {finding.part:<12} {finding.said}")
    if not all(finding.well for finding in findings):
        context.exit(1)


def _examine(shell: Shell) -> Iterator[Finding]:
    services = shell.services  # a wrong setting ends here, with its sentence
    parts: dict[str, Callable[[Services], str]] = {
        "settings": _settings,
        "database": _database,
        "room": room,
        "redis": _redis,
        "directory": lambda services: services.directory.probe(),
        "sealing": _sealing,
        "naming": lambda services: f"{services.policy.province}: addresses in {services.policy.domain}",
        "reference": _reference,
        "calendar": calendar_lasts,
        "keys": _keys,
        "authorities": authorities_work,
        "crl": lists_last,
        "stale": stale_revoked,
        "record": _record,
        "audit": _audit,
        "published": published,
        "pending": _pending,
        "postmaster": postmaster,
        "timers": timers,
        "sign-ins": sign_ins,
        "sizes": sizes,
        "letters": letters,
        "readers": readers,
        "sending": takes_letters,
        "imap": imap,
        "lmtp": lmtp,
        "smtp": smtp,
    }
    for part, examine in parts.items():
        try:
            yield Finding(part, True, examine(services))
        except (ProvisionerError, CaError) as error:
            yield Finding(part, False, error.text.vi if shell.language == "vi" else error.text.en)


def _settings(services: Services) -> str:
    """The same that stops a process at its start."""
    section = services.checked().settings.quotas
    return f"all can be used; {section.personal} a person, {section.unit} a unit"


def _database(services: Services) -> str:
    kind = database_url(services.settings).partition(":")[0]
    if not is_current(services.database):
        raise Unavailable(
            Text(
                vi="Cơ sở dữ liệu chưa ở phiên bản này; hãy chạy «provisioner db upgrade».",
                en="The database is not at this version; run “provisioner db upgrade”.",
            )
        )
    return f"{kind}, at this version"


def _redis(services: Services) -> str:
    bell = services.doorbell
    return f"version {bell.version()}, {bell.waiting()} calls waiting"


def _sealing(services: Services) -> str:
    """Which key seals and what is under others. Raises `Misconfigured` when one of those is not listed."""
    sealer = services.sealer
    with services.database.reading() as session:
        old = left(session, sealer)
    keys = ", ".join(str(key) for key in sorted({key for _place, key in old}))
    if missing := sorted({key for _place, key in old} - sealer.listed):
        names = ", ".join(map(str, missing))
        raise Misconfigured(
            Text(
                vi=f"identity.keys: thiếu khóa {names}, trong sổ còn giá trị niêm phong bằng khóa này; hãy ghi lại vào "
                "trước khóa hiện hành.",
                en=f"identity.keys: key {names} is not listed, but values are still sealed with it; list it again, "
                "before the current one.",
            ),
            code="sealing-keys-wrong",
        )
    if old:
        return f"key {sealer.current} seals; {old.total():,} values are under key {keys}: «provisioner db reseal»"
    return f"key {sealer.current} seals, and everything is under it"


def _reference(services: Services) -> str:
    reference = services.reference
    return (
        f"{len(reference.levels)} levels, {len(reference.blocs)} blocs, {len(reference.kinds)} unit kinds, "
        f"{len(reference.categories)} staff categories"
    )


def calendar_lasts(services: Services) -> str:
    """Raises `Unavailable` when holidays are not known for long enough."""
    known = calendar(services)
    if lacking := known.lacks(day_of(services.clock())):
        raise Unavailable(lacking, code="holidays-end")
    return f"holidays are known until {known.until}"


def _keys(services: Services) -> str:
    section = services.settings.authority
    if section.store == "pkcs11":
        # Never opened here: every look would be another try with the PIN.
        return f"in the token {section.token}; opened by the signer only"
    if section.passphrase is None:
        return "not in this process's reach, as it should be outside the signer"
    labels = keystore(services.settings).labels()
    return f"authority keys: {', '.join(sorted(labels)) or 'none yet; run provisioner ca init'}"


def authorities_work(services: Services) -> str:
    """Which authorities there are. Raises `Unavailable` while one is paused, with the reason and the way out."""
    with services.database.reading() as session:
        over, revoked, idle = abandoned(session), revoked_authorities(session), idle_purposes(session)
        issuers = session.scalars(select(Issuer).where(Issuer.label.not_in(over)).order_by(Issuer.id)).all()
    if paused := [issuer for issuer in issuers if issuer.trouble is not None]:
        why = [(issuer.label, stopped_by(issuer)) for issuer in paused]
        vi, en = (
            "; ".join(f"{label}: {getattr(text, name)}" for label, text in why) for name in ("vi", "en")
        )
        until = "; «provisioner ca resume»" if any(map(waits_for_a_person, paused)) else ""
        raise Unavailable(Text(vi=f"CA tạm dừng ký. {vi}{until}", en=f"Paused, signs nothing. {en}{until}"))
    named = [f"{each.label} (revoked)" if each.label in revoked else each.label for each in issuers]
    waits = (
        f"; nobody issues for {', '.join(sorted(idle))}: hold the next generation's ceremony" if idle else ""
    )
    return (", ".join(named) or "no authority yet") + waits


def lists_last(services: Services) -> str:
    """How long every list is good. Raises `Unavailable` when one has ended."""
    now = services.clock()
    with services.database.reading() as session:
        issuers = session.execute(
            select(Issuer.label, Issuer.crl_next_update).where(Issuer.label.not_in(abandoned(session)))
        ).all()
    stale = [row.label for row in issuers if row.crl_next_update is None or row.crl_next_update <= now]
    if stale:
        raise Unavailable(
            Text(
                vi=f"Danh sách thu hồi đã hết hạn: {', '.join(stale)}. Tiến trình signer phải chạy; danh sách của CA gốc thì "
                "mang khóa gốc về và chạy lại «provisioner ca ceremony».",
                en=f"The revocation list has expired: {', '.join(stale)}. The signer process has to run; for a root's list "
                "bring its key and run “provisioner ca ceremony” again.",
            )
        )
    left = {
        row.label: (row.crl_next_update - now) // timedelta(hours=1) for row in issuers if row.crl_next_update
    }
    return ", ".join(f"{label} good for {hours:,} h" for label, hours in left.items()) or "no authority yet"


def stale_revoked(services: Services) -> str:
    """How many differ from the register. Raises `Unavailable` when one of them should have been revoked by now."""
    now = services.clock()
    with services.database.reading() as session:
        found = staleness.due(session, now=now)
    if found.first is None:
        return "every certificate says what the register says"
    by = f"{found.first.astimezone(VIETNAM):%Y-%m-%d %H:%M}"
    if found.first <= now:
        raise Unavailable(
            Text(
                vi=f"{found.count:,} chứng thư khác với sổ đăng ký, chứng thư đầu tiên phải thu hồi trước {by}; "
                "«provisioner revocations stale».",
                en=f"{found.count:,} certificates differ from the register, the first was to be revoked by {by}; "
                "“provisioner revocations stale”.",
            ),
            code="stale-overdue",
        )
    return f"{found.count:,} differ from the register; the first is to be revoked by {by}"


def _record(services: Services) -> str:
    """A look that reads no leaf; `provisioner ca verify-record` reads all of them."""
    with services.database.reading() as session:
        if session.scalar(select(Issuer.id).limit(1)) is None:
            return "no authority yet"
        head, waiting_since = summary(session)
    if waiting_since is not None and services.clock() - waiting_since > timedelta(minutes=10):
        raise Unavailable(
            Text(
                vi=f"Bản ghi cấp phát chờ ký từ {waiting_since:%Y-%m-%d %H:%M}; tiến trình signer phải chạy.",
                en=f"The record waits for its signature since {waiting_since:%Y-%m-%d %H:%M}; the signer process has "
                "to run.",
            )
        )
    return f"{head.size:,} leaves under the checkpoint of {head.signed_at:%Y-%m-%d %H:%M}"


def _audit(services: Services) -> str:
    with services.database.reading() as session:
        series, found = auditing.standing(session), auditing.findings(session)
    examined, left = sum(one.examined for one in series), sum(one.left for one in series)
    if found:
        raise Unavailable(
            Text(
                vi=f"{auditing.linter()} chê {len(found)} điều ở những gì đã ký; xem «provisioner ca audit --status».",
                en=f"{auditing.linter()} holds {len(found)} things against what was signed; see “provisioner ca audit "
                "--status”.",
            )
        )
    return f"{auditing.linter()} examined {examined:,} signatures and found nothing; {left:,} left"


def _pending(services: Services) -> str:
    with services.database.reading() as session:
        left = remaining(session, totals=True)
    look = " («provisioner directory stuck», «certificates refused»)" if left.stuck else ""
    return (
        f"{left.entries:,} of {left.all_entries:,} entries, {left.certificates:,} of "
        f"{left.all_certificates:,} certificates; {left.stuck:,} need a person{look}"
    )

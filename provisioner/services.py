"""What a process holds, built once: the books, the directory, the policies, and the doorbell.

Made after a fork, never before it. Everything opens on first use, so a command that needs
no directory asks for no password of one. The authority's key is not here: see `signing`.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from ca.profiles import Profile, load_profiles
from ldap_schema.dit import Dit
from provisioner import connecting, noticing, working
from provisioner.adapters import first_load
from provisioner.adapters.ldap import LdapDirectory
from provisioner.adapters.ldap_binding import LdapBinding
from provisioner.adapters.ldap_passwords import LdapPasswords
from provisioner.adapters.smtp import SmtpServer
from provisioner.agencies.reference import Reference
from provisioner.certificates import auditing, renewing, revoking_authorities, revoking_many, staleness
from provisioner.certificates.answering import Answers
from provisioner.certificates.published import Published
from provisioner.certificates.subjects import Naming
from provisioner.coverage import recounting, snapshots
from provisioner.coverage.remembering import Remembered
from provisioner.coverage.trend import Trend
from provisioner.days import day_of
from provisioner.db import Database, Ring
from provisioner.directory.port import Directory
from provisioner.directory.reconciling import reconcile_part
from provisioner.directory.syncing import Synced, sync
from provisioner.lists import keeping as lists
from provisioner.mail.activating import activate
from provisioner.mail.configuring import MailServer
from provisioner.mail.entering import Entrance
from provisioner.mail.passwords import PasswordPolicy
from provisioner.mail.usage import SignIn
from provisioner.mailboxes.models import Kind
from provisioner.mailboxes.policy import NamingPolicy, load_policy
from provisioner.notices import sending
from provisioner.notices.composing import Sender
from provisioner.people.sealing import Sealer
from provisioner.rosters.addressing import Rules
from provisioner.rosters.applying import Tools, apply_approved
from provisioner.rosters.receiving import plan_received
from provisioner.rosters.results_asked import write_asked
from provisioner.secret import Secret
from provisioner.settings import Settings

if TYPE_CHECKING:
    from provisioner.adapters.queue import Doorbell
    from provisioner.adapters.single_sign_on import SingleSignOn


def utc_now() -> datetime:
    return datetime.now(UTC)


class Services:
    """The collaborators of one process. `ring` may be a list's `append` where no Redis is wanted."""

    def __init__(
        self, settings: Settings, *, clock: Callable[[], datetime] = utc_now, ring: Ring | None = None
    ) -> None:
        self.settings = settings
        self.clock = clock
        self._ring = ring

    def checked(self) -> Self:
        """These services, once what the settings describe was made of them; nothing is opened. Raises `Misconfigured`.

        For the start of a process: a wrong setting stops it, and not each row that would have needed it.
        """
        connecting.database_url(self.settings)
        connecting.calendar(self.settings)
        for name in ("policy", "quotas", "sealer", "reference", "password_policy", "message_size", "smtp"):
            getattr(self, name)
        return self

    @cached_property
    def doorbell(self) -> "Doorbell":
        # Where it is wanted only: RQ and Redis are a tenth of what importing the whole product takes.
        from provisioner.adapters.queue import Doorbell  # noqa: PLC0415

        return Doorbell(self.settings.redis.url)

    @cached_property
    def database(self) -> Database:
        return Database(connecting.database_url(self.settings), ring=self._ring or self.doorbell)

    @cached_property
    def dit(self) -> Dit:
        return Dit(self.settings.directory.suffix)

    @cached_property
    def directory(self) -> LdapDirectory:
        return connecting.directory(self.settings, self.dit)

    @cached_property
    def sealer(self) -> Sealer:
        return Sealer.from_setting(self.settings.sealing_keys())

    @cached_property
    def reference(self) -> Reference:
        return Reference.load(self.settings.reference.folder)

    @cached_property
    def policy(self) -> NamingPolicy:
        policy = load_policy(self.settings.naming.policy)
        policy.demand_in_force(day_of(self.clock()))
        return policy

    @cached_property
    def quotas(self) -> dict[Kind, int]:
        """Bytes by kind of mailbox."""
        section = self.settings.quotas
        return {
            Kind.PERSONAL: connecting.in_bytes("quotas.personal", section.personal),
            Kind.UNIT: connecting.in_bytes("quotas.unit", section.unit),
        }

    @property
    def used_within(self) -> timedelta:
        """How recently a mailbox was used that counts as in use."""
        return timedelta(days=self.settings.coverage.used_within_days)

    @property
    def proposals_last(self) -> timedelta:
        """How long a proposal to revoke waits for a second person before it lapses."""
        return timedelta(days=self.settings.deadlines.revocation_proposal)

    @property
    def rules(self) -> Rules:
        return Rules(policy=self.policy, quotas=self.quotas, sealer=self.sealer)

    @cached_property
    def passwords(self) -> LdapPasswords:
        """The directory as the one account that sets passwords sees it."""
        return connecting.passwords(self.settings, self.dit)

    @cached_property
    def password_policy(self) -> PasswordPolicy:
        return PasswordPolicy.load(self.settings.activation.passwords)

    def activate(self, address: str, code: Secret, password: Secret, *, source: str) -> str:
        """Set a password with a one-time code; the mailbox's primary address. See `mail.activating`."""
        return activate(
            self.database,
            self.passwords,
            address=address,
            code=code,
            password=password,
            source=source,
            policy=self.password_policy,
            dit=self.dit,
            now=self.clock(),
        )

    def directory_sign_ins(self, since: datetime | None) -> Iterator[SignIn]:
        """Sign-ins as the directory saw them, since a moment if one is given."""
        return connecting.sign_ins(self.settings, self.dit, since)

    @cached_property
    def binding(self) -> LdapBinding:
        """The directory, asked whether somebody knows the password of an entry."""
        return connecting.binding(self.settings)

    @cached_property
    def sign_on(self) -> "SingleSignOn | None":
        """The province's single sign-on, if there is one. Raises `Misconfigured`."""
        return connecting.sign_on(self.settings)

    @cached_property
    def entrance(self) -> Entrance:
        """All ways into the site."""
        by_email = self.settings.oidc.claim == "email"
        return Entrance(
            self.database, self.binding, self.sign_on, by_email, self.dit, self.sealer, self.clock
        )

    @cached_property
    def message_size(self) -> int:
        """Bytes that a message may have."""
        return connecting.in_bytes("mail.message_size", self.settings.mail.message_size)

    @cached_property
    def mail_server(self) -> MailServer:
        """What the mail servers' configuration says of this province."""
        return connecting.mail_server(
            self.settings,
            self.dit,
            domains=self.policy.domains,
            message_size=self.message_size,
            fallback_quota=min(self.quotas.values()),
        )

    def plan_rosters(self) -> int:
        """Plan every file that was received; how many."""
        return plan_received(self.database, self.rules, clock=self.clock)

    def apply_rosters(self) -> int:
        """Carry out every roster that was set going; how many rows."""
        return apply_approved(self.database, Tools(self.sealer, self.quotas, self.clock))

    def write_results(self) -> int:
        """Write the results of rosters that somebody asked for; how many."""
        return write_asked(self.database, self.sealer, clock=self.clock)

    def sync_directory(self) -> Synced:
        """Make the directory agree with the books."""
        return self._sync(self.directory, self.settings.directory.chunk)

    def reconcile_directory(self) -> int:
        """Compare the part of the directory whose turn it is with the books, and have put right what differs; how many."""
        return reconcile_part(
            self.database, self.directory, dit=self.dit, quotas=self.quotas, now=self.clock()
        )

    def _sync(self, directory: Directory, chunk: int) -> Synced:
        lists.catch_up(self.database, domain=self.policy.domain)
        return sync(self.database, directory, dit=self.dit, quotas=self.quotas, clock=self.clock, chunk=chunk)

    @contextmanager
    def first_load(self) -> Iterator[Callable[[], Synced]]:
        """What to call within this block instead of `sync_directory`: the directory then does not wait for the disk.

        See `adapters.first_load`.

        Raises `Conflict` when there is a mailbox in it already.
        """
        configuration = connecting.slapd_configuration(self.settings)
        with closing(configuration), first_load.first_load(self.directory, configuration) as directory:
            yield lambda: self._sync(directory, first_load.CHUNK)

    @cached_property
    def certificate_naming(self) -> Naming:
        """What all subjects of certificates share."""
        section = self.settings.authority
        return Naming(section.organization_identifier, section.state or None)

    @cached_property
    def profiles(self) -> Mapping[str, Profile]:
        return load_profiles(self.settings.authority.profiles)

    def carry_out_revocations(self) -> int:
        """Revoke what two people agreed on: all below a revoked authority, of the rest what the hour allows; how many."""
        fallen = revoking_authorities.fall(self.database, profiles=self.profiles, clock=self.clock)
        return fallen + revoking_many.carry_out(
            self.database,
            profiles=self.profiles,
            per_hour=self.settings.authority.planned_revocations_per_hour,
            clock=self.clock,
        )

    @cached_property
    def ocsp(self) -> Answers:
        """Answers whether a certificate is good, without the authority's key."""
        return Answers(self.database, self.sealer, clock=self.clock)

    @cached_property
    def published(self) -> Published:
        """What verifiers fetch: the authorities' certificates and lists."""
        return Published(self.database)

    def renew_certificates(self) -> int:
        """Order successors for certificates that end soon, and note whom to tell; how many were ordered."""
        before, ordered = timedelta(days=self.settings.authority.renew_before_days), 0
        with self.database.transaction() as session:
            renewing.note_expiring(session, now=self.clock())
        while True:
            with self.database.transaction() as session:
                count = renewing.renew(session, before=before, now=self.clock())
            ordered += count
            if not count:
                return ordered

    def audit_certificates(self) -> int:
        """Have some of what was signed examined once more, while nothing else waits or when it waited long; how many."""
        with self.database.reading() as session:
            stands_back = not auditing.is_overdue(session, now=self.clock())
        return auditing.examine(
            self.database,
            clock=self.clock,
            is_busy=lambda: stands_back and self.bells_due() not in ([], ["audit"]),
        )

    def note_stale(self) -> int:
        """Start the clock of certificates that no longer say what the register says; how many there are."""
        return staleness.note(self.database, self.certificate_naming, now=self.clock())

    @cached_property
    def trend(self) -> Trend:
        """The past of coverage, as far as this process has read it."""
        return Trend()

    @cached_property
    def drawn(self) -> Remembered[Any]:
        """What this process has drawn of coverage and may show again."""
        return Remembered()

    @cached_property
    def watched(self) -> working.Watched:
        """How far rosters have come that people of this process watch."""
        return working.Watched()

    def recount_coverage(self) -> int:
        """Count again the agencies whose figures changed; how many."""
        with self.database.transaction() as session:
            return recounting.recount(session, now=self.clock(), used_within=self.used_within)

    def take_snapshot(self) -> None:
        """Take today's picture of coverage, or take it again."""
        with self.database.transaction() as session:
            snapshots.take(session, now=self.clock(), used_within=self.used_within)

    @cached_property
    def smtp(self) -> SmtpServer | None:
        return connecting.smtp(self.settings)

    def send_notices(self) -> sending.Sent:
        """Look up what people have to be told, and send it if there is a mail server for it."""
        noticing.note(self.database, proposals_last=self.proposals_last, now=self.clock())
        if self.smtp is None:
            return sending.Sent()
        section = self.settings.notices
        return sending.send(
            self.database,
            self.smtp.conversation,
            sender=Sender(section.sender_name, section.sender, section.site, section.own_page),
            clock=self.clock,
        )

    def bells_due(self) -> list[str]:
        """Which doorbells the clock has to ring now."""
        with self.database.reading() as session:
            now = self.clock()
            letters = self.settings.notices.server and sending.is_due(session, now=now)
            bells = [*working.bells_due(session, now=now), *(["notices"] if letters else [])]
            # What everybody else goes before: it is rung for when nothing is, or when it has waited for long.
            audit = auditing.is_overdue(session, now=now) if bells else auditing.is_due(session)
            return [*bells, *(["audit"] if audit else [])]

    def close(self) -> None:
        """Close what was opened."""
        for name in ("passwords", "directory", "database"):
            if name in self.__dict__:
                self.__dict__[name].close()

"""From settings to connections: each server that we speak to, as its section describes it. Nothing is opened here."""

from collections.abc import Container, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ldap_schema.dit import Dit
from provisioner.adapters.first_load import SlapdConfiguration
from provisioner.adapters.greeting import greeting
from provisioner.adapters.ldap import LdapDirectory
from provisioner.adapters.ldap_binding import LdapBinding
from provisioner.adapters.ldap_lists import directory_lists
from provisioner.adapters.ldap_passwords import LdapPasswords
from provisioner.adapters.ldap_sign_ins import directory_sign_ins
from provisioner.adapters.smtp import SmtpServer
from provisioner.days import Calendar
from provisioner.errors import Invalid, Misconfigured, Text
from provisioner.mail.configuring import LOOPBACK, MailServer
from provisioner.mail.passwords import PasswordPolicy
from provisioner.mail.usage import SignIn
from provisioner.mailboxes.quotas import parse_quota
from provisioner.settings import ROOT, Settings

if TYPE_CHECKING:
    from provisioner.adapters.single_sign_on import SingleSignOn
    from provisioner.mail.slips import Sheet


def database_url(settings: Settings) -> str:
    """The database's address; a relative SQLite file lies below the top of the tree."""
    url = settings.database.url
    prefix = "sqlite:///"
    if url.startswith(prefix) and not url.startswith(prefix + "/"):
        path = ROOT / url.removeprefix(prefix)
        path.parent.mkdir(parents=True, exist_ok=True)
        return f"{prefix}/{path.as_posix().lstrip('/')}"
    if not url.startswith(("sqlite:////", "postgresql://", "postgresql+psycopg://")):
        raise Misconfigured(
            Text(
                vi="Cài đặt database.url phải bắt đầu bằng sqlite:/// hoặc postgresql://.",
                en="The setting database.url has to begin with sqlite:/// or postgresql://.",
            ),
            code="setting-wrong",
        )
    return url


def calendar(settings: Settings) -> Calendar:
    """The state's working days. Raises `Misconfigured`."""
    return Calendar.load(settings.reference.folder / "holidays.toml")


def in_bytes(setting: str, text: str) -> int:
    """The bytes that a setting gives as a size. Raises `Misconfigured` naming the setting."""
    try:
        return parse_quota(text)
    except Invalid as error:
        raise Misconfigured(
            Text(
                vi=f"Cài đặt {setting} không dùng được: {error.text.vi}",
                en=f"The setting {setting} cannot be used: {error.text.en}",
            ),
            code="setting-wrong",
        ) from error


def directory(settings: Settings, dit: Dit, *, timeout: float | None = None) -> LdapDirectory:
    """The directory as the account that provisions sees it. Raises `Misconfigured`, as all of these do.

    `timeout` is in seconds, where the setting's would be too long.
    """
    section = settings.directory
    return LdapDirectory(
        section.url,
        bind_dn=section.bind_dn or dit.service("provisioner"),
        password=settings.bind_password(),
        dit=dit,
        tls_ca_file=_file(section.tls_ca_file),
        timeout=timeout or section.timeout,
    )


def smtp(settings: Settings) -> SmtpServer | None:
    """Who takes our letters; None where nobody does."""
    section = settings.notices
    if not section.server:
        return None
    return SmtpServer(
        section.server,
        account=section.account,
        password=settings.notices_password() if section.account else None,
        tls_ca_file=_file(section.tls_ca_file),
    )


def mail_greeting(settings: Settings, url: str) -> str:
    """What the mail server at this address says first. Raises `Unavailable`."""
    return greeting(url, tls_ca_file=_file(settings.notices.tls_ca_file))


def greet(settings: Settings, timeout: float) -> None:
    """See whether who takes our letters is there, without signing in. Raises `Unavailable` as well."""
    section = settings.notices
    with SmtpServer(section.server, tls_ca_file=_file(section.tls_ca_file), timeout=timeout).conversation():
        pass


def passwords(settings: Settings, dit: Dit) -> LdapPasswords:
    """The directory as the one account that sets passwords sees it."""
    section = settings.directory
    return LdapPasswords(
        section.url,
        dit=dit,
        password=settings.activation_password(),
        tls_ca_file=_file(section.tls_ca_file),
        timeout=section.timeout,
    )


def binding(settings: Settings) -> LdapBinding:
    """The directory, asked whether somebody knows the password of an entry."""
    section = settings.directory
    return LdapBinding(section.url, tls_ca_file=_file(section.tls_ca_file), timeout=section.timeout)


def sign_ins(settings: Settings, dit: Dit, since: datetime | None) -> Iterator[SignIn]:
    """Sign-ins as the directory saw them, since a moment if one is given."""
    section = settings.directory
    return directory_sign_ins(
        section.url,
        dit=dit,
        bind_dn=section.bind_dn or dit.service("provisioner"),
        password=settings.bind_password(),
        since=since,
        tls_ca_file=_file(section.tls_ca_file),
        timeout=section.timeout,
    )


def lists(settings: Settings, dit: Dit, wanted: Container[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """The wanted lists as a mail server finds them in the directory."""
    section = settings.directory
    return directory_lists(
        section.url,
        wanted,
        dit=dit,
        bind_dn=section.bind_dn or dit.service("provisioner"),
        password=settings.bind_password(),
        tls_ca_file=_file(section.tls_ca_file),
        timeout=section.timeout,
    )


def slapd_configuration(settings: Settings) -> SlapdConfiguration:
    """The directory's own configuration, for the length of a first load."""
    section = settings.directory
    return SlapdConfiguration(
        section.url,
        password=settings.config_password(),
        bind_dn=section.config_dn,
        database=section.config_database,
        tls_ca_file=_file(section.tls_ca_file),
    )


def sheet(settings: Settings, policy: PasswordPolicy) -> "Sheet":
    """What all slips of this province say alike."""
    from provisioner.mail.slips import Sheet  # noqa: PLC0415 - with what draws and sets them

    return Sheet(
        province=settings.authority.province,
        page=settings.activation.page,
        own_page=settings.notices.own_page,
        host=settings.mail.hostname,
        length=policy.length,
    )


def mail_server(
    settings: Settings, dit: Dit, *, domains: tuple[str, ...], message_size: int, fallback_quota: int
) -> MailServer:
    """What the mail servers' configuration says of this province; sizes in bytes."""
    section, directory = settings.mail, settings.directory
    return MailServer(
        hostname=section.hostname,
        domains=domains,
        postmaster=section.postmaster,
        postmasters=section.postmasters,
        relays=LOOPBACK + section.relays,
        own_senders_sign_in=section.own_senders_sign_in,
        directory_url=section.directory_url or directory.url,
        directory_ca=_file(directory.tls_ca_file),
        suffix=dit.suffix,
        bind_dn=dit.service("mail"),
        bind_password=settings.mail_password(),
        storage=section.storage,
        mail_user=section.account,
        certificate=section.certificate,
        key=section.key,
        message_size=message_size,
        fallback_quota=fallback_quota,
    )


def sign_on(settings: Settings) -> "SingleSignOn | None":
    """The province's single sign-on; None where no issuer is set."""
    section = settings.oidc
    if not section.issuer:
        return None
    # Where it is wanted only: Authlib is a tenth of what importing the whole product takes.
    from provisioner.adapters.single_sign_on import Client, SingleSignOn  # noqa: PLC0415

    return SingleSignOn(
        Client(
            issuer=section.issuer,
            client_id=section.client_id,
            secret=settings.client_secret(),
            callback=section.callback,
            scope=section.scope,
            second_factors=frozenset(section.second_factors),
            tls_ca_file=_file(section.tls_ca_file),
            timeout=section.timeout,
        )
    )


def _file(name: str) -> Path | None:
    return Path(name) if name else None

"""The configuration of the mail servers, rendered from settings and schema.

The templates lie in `config/dovecot` and `config/postfix`. A placeholder is `@@{name}`, because `$` and `%` belong to
the servers. What is rendered for a province and for the tests differs in `Places` and `Ports` only, so that what the
tests show holds for the province.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from string import Template

from ldap_schema.membership import PARTS
from provisioner.errors import Invalid, Misconfigured, Text
from provisioner.secret import Secret

TEMPLATES = Path(__file__).parents[2] / "config"

FILES: Mapping[str, Mapping[str, str]] = {
    "dovecot-2.3": {
        "dovecot.conf": "dovecot/2.3/dovecot.conf.in",
        "ldap.conf.ext": "dovecot/2.3/ldap.conf.ext.in",
        "ldap-fallback.conf.ext": "dovecot/2.3/ldap-fallback.conf.ext.in",
        "quota-warning.sh": "dovecot/quota-warning.sh.in",
    },
    "dovecot-2.4": {
        "dovecot.conf": "dovecot/2.4/dovecot.conf.in",
        "ldap-password.conf": "dovecot/2.4/ldap-password.conf.in",
        "quota-warning.sh": "dovecot/quota-warning.sh.in",
    },
    "postfix": {
        name: f"postfix/{name}.in"
        for name in (
            "main.cf",
            "master.cf",
            "bounce.cf",
            "mailboxes.cf",
            "aliases.cf",
            "senders.cf",
            "states.cf",
            "lists.cf",
            "leaders.cf",
            "members.cf",
        )
    },
}
"""What each server needs: file name to template."""

SERVERS = tuple(FILES)

_CA = {
    "dovecot-2.3": "tls_ca_cert_file = {}\n",
    "dovecot-2.4": "ssl_client_ca_file = {}\n",
    "postfix": "tls_ca_cert_file = {}\ntls_require_cert = yes\n",
}
"""How each server is told which certificates may vouch for the directory."""

_DELIVER = {
    "dovecot-2.3": "-o 'plugin/quota=count:User quota:noenforcing'",
    "dovecot-2.4": "-o quota_enforce=no",
}
"""How the delivery agent of each version is told to deliver beyond the quota."""

Network = IPv4Network | IPv6Network

LOOPBACK: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

_FORGED = "550 5.7.1 Dia chi gui thuoc tinh: hay dang nhap de gui. Sign in to send under an address of ours."

_OWN_SENDERS = """\
# Who names a sender of our domains has signed in (submission, master.cf) or is one of our relays (mynetworks).
parent_domain_matches_subdomains =
smtpd_sender_restrictions = permit_mynetworks, check_sender_access inline:{{ {ours} }}
"""
"""Other mail servers may serve names below our domains: these are not ours to speak for."""

_PLAIN = re.compile(r"[A-Za-z0-9_.~+=:@-]+")
"""Signs that neither Dovecot nor Postfix gives a meaning to in a value."""

_ONE_LINE = re.compile(r"[^\x00-\x1f\x7f]+")

_MAY_BE_EMPTY = frozenset({"directory_ca_lines", "postfix_log_lines", "postmasters_map", "own_senders_lines"})

_FOR_POSTMASTERS = ("postmaster", "abuse")
"""Somebody has to read these in every domain (RFC 2142, 5 and 4); nobody can get them as an address of their own."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the servers listen; these are the well-known ones (RFC 8314, RFC 5321)."""

    imaps: int | str = 993
    pop3s: int | str = 995
    smtp: int | str = "smtp"
    submission: int | str = "submission"
    submissions: int | str = "submissions"
    quota_status: int = 12340


@dataclass(frozen=True, slots=True)
class Places:
    """Where things lie on the mail server; these are Debian's places."""

    dovecot: Path = Path("/etc/dovecot")
    dovecot_run: Path = Path("/run/dovecot")
    dovecot_log: str = "syslog"
    last_login: Path = Path("/var/lib/provisioner/last-login")
    sizes: Path = Path("/var/lib/provisioner/sizes")
    postfix_queue: Path = Path("/var/spool/postfix")
    postfix_data: Path = Path("/var/lib/postfix")
    postfix_log: Path | None = None
    """None means syslog."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """What the mail servers of one province have to know. Sizes are in bytes, never zero."""

    hostname: str
    domains: tuple[str, ...]
    postmaster: str
    postmasters: tuple[str, ...]
    """Who reads what is written to it, and to `_FOR_POSTMASTERS` in each domain."""
    directory_url: str
    suffix: str
    bind_dn: str
    bind_password: Secret
    storage: Path
    """Below it each mailbox has its home, named by its account id."""
    certificate: Path
    key: Path
    message_size: int
    fallback_quota: int
    """In force for an entry that says nothing or 0: the smallest quota of the policy."""
    directory_ca: Path | None = None
    mail_user: str = "vmail"
    listen: str = "all"
    relays: tuple[Network, ...] = LOOPBACK
    """Who sends without signing in: to everybody, and under our own addresses."""
    own_senders_sign_in: bool = True
    """Whether everybody else who names a sender of our domains is refused."""
    retry: str = "5m"
    ports: Ports = field(default_factory=Ports)
    places: Places = field(default_factory=Places)

    def __post_init__(self) -> None:
        if self.fallback_quota <= 0 or self.message_size <= 0:
            raise Misconfigured(
                Text(
                    vi="Dung lượng dự phòng và cỡ thư tối đa phải lớn hơn 0: số 0 nghĩa là không giới hạn.",
                    en="The fallback quota and the largest message have to be more than 0, which means no limit.",
                ),
                code="setting-wrong",
            )
        if not _PLAIN.fullmatch(self.bind_password.reveal()):
            raise Misconfigured(
                Text(
                    vi="Mật khẩu của tài khoản mail chỉ được gồm chữ, chữ số và các dấu - _ . ~ + = : @",
                    en="The password of the account `mail` may hold letters, digits and - _ . ~ + = : @ only.",
                ),
                code="setting-wrong",
            )


class _AtTemplate(Template):
    delimiter = "@@"
    idpattern = r"(?!)"
    braceidpattern = r"[a-z0-9_]+"


def render(server: str, facts: MailServer) -> dict[str, str]:
    """The files of this server: name to text. `server` is one of `SERVERS`.

    Raises `Misconfigured` for a value that would not stay on its line.
    """
    values = _values(server, facts)
    for name, value in values.items():
        if name not in _MAY_BE_EMPTY and not _ONE_LINE.fullmatch(value):
            raise Misconfigured(
                Text(
                    vi=f"Giá trị {name} trong cấu hình máy chủ thư không được trống hay có ký tự điều khiển.",
                    en=f"The value {name} of the mail servers' configuration is empty or holds a control character.",
                ),
                code="setting-wrong",
            )
    return {
        name: _AtTemplate((TEMPLATES / template).read_text(encoding="utf-8")).substitute(values)
        for name, template in FILES[server].items()
    }


def write(files: Mapping[str, str], folder: Path) -> None:
    """Write the files into a folder, each whole or not at all; those with a password not for everybody.

    Raises `Invalid` when the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            mode = _mode(name, text)
            beside = folder / f".{name}.new"
            beside.unlink(missing_ok=True)
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
                file.write(text)
            beside.chmod(mode)
            beside.replace(folder / name)
    except OSError as error:
        raise Invalid(
            Text(vi=f"Không ghi được vào {folder}: {error}.", en=f"{folder} cannot be written: {error}."),
            code="folder-not-writable",
        ) from error


def _mode(name: str, text: str) -> int:
    if name.endswith(".sh"):
        return 0o755
    if not re.search(r"^(dnpass|bind_pw|ldap_auth_dn_password) =", text, re.MULTILINE):
        return 0o644
    return 0o640 if name.endswith(".cf") else 0o600  # Postfix reads its maps as the group postfix


def _values(server: str, facts: MailServer) -> dict[str, str]:
    places = facts.places
    ca = _CA[server].format(facts.directory_ca) if facts.directory_ca else ""
    log = places.postfix_log
    return {
        "hostname": facts.hostname,
        "domains": " ".join(facts.domains),
        "origin": facts.domains[0],
        "postmaster": facts.postmaster,
        "postmasters_map": _postmasters_map(facts),
        "ldap_url": facts.directory_url,
        "directory_ca_lines": ca,
        "suffix": facts.suffix,
        "bind_dn": facts.bind_dn,
        "bind_password": facts.bind_password.reveal(),
        "storage": str(facts.storage),
        "certificate": str(facts.certificate),
        "key": str(facts.key),
        "message_size": str(facts.message_size),
        "fallback_quota": str(facts.fallback_quota),
        "mail_user": facts.mail_user,
        "listen": _listen(server, facts.listen),
        "inet_protocols": "all" if facts.listen == "all" else "ipv4",
        "trusted_networks": " ".join(map(_network, facts.relays)),
        "own_senders_lines": _own_senders_lines(facts),
        "list_parts": PARTS,
        "retry": facts.retry,
        "folder": str(places.dovecot),
        "base_dir": str(places.dovecot_run),
        "log": places.dovecot_log,
        "last_login": str(places.last_login),
        "sizes": str(places.sizes),
        "postfix_queue": str(places.postfix_queue),
        "postfix_data": str(places.postfix_data),
        "postfix_log_lines": f"maillog_file = {log}\nmaillog_file_prefixes = {log.parent}\n" if log else "",
        "beyond_quota": _DELIVER.get(server, "-"),
        **{f"{name}_port": str(port) for name, port in asdict(facts.ports).items()},
    }


def _postmasters_map(facts: MailServer) -> str:
    """A map of Postfix from the addresses that postmasters read to theirs; nothing where nobody is named."""
    if not facts.postmasters:
        return ""
    read = [f"{name}@{domain}" for domain in facts.domains for name in _FOR_POSTMASTERS]
    readers = ", ".join(facts.postmasters)
    rows = (f"{{ {address} = {readers} }}" for address in dict.fromkeys([facts.postmaster, *read]))
    return f"inline:{{ {' '.join(rows)} }}, "


def _own_senders_lines(facts: MailServer) -> str:
    """Refuse senders of our domains who neither signed in nor are relays; nothing where the province does not want it."""
    if not facts.own_senders_sign_in:
        return ""
    ours = " ".join(f"{{ {domain} = {_FORGED} }}" for domain in facts.domains)
    return _OWN_SENDERS.format(ours=ours)


def _network(network: Network) -> str:
    """As Postfix writes it: an address of version 6 in brackets (postconf(5), mynetworks)."""
    address, bits = network.network_address, network.prefixlen
    return f"[{address}]/{bits}" if network.version == 6 else f"{address}/{bits}"


def _listen(server: str, listen: str) -> str:
    """All addresses, in each server's words, or the one given."""
    if listen != "all":
        return listen
    return "all" if server == "postfix" else "*, ::"

"""Private mail servers for the demo and the tests: Dovecot and Postfix on loopback, on one private directory."""

import subprocess
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from types import TracebackType
from typing import Self

from ldap_schema.dit import Dit
from provisioner.mail.configuring import MailServer, Places, Ports, render, write
from provisioner.private.dovecot import PrivateDovecot
from provisioner.private.postfix import PrivatePostfix
from provisioner.private.process import find_program, free_port
from provisioner.secret import Secret

_LOCAL = """# On loopback everybody has one address: one wrong password would make all others wait.
auth_failure_delay = 0
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
"""


@dataclass(frozen=True, slots=True)
class MailStage:
    """A Dovecot and a Postfix that know each other, with the facts they were made from."""

    facts: MailServer
    dovecot: PrivateDovecot
    postfix: PrivatePostfix

    def start(self) -> Self:
        """Start both; Postfix first, because Dovecot puts its sockets into Postfix's queue.

        Raises Unavailable when a package is missing or we are not root.
        """
        write(render("dovecot-2.3", self.facts) | {"local.conf": _LOCAL}, self.dovecot.configuration.parent)
        write(render("postfix", self.facts), self.postfix.configuration)
        self.postfix.prepare()
        self.dovecot.start()
        self.postfix.start()
        return self

    def stop(self) -> None:
        self.postfix.stop()
        self.dovecot.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def mail_stage(
    folder: Path,
    *,
    directory_url: str,
    dit: Dit,
    password: Secret,
    domains: tuple[str, ...],
    fallback_quota: int,
    postmasters: tuple[str, ...] = (),
    own_senders_sign_in: bool = True,
    ports: Ports | None = None,
    outlives_us: bool = False,
) -> MailStage:
    """Private mail servers in a folder of their own, which the account `postfix` has to be able to reach.

    `password` is that of `uid=mail,ou=services`. The certificate is made on the spot and vouches for localhost only.
    """
    folder = folder.resolve()
    for name in ("storage", "last-login", "sizes"):
        (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / name).chmod(0o777)  # Dovecot's account for mail writes here; the folder above is ours alone
    folder.chmod(0o711)
    certificate, key = _certificate(folder)
    facts = MailServer(
        hostname="localhost",
        domains=domains,
        postmaster=f"postmaster@{domains[0]}",
        postmasters=postmasters,
        directory_url=directory_url,
        suffix=dit.suffix,
        bind_dn=dit.service("mail"),
        bind_password=password,
        storage=folder / "storage",
        certificate=certificate,
        key=key,
        message_size=40 << 20,
        fallback_quota=fallback_quota,
        mail_user="mail",
        listen="127.0.0.1",
        relays=(
            IPv4Network("127.0.0.9/32"),
        ),  # whoever connects from this machine is a stranger, as from the Internet
        own_senders_sign_in=own_senders_sign_in,
        retry="5s",
        ports=ports or Ports(*(free_port() for _ in range(6))),
        places=Places(
            dovecot=folder / "dovecot" / "etc",
            dovecot_run=folder / "dovecot" / "run",
            dovecot_log="/dev/stderr",
            last_login=folder / "last-login",
            sizes=folder / "sizes",
            postfix_queue=folder / "queue",
            postfix_data=folder / "data",
            postfix_log=folder / "postfix" / "mail.log",
        ),
    )
    return MailStage(
        facts,
        PrivateDovecot(
            folder / "dovecot",
            configuration=facts.places.dovecot / "dovecot.conf",
            port=int(facts.ports.imaps),
            outlives_us=outlives_us,
        ),
        PrivatePostfix(
            folder / "postfix",
            configuration=folder / "postfix" / "etc",
            queue=facts.places.postfix_queue,
            data=facts.places.postfix_data,
            port=int(facts.ports.smtp),
            outlives_us=outlives_us,
        ),
    )


def _certificate(folder: Path) -> tuple[Path, Path]:
    certificate, key = folder / "server.crt", folder / "server.key"
    if not certificate.exists():
        openssl = find_program("openssl", package="openssl")
        subprocess.run(  # noqa: S603 - the command is ours, no shell reads it
            [
                *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
                *("-nodes", "-days", "30", "-subj", "/CN=localhost"),
                *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
                *("-keyout", str(key), "-out", str(certificate)),
            ],
            check=True,
            capture_output=True,
        )
    return certificate, key

"""The demo's stage: a private directory, a private Redis and the product's own processes, under `var/demo`.

Everything listens on loopback, keeps its data in one folder, outlives the command that started
it, and is stopped by `provisioner demo --stop`. The secrets are made once, for this folder only.
Mail servers, if wished, live in a folder beside it, `var/demo-mail`, which their accounts may enter.
"""

import json
import secrets
import shlex
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

from ldap_schema.dit import Dit
from provisioner.demo.mail import MailStage, mail_stage
from provisioner.errors import Text, Unavailable
from provisioner.mail.configuring import Ports
from provisioner.private.dovecot import PrivateDovecot
from provisioner.private.postfix import PrivatePostfix
from provisioner.private.process import ServerProcess, free_port
from provisioner.private.redis import PrivateRedis
from provisioner.private.slapd import PrivateSlapd
from provisioner.secret import Secret

SUFFIX = "dc=lamdong,dc=gov,dc=vn"
DOMAIN = "lamdong.gov.vn"
POSTMASTER = f"skhcn@{DOMAIN}"
"""The mailbox of the Department of Science and Technology reads what is written to postmaster@."""
GB = 1 << 30

_AT_WEB_PORT = ("PROVISIONER_WEB__PORT", "PROVISIONER_NOTICES__SITE", "PROVISIONER_ACTIVATION__PAGE")

_OF_MAIL = (
    "PROVISIONER_NOTICES__SERVER",
    "PROVISIONER_MAIL__SIGN_INS_FROM",
    "PROVISIONER_MAIL__SIZES_FROM",
)
"""Set once the mail servers were wished: a server that nobody wished is not down."""

_SIGNERS_OWN = "PROVISIONER_AUTHORITY__PASSPHRASE"

WORKERS = 2
"""One applies a roster while the other writes to the directory."""


class Stage:
    """The demo's servers and processes in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.environment = self._environment()
        if self._ports.exists():
            self._know_mail()
        else:
            self._write_down()
        self.slapd = PrivateSlapd(
            folder / "ldap",
            suffix=SUFFIX,
            service_password=Secret(self.environment["PROVISIONER_DIRECTORY__BIND_PASSWORD"]),
            passwords={
                "mail": Secret(self.environment["PROVISIONER_MAIL__BIND_PASSWORD"]),
                "activation": Secret(self.environment["PROVISIONER_ACTIVATION__BIND_PASSWORD"]),
            },
            port=int(self.environment["PROVISIONER_DIRECTORY__URL"].rpartition(":")[2]),
            outlives_us=True,
        )
        self.redis = PrivateRedis(
            folder / "redis",
            port=int(self.environment["PROVISIONER_REDIS__URL"].rpartition(":")[2].partition("/")[0]),
            outlives_us=True,
        )
        python = sys.executable
        gunicorn = Path(python).with_name("gunicorn")
        commands = {f"worker-{n}": [python, "-m", "jobs.worker", "worker"] for n in range(1, WORKERS + 1)}
        commands |= {
            "signer": [python, "-m", "jobs.worker", "signer"],
            "clock": [python, "-m", "jobs.clock"],
            "web": [
                str(gunicorn),
                "--bind",
                f"127.0.0.1:{self.web_port}",
                "--worker-class",
                "gthread",
                "--workers",
                "2",
                "--threads",
                "8",
                "--no-control-socket",
                "provisioner.app:create_app()",
            ],
        }
        self.processes = {
            name: (ServerProcess(name, folder, outlives_us=True), command)
            for name, command in commands.items()
        }

    @cached_property
    def mail(self) -> MailStage:
        """The mail servers, at ports that stay the same from one start to the next."""
        self._ports.parent.mkdir(exist_ok=True, mode=0o711)
        if self._ports.exists():
            known = Ports(**json.loads(self._ports.read_text("utf-8")))
        else:
            known = Ports(*(free_port() for _ in range(6)))
            self._ports.write_text(json.dumps(asdict(known)), "utf-8")
        return mail_stage(
            self._ports.parent,
            directory_url=self.environment["PROVISIONER_DIRECTORY__URL"],
            dit=Dit(SUFFIX),
            password=Secret(self.environment["PROVISIONER_MAIL__BIND_PASSWORD"]),
            domains=(DOMAIN,),
            fallback_quota=4 * GB,
            postmasters=(POSTMASTER,),
            own_senders_sign_in=False,  # the demo's letters come from where its strangers come from
            ports=known,
            outlives_us=True,
        )

    @property
    def _ports(self) -> Path:
        """Where the ports of the mail servers are remembered; there once they were wished."""
        folder = self.folder.resolve()
        return folder.with_name(f"{folder.name}-mail") / "ports.json"

    @property
    def web_port(self) -> int:
        return int(self.environment["PROVISIONER_WEB__PORT"])

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.web_port}/"

    def start_servers(self) -> None:
        """Start slapd and Redis; those that run already go on."""
        self.slapd.start()
        self.redis.start()

    def start_mail(self) -> None:
        """Start the mail servers; what ran before there were any is started anew, so that it sends by them."""
        if not self._ports.exists():
            for process, _command in self.processes.values():
                if process.pid is not None:
                    process.stop(seconds=20)
        self.mail.start()
        self._know_mail()

    def start_processes(self) -> None:
        """Start web, workers, signer and clock with the demo's settings; wait until the site answers.

        Raises `Unavailable` when another program has taken the site's port: it would be answered by that one.
        """
        web = self.processes["web"][0]
        if web.pid is None and _listens(self.web_port):
            raise Unavailable(
                Text(
                    vi=f"Một chương trình khác đang dùng cổng {self.web_port}. Hãy chạy lại demo: trang sẽ dùng cổng khác.",
                    en=f"Another program uses port {self.web_port}. Run the demo again: the site will take another port.",
                ),
                code="port-taken",
            )
        for name, (process, command) in self.processes.items():
            if process.pid is None:
                process.start(command, environment=self.environment_of(name))
        if not web.answers_within(30, lambda: _listens(self.web_port)):
            raise web.failure()

    def environment_of(self, process: str) -> dict[str, str]:
        """What a process may know: only the signer gets the passphrase of the authority's keys."""
        passphrase = self.environment[_SIGNERS_OWN] if process == "signer" else ""
        return self.environment | {_SIGNERS_OWN: passphrase}

    def stop(self) -> Iterator[str]:
        """Stop everything that runs, product first; the names of what was stopped."""
        for name in reversed(self.processes):
            process = self.processes[name][0]
            if process.pid is not None:
                process.stop(seconds=20)
                yield name
        servers: dict[str, PrivatePostfix | PrivateDovecot | PrivateRedis | PrivateSlapd] = {}
        if self._ports.exists():
            servers |= {"postfix": self.mail.postfix, "dovecot": self.mail.dovecot}
        servers |= {"redis": self.redis, "slapd": self.slapd}
        for name, server in servers.items():
            if server.pid is not None:
                server.stop()
                yield name

    def _environment(self) -> dict[str, str]:
        """The demo's settings, made once and kept in `demo.env`, readable to its owner only.

        What an older demo did not know yet is added; what it has stays.
        """
        path = self.folder / "demo.env"
        kept = {}
        if path.exists():
            words = shlex.split(path.read_text("utf-8"), comments=True)
            kept = dict(word.split("=", 1) for word in words if "=" in word)
        web = ServerProcess("web", self.folder, outlives_us=True)
        if (
            "PROVISIONER_WEB__PORT" in kept
            and web.pid is None
            and _listens(int(kept["PROVISIONER_WEB__PORT"]))
        ):
            for name in _AT_WEB_PORT:  # somebody else's by now
                kept.pop(name, None)
        for name in _OF_MAIL:
            kept.pop(name, None)
        folder = self.folder.resolve()
        values = {
            "PROVISIONER_DATABASE__URL": f"sqlite:///{folder}/provisioner.db",
            "PROVISIONER_REDIS__URL": f"redis://127.0.0.1:{free_port()}/0",
            "PROVISIONER_DIRECTORY__URL": f"ldap://127.0.0.1:{free_port()}",
            "PROVISIONER_DIRECTORY__SUFFIX": SUFFIX,
            "PROVISIONER_DIRECTORY__BIND_PASSWORD": secrets.token_urlsafe(24),
            "PROVISIONER_MAIL__BIND_PASSWORD": secrets.token_urlsafe(24),
            "PROVISIONER_ACTIVATION__BIND_PASSWORD": secrets.token_urlsafe(24),
            "PROVISIONER_AUTHORITY__FOLDER": f"{folder}/authority",
            _SIGNERS_OWN: secrets.token_urlsafe(24),
            "PROVISIONER_IDENTITY__KEYS": f"1:{secrets.token_hex(32)}",
            "PROVISIONER_WEB__PORT": str(_web_port()),
            "PROVISIONER_MAIL__POSTMASTERS": json.dumps([POSTMASTER]),
        } | kept
        site = f"http://127.0.0.1:{values['PROVISIONER_WEB__PORT']}/"
        values = {
            "PROVISIONER_NOTICES__SITE": site,
            "PROVISIONER_ACTIVATION__PAGE": f"{site}kich-hoat",
        } | values
        values["PROVISIONER_AUTHORITY__PROBE_URL"] = f"http://127.0.0.1:{values['PROVISIONER_WEB__PORT']}"
        return values

    def _know_mail(self) -> None:
        facts = self.mail.facts
        of_mail = (f"smtp://127.0.0.1:{facts.ports.smtp}", facts.places.last_login, facts.places.sizes)
        self.environment |= dict(zip(_OF_MAIL, map(str, of_mail), strict=True))
        self._write_down()

    def _write_down(self) -> None:
        path = self.folder / "demo.env"
        path.touch(mode=0o600)
        # A shell reads it as well: `./run provisioner`.
        lines = (f"{name}={shlex.quote(value)}\n" for name, value in self.environment.items())
        path.write_text("".join(lines), "utf-8")


def _web_port() -> int:
    """8080 where it is free, because people remember it."""
    return free_port() if _listens(8080) else 8080


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0

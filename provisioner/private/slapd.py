"""A private slapd: Debian's package, or the same files unpacked somewhere without root.

The configuration is made anew at every start from `config/slapd/slapd.ldif` and `ldap_schema/`, the data stays.
A start from nothing takes about a quarter of a second.

    python -m provisioner.private.slapd --folder var/ldap --port 3890 --suffix dc=lamdong,dc=gov,dc=vn \
        --password-file var/secrets/directory

makes everything ready and then becomes slapd, which is what a process runner wants.
"""

import argparse
import hashlib
import os
import secrets
import shutil
import socket
import subprocess
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Literal, Self

from ldap_schema.dit import Dit
from ldap_schema.files import MAX_BYTES, ldif
from provisioner.errors import Misconfigured, Text
from provisioner.private.process import ServerProcess, find_program, free_port
from provisioner.secret import Secret

TEMPLATE = Path(__file__).parents[2] / "config" / "slapd" / "slapd.ldif"

Durability = Literal["nometasync", "stock", "none"]

DURABILITY: Mapping[Durability, str] = {
    "nometasync": "# A power loss leaves the database whole but may undo the last commit: the books say what to do again.\n"
    "olcDbEnvFlags: nometasync\n",
    "stock": "",
    "none": "# A power loss can corrupt the database.\nolcDbNoSync: TRUE\n",
}
"""What of `olcDatabase={1}mdb` decides how much a power loss costs (slapd-mdb(5))."""

_ANONYMOUS_BIND = bytes.fromhex("300c020101600702010304008000")
"""RFC 4511, 4.2: any answer to it, also a refusal, shows that slapd serves."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files with which slapd offers TLS."""

    chain: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Installation:
    """One slapd: Debian's package in `/`, or its files unpacked below some other folder (`dpkg -x`)."""

    program: str
    root: Path

    @classmethod
    def find(cls, root: Path | None = None) -> "Installation":
        """The slapd below `root` if one is given, else the first on PATH or among the system's programs.

        Raises Unavailable when there is none, saying where we looked.
        """
        program = find_program("slapd", package="slapd", folders=[root / "usr/sbin"] if root else [])
        return cls(program, Path(program).resolve().parents[2])  # ROOT/usr/sbin/slapd

    @property
    def modules(self) -> Path:
        return self.root / "usr/lib/ldap"

    @property
    def schemas(self) -> Path:
        return self.root / "etc/ldap/schema"

    @property
    def environment(self) -> dict[str, str]:
        """What the program needs to find its libraries when they are not the system's."""
        if self.root == Path("/"):
            return {}
        libraries = [*self.root.glob("usr/lib/*-linux-gnu"), *self.root.glob("lib/*-linux-gnu")]
        paths = [*map(str, libraries), os.environ.get("LD_LIBRARY_PATH", "")]
        return {"LD_LIBRARY_PATH": os.pathsep.join(filter(None, paths))}


class PrivateSlapd:
    """A slapd on loopback with our schema, tree and access rules, in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        suffix: str,
        service_password: Secret,
        port: int = 0,
        passwords: Mapping[str, Secret] | None = None,
        durability: Durability = "nometasync",
        max_bytes: int = MAX_BYTES,
        threads: int = 4,
        certificate: Certificate | None = None,
        root: Path | None = None,
        outlives_us: bool = False,
    ) -> None:
        """Say where it lives and how it is; nothing is made or started.

        `service_password` becomes that of `uid=provisioner`; `passwords` gives those of other accounts in
        ou=services by name. `max_bytes` is the size of the memory map, sparse on disk. With a `certificate`
        it also serves `tls_url`. `root` is the folder of an unpacked package. Port 0 takes a free port.

        Raises Misconfigured for an empty password: RFC 4513, 5.1.2 makes that a bind as nobody.
        """
        self.dit = Dit(suffix)
        self.folder = folder.resolve()
        self.port = port or free_port()
        self.tls_port = free_port() if certificate else 0
        self._passwords = {"provisioner": service_password, **(passwords or {})}
        if not all(self._passwords.values()):
            raise Misconfigured(
                Text(
                    vi="Mật khẩu của tài khoản dịch vụ trong danh bạ LDAP không được để trống.",
                    en="The password of a service account in the directory cannot be empty.",
                )
            )
        self._durability = durability
        self._max_bytes = max_bytes
        self._threads = threads
        self._certificate = certificate
        self._root = root
        self._process = ServerProcess("slapd", self.folder, outlives_us=outlives_us)

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ldaps://127.0.0.1:{self.tls_port}"

    @property
    def bind_dn(self) -> str:
        """The account that the product signs in as."""
        return self.dit.service("provisioner")

    @property
    def config_dn(self) -> str:
        """Who may change cn=config while the server runs; its password is `config_password`."""
        return "cn=config"

    @property
    def config_password(self) -> Secret:
        """Made when the folder is, kept in it, readable to its owner only."""
        return Secret((self.folder / "config.password").read_text(encoding="ascii"))

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def log(self) -> Path:
        return self._process.log

    def start(self) -> Self:
        """Start it, unless it runs already, and wait until it answers.

        Raises Unavailable when there is no slapd or it does not start; its log says why.
        """
        if self.pid is not None:
            return self
        installation = self.prepare()
        self._process.start(self.command(installation), environment=installation.environment)
        if not self._process.answers_within(10, self._answers):
            raise self._process.failure()
        return self

    def stop(self) -> None:
        self._process.stop()

    def kill(self) -> None:
        """End it as a crash would; `start` brings it back on the same port with its data."""
        self._process.kill()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def prepare(self) -> Installation:
        """Write the configuration, load the base tree into an empty database, set the passwords."""
        installation = Installation.find(self._root)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = self.folder / "data"
        data.mkdir(exist_ok=True, mode=0o700)
        if not (self.folder / "config.password").exists():
            _write_private(self.folder / "config.password", secrets.token_urlsafe(24))

        shutil.rmtree(self.folder / "config", ignore_errors=True)
        (self.folder / "config").mkdir(mode=0o700)
        self._tool(installation, "add", 0, self._configuration(installation))
        indexes = ldif("indexes", self.dit)
        self._tool(installation, "modify", 0, ldif("modules", self.dit))
        self._tool(installation, "modify", 0, ldif("server", self.dit, max_bytes=self._max_bytes))
        self._tool(installation, "modify", 0, ldif("acl", self.dit))
        self._tool(installation, "modify", 0, indexes)

        made_with = self.folder / "indexes.ldif"
        if not (data / "data.mdb").exists():
            self._tool(installation, "add", 1, ldif("dit", self.dit))
        elif not made_with.exists() or made_with.read_text(encoding="utf-8") != indexes:
            # A search through an index that old entries never entered would silently miss them.
            self._tool(installation, "index", 1, "")
        made_with.write_text(indexes, encoding="utf-8")
        self._tool(installation, "modify", 1, self._account_passwords())
        return installation

    def command(self, installation: Installation) -> list[str]:
        """The command line that runs it in the foreground."""
        urls = [f"{self.url}/"] + ([f"{self.tls_url}/"] if self._certificate else [])
        return [installation.program, "-d", "0", "-F", str(self.folder / "config"), "-h", " ".join(urls)]

    def _configuration(self, installation: Installation) -> str:
        congvu = self.folder / "congvu.ldif"
        congvu.write_text(ldif("congvu", self.dit), encoding="utf-8")
        tls = ""
        if self._certificate:
            tls = (
                f"olcTLSCertificateFile: {self._certificate.chain.resolve()}\n"
                f"olcTLSCertificateKeyFile: {self._certificate.key.resolve()}\n"
            )
        return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
            threads=self._threads,
            tls=tls,
            modules=installation.modules,
            schemas=installation.schemas.as_uri(),
            congvu=congvu.as_uri(),
            config_password=salted_sha512(self.config_password),
            suffix=self.dit.suffix,
            data=self.folder / "data",
            durability=DURABILITY[self._durability],
        )

    def _account_passwords(self) -> str:
        return "\n".join(
            f"dn: {self.dit.service(name)}\nchangetype: modify\n"
            f"replace: userPassword\nuserPassword: {salted_sha512(password)}\n"
            for name, password in self._passwords.items()
        )

    def _tool(self, installation: Installation, tool: str, database: int, text: str) -> None:
        command = [installation.program, "-T", tool, "-F", str(self.folder / "config"), "-n", str(database)]
        done = subprocess.run(  # noqa: S603 - the command is ours, no shell reads it
            command,
            input=text.encode(),
            capture_output=True,
            env={**os.environ, **installation.environment},
            check=False,
            timeout=1800,  # seconds: new indexes over 200,000 entries take minutes on a busy machine
        )
        if done.returncode != 0:
            with self.log.open("ab") as log:
                log.write(done.stderr)
            raise self._process.failure()

    def _answers(self) -> bool:
        if self.pid is None:  # another program on our port must not pass for ours
            return False
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(_ANONYMOUS_BIND)
                return bool(connection.recv(1))
        except OSError:
            return False


def salted_sha512(password: Secret) -> str:
    """The password as slapd's pw-sha2 module stores it.

    Quick to check, and strong enough for a long random password of a program; never for one that a person chose.
    """
    salt = secrets.token_bytes(16)
    digest = hashlib.sha512(password.reveal().encode() + salt).digest()
    return "{SSHA512}" + b64encode(digest + salt).decode("ascii")


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)


def main() -> None:
    """Make a private slapd ready and become it."""
    parser = argparse.ArgumentParser(prog="python -m provisioner.private.slapd", description=main.__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where configuration, data and log live")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--suffix", required=True, help="such as dc=lamdong,dc=gov,dc=vn")
    parser.add_argument("--password-file", type=Path, required=True, help="the password of uid=provisioner")
    parser.add_argument("--durability", choices=sorted(DURABILITY), default="nometasync")
    parser.add_argument("--root", type=Path, help="an unpacked slapd package instead of the installed one")
    given = parser.parse_args()
    slapd = PrivateSlapd(
        given.folder,
        suffix=given.suffix,
        service_password=Secret(given.password_file.read_text(encoding="utf-8").strip()),
        port=given.port,
        durability=given.durability,
        root=given.root,
    )
    installation = slapd.prepare()
    command = slapd.command(installation)
    os.execve(command[0], command, {**os.environ, **installation.environment})  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()

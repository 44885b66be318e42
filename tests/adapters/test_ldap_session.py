"""Where we sign in, and to whom: addresses without protection and servers that prove nothing are refused."""

import ipaddress
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_server

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ldap_schema.dit import Dit
from provisioner.adapters.ldap import LdapDirectory
from provisioner.adapters.ldap_session import Address
from provisioner.directory.port import Outcome, Wish
from provisioner.errors import Misconfigured, Unavailable
from provisioner.private.slapd import Certificate, PrivateSlapd
from provisioner.secret import Secret
from tests.entries import a_person
from tests.ldap_server import PASSWORD, SUFFIX, directory_on

LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ldaps://ldap.lamdong.gov.vn", Address("ldap.lamdong.gov.vn", 636, tls=True)),
        ("ldaps://ldap.lamdong.gov.vn:1636/", Address("ldap.lamdong.gov.vn", 1636, tls=True)),
        ("ldap://127.0.0.1:3890", Address("127.0.0.1", 3890, tls=False)),
        ("ldap://localhost", Address("localhost", 389, tls=False)),
        ("ldap://[::1]:3890", Address("::1", 3890, tls=False)),
        ("ldapi://%2Frun%2Fslapd%2Fldapi", Address("ldapi://run/slapd/ldapi", None, tls=False)),
    ],
)
def test_a_protected_address_is_taken(url: str, address: Address) -> None:
    assert Address.parse(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "ldap://ldap.lamdong.gov.vn",
        "ldap://10.0.0.1",
        "ldap://127.0.0.1.example.vn",
        "ldap://localhost.example.vn:389",
        "ldaps://",
        "ldaps://user:password@ldap.lamdong.gov.vn",
        "ldaps://ldap.lamdong.gov.vn/dc=x?cn",
        "ldaps://ldap.lamdong.gov.vn:seven",
        "ldapi://run",
        "http://127.0.0.1",
        "127.0.0.1:389",
        "",
    ],
)
def test_an_address_without_protection_or_sense_stops_the_start(url: str) -> None:
    with pytest.raises(Misconfigured, match="directory"):
        LdapDirectory(url, bind_dn="uid=a", password=PASSWORD, dit=Dit(SUFFIX))


@pytest.mark.parametrize("password", ["", " ", "\0", "\t\r\n "])
def test_a_blank_password_is_refused_before_anything_is_sent(password: str) -> None:
    with pytest.raises(Misconfigured):
        LdapDirectory("ldap://127.0.0.1", bind_dn="uid=a", password=Secret(password), dit=Dit(SUFFIX))


def test_an_account_without_a_name_is_refused() -> None:
    with pytest.raises(Misconfigured):
        LdapDirectory("ldap://127.0.0.1", bind_dn=" ", password=PASSWORD, dit=Dit(SUFFIX))


def test_a_ca_file_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    for content in (None, b"", b"not a certificate"):
        ca_file = tmp_path / "ca.pem"
        if content is not None:
            ca_file.write_bytes(content)
        with pytest.raises(Misconfigured, match=r"ca\.pem"):
            LdapDirectory(
                "ldaps://127.0.0.1", bind_dn="uid=a", password=PASSWORD, dit=Dit(SUFFIX), tls_ca_file=ca_file
            )


def test_the_password_shows_in_no_error_and_no_repr(slapd_server: PrivateSlapd) -> None:
    wrong = Secret("a wrong and secret password")
    server = slapd_server.start()
    directory = LdapDirectory(server.url, bind_dn=server.bind_dn, password=wrong, dit=server.dit)

    with pytest.raises(Unavailable) as caught:
        directory.probe()
    answer = directory.put([Wish(a_person(server.dit))])[0]

    assert answer.outcome is Outcome.WAIT
    assert "invalidCredentials" in answer.detail
    assert wrong.reveal() not in f"{caught.value!r} {caught.value.text} {answer} {vars(directory)}"


def test_a_server_that_is_not_there_makes_rows_wait() -> None:
    with create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    dit = Dit(SUFFIX)
    directory = LdapDirectory(f"ldap://127.0.0.1:{port}", bind_dn="uid=a", password=PASSWORD, dit=dit)
    person = a_person(dit)

    assert [a.outcome for a in directory.put([Wish(person), Wish(a_person(dit), known=True)])] == [
        Outcome.WAIT
    ] * 2
    assert [a.outcome for a in directory.remove([(person.dn, person.marker)])] == [Outcome.WAIT]
    for reading in (
        directory.probe,
        lambda: directory.read([person.dn]),
        lambda: list(directory.scan(dit.people)),
    ):
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port}"):
            reading()


@dataclass
class TestAuthority:
    """An authority of the test, and the files of servers it vouches for, or not."""

    __test__ = False
    folder: Path

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Authority of the test")])
        self.ca_file = self.folder / "ca.pem"
        self.ca_file.write_bytes(self._signed(self.name, self.key, is_ca=True))

    def server(self, *names: x509.GeneralName, days: int = 1, self_signed: bool = False) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        stem = f"server-{len(list(self.folder.iterdir()))}"
        files = Certificate(self.folder / f"{stem}.pem", self.folder / f"{stem}.key")
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "slapd")])
        files.chain.write_bytes(self._signed(subject, key, names, days=days, self_signed=self_signed))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files

    def _signed(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        names: tuple[x509.GeneralName, ...] = (),
        *,
        days: int = 1,
        is_ca: bool = False,
        self_signed: bool = False,
    ) -> bytes:
        start = datetime.now(UTC) - timedelta(days=2)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if self_signed else self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=2 + days))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(key if self_signed else self.key, hashes.SHA256()).public_bytes(
            serialization.Encoding.PEM
        )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> TestAuthority:
    return TestAuthority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def served(server_folder: Path, tmp_path: Path) -> Iterator[Callable[[Certificate], PrivateSlapd]]:
    servers = []

    def serve(certificate: Certificate) -> PrivateSlapd:
        servers.append(
            PrivateSlapd(
                tmp_path / "slapd", suffix=SUFFIX, service_password=PASSWORD, certificate=certificate
            )
        )
        return servers[-1].start()

    yield serve
    for server in servers:
        server.stop()


def over_tls(server: PrivateSlapd, ca_file: Path | None) -> LdapDirectory:
    return LdapDirectory(
        server.tls_url,
        bind_dn=server.bind_dn,
        password=PASSWORD,
        dit=server.dit,
        tls_ca_file=ca_file,
        timeout=3,
    )


def test_entries_go_to_a_server_that_proves_who_it_is(
    served: Callable[[Certificate], PrivateSlapd], authority: TestAuthority
) -> None:
    server = served(authority.server(LOOPBACK))
    people = [a_person(server.dit) for _ in range(300)]

    with closing(over_tls(server, authority.ca_file)) as directory:
        assert {answer.outcome for answer in directory.put([Wish(person) for person in people])} == {
            Outcome.DONE
        }
        assert directory.probe().startswith("ldaps://")

    with closing(directory_on(server)) as directory:
        assert len(directory.read([person.dn for person in people])) == 300


@pytest.mark.parametrize(
    "wrong", ["self-signed", "expired", "another name", "no name", "another authority", "system authorities"]
)
def test_a_server_that_does_not_prove_who_it_is_never_sees_the_password(
    wrong: str,
    served: Callable[[Certificate], PrivateSlapd],
    authority: TestAuthority,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    certificate = {
        "self-signed": lambda: authority.server(LOOPBACK, self_signed=True),
        "expired": lambda: authority.server(LOOPBACK, days=-1),
        "another name": lambda: authority.server(x509.DNSName("ldap.example.vn")),
        "no name": authority.server,
        "another authority": lambda: TestAuthority(tmp_path_factory.mktemp("other")).server(LOOPBACK),
        "system authorities": lambda: authority.server(LOOPBACK),
    }[wrong]()
    server = served(certificate)
    ca_file = None if wrong == "system authorities" else authority.ca_file

    with closing(over_tls(server, ca_file)) as directory:
        with pytest.raises(Unavailable, match=r"certificate verify failed|CERTIFICATE_VERIFY_FAILED"):
            directory.probe()
        assert directory.put([Wish(a_person(server.dit))])[0].outcome is Outcome.WAIT


def test_a_server_without_tls_behind_an_ldaps_address_gets_no_password() -> None:
    received = bytearray()
    with create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                received.extend(connection.recv(10_000))
                connection.sendall(bytes.fromhex("300c02010161070a010004000400"))  # a bind that succeeds

        thread = threading.Thread(target=serve)
        thread.start()
        directory = LdapDirectory(
            f"ldaps://127.0.0.1:{listener.getsockname()[1]}",
            bind_dn="uid=provisioner",
            password=PASSWORD,
            dit=Dit(SUFFIX),
            timeout=3,
        )
        with pytest.raises(Unavailable):
            directory.probe()
        thread.join()

    assert received[0] == 0x16  # a TLS handshake record (RFC 8446, 5.1)
    assert PASSWORD.reveal().encode() not in received
    assert b"provisioner" not in received


def test_one_connection_serves_all_calls(slapd_server: PrivateSlapd) -> None:
    opened = []
    server = slapd_server.start()
    person = a_person(server.dit)

    with closing(directory_on(server)) as directory:
        session = directory._session
        opening = session._open
        session._open = lambda: opened.append(1) or opening()
        directory.put([Wish(person)])
        directory.read([person.dn])
        directory.probe()
        directory.put([Wish(person, known=True)])
        directory.remove([(person.dn, person.marker)])

    assert opened == [1]

"""A slapd as Debian makes it becomes ours by the documented commands, and the probe says what it still lacks."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ldap_schema.dit import Dit
from ldap_schema.files import NAMES
from provisioner.adapters.ldap import LdapDirectory
from provisioner.directory.port import Outcome, Wish
from provisioner.errors import Unavailable
from provisioner.private.process import ServerProcess, free_port
from provisioner.private.slapd import Installation
from provisioner.secret import Secret
from tests.entries import a_person, a_unit
from tests.ldap_server import PASSWORD, SUFFIX

# /usr/share/slapd/slapd.init.ldif, with passwords where Debian asks the socket who is there.
STOCK = """
dn: cn=config
objectClass: olcGlobal
cn: config
olcLogLevel: none

dn: cn=module{{0}},cn=config
objectClass: olcModuleList
cn: module{{0}}
olcModulePath: {modules}
olcModuleLoad: back_mdb

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

include: {schemas}/core.ldif
include: {schemas}/cosine.ldif
include: {schemas}/nis.ldif
include: {schemas}/inetorgperson.ldif

dn: olcDatabase={{-1}}frontend,cn=config
objectClass: olcDatabaseConfig
objectClass: olcFrontendConfig
olcDatabase: {{-1}}frontend
olcSizeLimit: 500
olcAccess: {{0}}to dn.exact="" by * read
olcAccess: {{1}}to dn.base="cn=Subschema" by * read

dn: olcDatabase={{0}}config,cn=config
objectClass: olcDatabaseConfig
olcDatabase: {{0}}config
olcRootDN: cn=config
olcRootPW: {password}

dn: olcDatabase={{1}}mdb,cn=config
objectClass: olcDatabaseConfig
objectClass: olcMdbConfig
olcDatabase: {{1}}mdb
olcDbCheckpoint: 512 30
olcDbDirectory: {data}
olcSuffix: {suffix}
olcLastMod: TRUE
olcRootDN: cn=admin,{suffix}
olcRootPW: {password}
olcDbIndex: objectClass eq
olcDbIndex: cn,uid eq
olcAccess: {{0}}to attrs=userPassword by self write by anonymous auth by * none
olcAccess: {{1}}to * by * read
"""


@pytest.fixture
def stock(tmp_path: Path) -> Iterator[str]:
    """The address of such a server."""
    installation, url = Installation.find(), f"ldap://127.0.0.1:{free_port()}"
    for folder in ("config", "data"):
        (tmp_path / folder).mkdir()
    made = STOCK.format(
        modules=installation.modules,
        schemas=installation.schemas.as_uri(),
        data=tmp_path / "data",
        suffix=SUFFIX,
        password=PASSWORD.reveal(),
    )
    add = [installation.program, "-T", "add", "-n", "0", "-F", str(tmp_path / "config")]
    subprocess.run(add, input=made, text=True, check=True, env=installation.environment or None)
    server = ServerProcess("slapd", tmp_path)
    server.start(
        [installation.program, "-d", "0", "-F", tmp_path / "config", "-h", url],
        environment=installation.environment,
    )
    asked = ["ldapwhoami", "-x", "-H", url, "-D", "cn=config", "-w", PASSWORD.reveal()]
    assert server.answers_within(
        30, lambda: not subprocess.run(asked, capture_output=True, check=False).returncode
    )
    yield url
    server.stop()


def test_the_files_make_a_stock_server_ours(stock: str) -> None:
    def load(text: str, tool: str = "ldapmodify", account: str = "cn=config") -> None:
        command = [tool, "-x", "-H", stock, "-D", account, "-w", PASSWORD.reveal()]
        subprocess.run(command, input=text, text=True, check=True, capture_output=True)

    def printed(name: str) -> str:
        command = [sys.executable, "-m", "ldap_schema", "--suffix", SUFFIX, name]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    dit, admin = Dit(SUFFIX), f"cn=admin,{SUFFIX}"
    for name in NAMES:
        tools = {"congvu": ("ldapadd", "cn=config"), "dit": ("ldapadd", admin)}
        load(printed(name), *tools.get(name, ("ldapmodify", "cn=config")))
    load(
        f"dn: {dit.service('provisioner')}\nchangetype: modify\nreplace: userPassword\n"
        f"userPassword: {PASSWORD.reveal()}\n",
        account=admin,
    )

    with closing(directory(stock, PASSWORD)) as ours:
        with pytest.raises(Unavailable, match="groupOfURLs, memberURL"):
            ours.probe()
        load((Installation.find().schemas / "dyngroup.ldif").read_text("utf-8"), "ldapadd")
        assert stock in ours.probe()

        first, second = a_person(dit), a_unit(dit, mail="chung@lamdong.gov.vn")
        third = a_person(dit, mail="chung@lamdong.gov.vn")
        outcomes = [ours.put([Wish(entry)])[0].outcome for entry in (first, second, third)]
    assert outcomes == [Outcome.DONE, Outcome.DONE, Outcome.REFUSED]


def test_a_refused_password_is_told_as_one(stock: str) -> None:
    with (
        closing(directory(stock, Secret("another"))) as ours,
        pytest.raises(Unavailable, match=r"refuses the password of uid=provisioner.*ldappasswd"),
    ):
        ours.probe()


def directory(url: str, password: Secret) -> LdapDirectory:
    dit = Dit(SUFFIX)
    return LdapDirectory(url, bind_dn=dit.service("provisioner"), password=password, dit=dit, timeout=30)

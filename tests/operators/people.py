"""Operators for tests: named, with roles, a password that is known and a key that is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from provisioner.agencies.models import Agency
from provisioner.db import Database
from provisioner.operators import links, naming
from provisioner.operators.models import LinkPurpose, Operator
from provisioner.operators.proving import STEP, code_at
from provisioner.operators.roles import Role
from provisioner.operators.signing_in import Proof
from provisioner.secret import Secret
from tests.books import NOW
from tests.province import SEALER

PASSWORD = "mot cau dai de nho 7291"


@dataclass(frozen=True)
class Account:
    """An operator as they know themselves."""

    name: str
    key: Secret | None

    def code(self, now: datetime = NOW) -> str:
        return code_at(self.key, int(now.timestamp()) // STEP) if self.key else ""

    def proof(self, now: datetime = NOW, *, password: str = PASSWORD) -> Proof:
        return Proof(self.name, Secret(password), self.code(now))


def an_operator(
    database: Database,
    name: str,
    *roles: Role,
    agency: str | None = None,
    holding: Sequence[tuple[Role, str | None]] = (),
) -> Operator:
    """An operator with these roles for one sub-tree, or `holding` each for another, who has not come in yet."""
    with database.transaction() as session:
        operator = naming.name_operator(session, name, f"Người {name}", by="test", now=NOW)
        for role, code in (*((role, agency) for role in roles), *holding):
            where = session.query(Agency).filter_by(code=code).one() if code else None
            naming.grant(session, operator, role, where, by=None, now=NOW)
        return operator


def a_link(
    database: Database, operator: Operator, purpose: LinkPurpose = LinkPurpose.SET_UP, now: datetime = NOW
) -> Secret:
    with database.transaction() as session:
        return links.make_link(session, operator, purpose, by="test", sealer=SEALER, now=now)


def an_account(
    database: Database, name: str, *roles: Role, agency: str | None = None, with_code: bool = False
) -> Account:
    """An operator who went through the set-up page, a minute ago."""
    operator = an_operator(database, name, *roles, agency=agency)
    token = a_link(database, operator)
    with database.transaction() as session:
        found = links.look(session, token, sealer=SEALER, now=NOW)
        coded = found.code_needed or with_code
        code = code_at(found.key, int(NOW.timestamp()) // STEP - 1) if coded else ""
        links.set_up(session, token, Secret(PASSWORD), code, source="test", sealer=SEALER, now=NOW)
        return Account(operator.name, found.key if coded else None)

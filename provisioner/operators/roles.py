"""Roles and rights: what each role may do within the sub-tree of agencies it is bound to.

A route names a right and never a role. Who may do what is read off this one table.
"""

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from provisioner.errors import Text


class Role(StrEnum):
    """What a person is trusted with, always for one agency and everything below it."""

    HR = "hr"
    LOCAL_ADMIN = "local_admin"
    APPROVER = "approver"
    ADMIN = "admin"
    CA_OFFICER = "ca_officer"
    LEADER = "leader"
    AUDITOR = "auditor"


class Right(StrEnum):
    """One thing that a route lets somebody do."""

    COVERAGE = "coverage"
    """See how far mailboxes and certificates have come."""
    REGISTER = "register"
    """See people, mailboxes, certificates and agencies."""
    ASK = "ask"
    """Write requests and send them for approval."""
    NAMES = "names"
    """Say which words of a name are the family, middle and given name."""
    REQUESTS = "requests"
    """See requests."""
    PLAN = "plan"
    """Upload a roster."""
    ROSTERS = "rosters"
    """See rosters, their plans and what became of them."""
    RESULTS = "results"
    """Have a roster's rows back as a file, in which identity numbers stand as they came."""
    APPROVE = "approve"
    """Approve what another person asked for or planned."""
    REVOKE = "revoke"
    """Propose revocations, and agree to those of another person."""
    LOCK = "lock"
    """Lock or disable mailboxes for a while, and let their owners in again."""
    CODES = "codes"
    """Print new one-time codes for owners."""
    ORDER = "order"
    """Order signing certificates."""
    IDENTITY = "identity"
    """Read an identity number in full, after proving oneself anew."""
    AUDIT = "audit"
    """Read the audit trail."""
    HEALTH = "health"
    """See which parts of the system are well."""
    SIGN = "sign"
    """Have a report signed in the province's name."""
    OPERATORS = "operators"
    """Name operators and give them roles."""


RIGHTS: Final = MappingProxyType(
    {
        Role.HR: frozenset({Right.COVERAGE, Right.REGISTER, Right.ASK, Right.NAMES, Right.REQUESTS}),
        Role.LOCAL_ADMIN: frozenset({Right.COVERAGE, Right.REGISTER, Right.LOCK, Right.CODES}),
        Role.APPROVER: frozenset(
            {
                Right.COVERAGE,
                Right.REGISTER,
                Right.REQUESTS,
                Right.ROSTERS,
                Right.RESULTS,
                Right.APPROVE,
                Right.IDENTITY,
                Right.HEALTH,
            }
        ),
        Role.ADMIN: frozenset(
            {
                Right.COVERAGE,
                Right.REGISTER,
                Right.NAMES,
                Right.REQUESTS,
                Right.ROSTERS,
                Right.RESULTS,
                Right.PLAN,
                Right.APPROVE,
                Right.REVOKE,
                Right.LOCK,
                Right.CODES,
                Right.ORDER,
                Right.IDENTITY,
                Right.AUDIT,
                Right.HEALTH,
                Right.SIGN,
                Right.OPERATORS,
            }
        ),
        Role.CA_OFFICER: frozenset({Right.COVERAGE, Right.REGISTER, Right.REVOKE, Right.ORDER, Right.HEALTH}),
        Role.LEADER: frozenset({Right.COVERAGE, Right.REGISTER, Right.SIGN}),
        Role.AUDITOR: frozenset(
            {Right.COVERAGE, Right.REGISTER, Right.REQUESTS, Right.ROSTERS, Right.AUDIT, Right.HEALTH}
        ),
    }
)

CODE_NEEDED: Final = frozenset({Role.APPROVER, Role.ADMIN, Role.CA_OFFICER})
"""Roles that sign in with a second factor: each can cause certificates to be issued (CA/B S/MIME BR 6.5.1)."""

WHOLE_PROVINCE_ONLY: Final = frozenset(
    {Right.PLAN, Right.ROSTERS, Right.RESULTS, Right.AUDIT, Right.HEALTH, Right.OPERATORS, Right.SIGN}
)
"""Rights over things that belong to no one agency: only a role bound to the whole province brings them."""

GREATER: Final = MappingProxyType({Right.ASK: Right.PLAN})
"""Rights that a greater one suffices to give: whoever loads whole rosters may let others ask for single rows."""

NAMES: Final = MappingProxyType(
    {
        Role.HR: Text(vi="Cán bộ tổ chức", en="HR officer"),
        Role.LOCAL_ADMIN: Text(vi="Quản trị của cơ quan", en="Local administrator"),
        Role.APPROVER: Text(vi="Người phê duyệt", en="Approver"),
        Role.ADMIN: Text(vi="Quản trị hệ thống", en="Administrator"),
        Role.CA_OFFICER: Text(vi="Cán bộ chứng thực", en="Certification officer"),
        Role.LEADER: Text(vi="Lãnh đạo", en="Leader"),
        Role.AUDITOR: Text(vi="Kiểm tra viên", en="Auditor"),
    }
)

"""Operators of the demo, one for each kind of visitor, and the links by which each comes in once."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.operators import links, naming
from provisioner.operators.models import LinkPurpose, Operator
from provisioner.operators.roles import Role
from provisioner.people.sealing import Sealer
from provisioner.secret import Secret

CAST = (
    ("hr", "Cán bộ tổ chức (demo)", Role.HR, "H36.05"),
    ("admin", "Quản trị viên (demo)", Role.ADMIN, None),
    ("approver", "Người phê duyệt (demo)", Role.APPROVER, None),
    ("leader", "Lãnh đạo tỉnh (demo)", Role.LEADER, None),
    ("auditor", "Kiểm tra viên (demo)", Role.AUDITOR, None),
)
"""Name, full name, role, and the agency it is for; none is the whole province."""


def sign_in_links(session: Session, *, sealer: Sealer, now: datetime) -> list[tuple[Operator, Role, Secret]]:
    """Name who is missing, and make a new link for each: good once, and no password anywhere."""
    made = []
    for name, full_name, role, code in CAST:
        operator = session.scalars(select(Operator).where(Operator.name == name)).one_or_none()
        operator = operator or naming.name_operator(session, name, full_name, by="demo", now=now)
        agency = session.scalars(select(Agency).where(Agency.code == code)).one() if code else None
        naming.grant(session, operator, role, agency, by=None, now=now)
        token = links.make_link(session, operator, LinkPurpose.SIGN_IN, by="demo", sealer=sealer, now=now)
        made.append((operator, role, token))
    return made

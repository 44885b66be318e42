"""Operators of the demo, one for each kind of visitor, and the links by which each comes in once."""

from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioner.agencies.models import Agency
from provisioner.errors import Text
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

ERRANDS: Final = MappingProxyType(
    {
        Role.HR: Text(
            vi="xin cấp một hộp thư: Đề nghị > Lập đề nghị",
            en="ask for a mailbox: Đề nghị (Requests) > Lập đề nghị",
        ),
        Role.ADMIN: Text(
            vi="nạp {file}: Danh sách; một số dòng cố ý sai",
            en="load {file}: Danh sách (Rosters); some of its rows are wrong on purpose",
        ),
        Role.APPROVER: Text(
            vi="đồng ý với cả hai việc trên: Phê duyệt", en="say yes to either: Phê duyệt (Approvals)"
        ),
        Role.LEADER: Text(
            vi="Tổng quan > còn thiếu > từng tên; Báo cáo (PDF)",
            en="how far we are: Tổng quan (Coverage) > còn thiếu (missing) > names; Báo cáo (PDF)",
        ),
        Role.AUDITOR: Text(
            vi="đọc tất cả, không sửa gì: Nhật ký",
            en="read everything, change nothing: Nhật ký (Audit trail)",
        ),
    }
)
"""What each may try first, by the names that the pages have; `{file}` is the file to load."""


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

"""The first days of the demo's mailboxes: slips reach their owners, and some of them sign in.

People and sign-ins are made up; what they do to the books is done by the product's own deeds. Nothing is dated back, so
the trend begins on the day of the demo.
"""

from datetime import datetime
from typing import Final
from zlib import crc32

from sqlalchemy import select

from provisioner.agencies.models import Agency
from provisioner.audit import Who
from provisioner.db import Database
from provisioner.mail import codes, handing_out, issuing
from provisioner.mail.usage import SignIn, bring_in

_BY: Final = Who("demo")
_LEFT_ALONE: Final = "H36.05"
"""The agency of the demo's HR officer: whoever tries the demo gives its slips out."""
_COMMUNE: Final = 3
"""Digits of a commune's number, which the codes of all its bodies end in or hold: `H36.105.01`, `H36.60.105`."""
_REACHED, _CAME_IN = 640, 720
"""Of a thousand agencies, those that gave their slips out; of a thousand owners with a slip, those who came in."""


def let_owners_in(database: Database, *, now: datetime, code_days: int) -> None:
    """Give slips to the owners of some agencies, and let some of those sign in: the same ones in every demo, and once."""
    came_in: list[SignIn] = []
    expires_at = codes.good_until(now, days=code_days)
    with database.transaction() as session:
        roots = session.scalars(select(Agency.code).where(Agency.parent_id.is_(None))).all()
        if any(handing_out.progress(session, root, now=now).delivered for root in roots):
            return
        for root in roots:
            reached = [
                one for one in codes.holders_in(session, root, now=now) if _is_reached(one.agency_code)
            ]
            slips = [codes.NewCode(holder, codes.new_code()) for holder in reached]
            issuing.issue(session, slips, who=_BY, now=now, expires_at=expires_at)
            handing_out.deliver(session, root, who=_BY, now=now)
            came_in += [SignIn(one.address, now) for one in reached if _draw(one.address) < _CAME_IN]
    bring_in(database, came_in, now=now)


def _is_reached(code: str) -> bool:
    """Whether this agency's slips were given out: in a department, or in all of a commune's bodies, at once."""
    parts = code.split(".")
    commune = [part for part in parts[1:] if len(part) == _COMMUNE]
    place = commune[0] if commune else ".".join(parts[:2])
    return place != _LEFT_ALONE and _draw(place) < _REACHED


def _draw(name: str) -> int:
    return crc32(name.encode()) % 1000

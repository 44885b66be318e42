"""Who did something, by the name people know them by: one question for all that a page names."""

from collections.abc import Iterable, Mapping

from sqlalchemy import select

from provisioner.operators.models import Operator
from provisioner.web.answering import services


def doers(names: Iterable[str | None]) -> Mapping[str, str]:
    """Full names of these operators, by the names that stand in the audit trail. Programs have no other name."""
    wanted = {name for name in names if name}
    if not wanted:
        return {}
    # Asked outside the reader's reach: whoever sees a deed may know who did it.
    with services().database.glancing() as session:
        known = session.execute(
            select(Operator.name, Operator.full_name).where(Operator.name.in_(sorted(wanted)))
        )
        return dict(known.all())

"""For how long a drawing of coverage with what stands beside it is the truth, unless somebody writes."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from provisioner.certificates import foreign
from provisioner.coverage import editions
from provisioner.reports.expiring import next_to_end


def lasts_until(session: Session, *, at: datetime, used_within: timedelta) -> datetime | None:
    """The first moment at which something counts differently by itself; None where that is not known.

    Figures do, ends that come near, and certificates of other authorities.
    """
    figures = editions.holds_until(session, at=at, used_within=used_within)
    if figures is None:
        return None
    beside = (next_to_end(session, at=at), foreign.next_change(session, at=at))
    return min([figures, *(moment for moment in beside if moment is not None)])

"""Health: one word for load balancers and watchdogs. What is amiss stands on the page of the system."""

import logging

from flask import Blueprint, Response

from provisioner.errors import ProvisionerError
from provisioner.parts import Name, State, standing, state
from provisioner.web.answering import services
from provisioner.web.policies import everybody

log = logging.getLogger(__name__)

pages = Blueprint("health", __name__)

NEEDED = (Name.CLOCK, Name.DIRECTORY)
"""What has to be there. Without the clock nobody knows of the directory; without the others nothing is lost, work waits."""


@pages.get("/health")
@everybody("a load balancer has no account; it learns whether all is well, and nothing else")
def health() -> Response:
    """Answer `ok` with 200, or `not ok` with 503.

    The books are asked and nobody else, so that no server that hangs holds it up.
    """
    found = services()
    try:
        with found.database.glancing() as session:
            seen = standing(session)
    except ProvisionerError as error:
        log.warning("%s", error)
        return _said(well=False)
    now = found.clock()
    return _said(well=all(state(seen.get(name), now=now) is State.ANSWERS for name in NEEDED))


def _said(*, well: bool) -> Response:
    return Response("ok\n" if well else "not ok\n", 200 if well else 503, mimetype="text/plain")

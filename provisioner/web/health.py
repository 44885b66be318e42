"""Health: one word for load balancers and watchdogs. What is amiss stands on the page of the system."""

import logging

from flask import Blueprint, Response

from provisioner.errors import ProvisionerError
from provisioner.parts import Name, State, standing, state
from provisioner.web.answering import services
from provisioner.web.policies import everybody

log = logging.getLogger(__name__)

pages = Blueprint("health", __name__)

WATCHED = (Name.CLOCK, Name.DIRECTORY)
"""Without the clock nobody knows of the directory; without the other parts nothing is lost, work waits."""


@pages.get("/health")
@everybody("a load balancer has no account; it learns whether all is well, and nothing else")
def health() -> Response:
    """Answer `ok` or `degraded` with 200, or `not ok` with 503 when the books are away.

    A load balancer must not take a site out of service that can still show people their figures, requests and
    rosters; a watchdog reads the word. The books are asked and nobody else, so that no server that hangs holds it up.
    """
    found = services()
    try:
        with found.database.glancing() as session:
            seen = standing(session)
    except ProvisionerError as error:
        log.warning("%s", error)
        return _said("not ok", 503)
    now = found.clock()
    well = all(state(seen.get(name), now=now) is State.ANSWERS for name in WATCHED)
    return _said("ok" if well else "degraded", 200)


def _said(word: str, status: int) -> Response:
    return Response(f"{word}\n", status, mimetype="text/plain")

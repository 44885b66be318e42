"""Health: whether the process lives, and whether it can do its work."""

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from provisioner.errors import ProvisionerError
from provisioner.web.answering import services
from provisioner.web.policies import everybody
from provisioner.working import remaining

pages = Blueprint("health", __name__)


@pages.get("/health")
@everybody("a watchdog has no account; it learns what is well and how much waits, and nothing of anybody")
def health() -> ResponseReturnValue:
    """Answer 200 when the books and the directory answer, else 503; Redis away is told and no failure.

    Nothing is lost without Redis: work waits for the clock. Whether the directory takes writes is asked by
    `provisioner doctor`, which writes; a page that anybody may call does not.
    """
    found = services()
    parts: dict[str, str] = {}
    pending: dict[str, int] = {}
    well = True
    try:
        with found.database.reading() as session:
            left = remaining(session)
        parts["database"] = "ok"
        pending = {"entries": left.entries, "certificates": left.certificates, "need_a_person": left.stuck}
    except ProvisionerError as error:
        parts["database"], well = error.text.en, False
    try:
        found.directory.read([found.dit.service("provisioner")])
        parts["directory"] = "ok"
    except ProvisionerError as error:
        parts["directory"], well = error.text.en, False
    try:
        found.doorbell.version()
        parts["redis"] = "ok"
    except ProvisionerError as error:
        parts["redis"] = error.text.en
    return jsonify(well=well, parts=parts, pending=pending), 200 if well else 503

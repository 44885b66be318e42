"""The clock: rings every few seconds for whatever is pending, and for what the day brings.

Everything may be lost between two of its strokes, jobs and Redis and workers, and is found
again at the next. It decides nothing: it asks the books what waits, and rings.
"""

import logging
import signal
import sys
import time
from threading import Event

from provisioner.errors import ProvisionerError
from provisioner.services import Services
from provisioner.settings import Settings

log = logging.getLogger(__name__)

STROKE = 3.0
"""Seconds between two looks at the books."""

HALF_MINUTE = 30.0
"""Seconds between two calls to count coverage again where it changed; until then each question counts it."""

HOUR = 3600.0
"""Seconds between two calls for the tasks that find out themselves whether they are due."""


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        services = Services(Settings.load())
    except ProvisionerError as error:
        sys.exit(str(error))
    last_hour = last_half_minute = -HOUR
    while not stop.wait(STROKE):
        try:
            for bell in services.bells_due():
                services.doorbell(bell)
        except ProvisionerError as error:
            log.warning("%s", error)
        if time.monotonic() - last_half_minute >= HALF_MINUTE:
            last_half_minute = time.monotonic()
            for bell in ("coverage", "notices"):
                services.doorbell(bell)
        if time.monotonic() - last_hour >= HOUR:
            last_hour = time.monotonic()
            for bell in (
                "lists",
                "responders",
                "answers",
                "snapshot",
                "stale",
                "renewals",
                "reports",
                "timers",
            ):
                services.doorbell(bell)


if __name__ == "__main__":
    main()

"""The clock: rings every few seconds for whatever is pending, and for what the day brings.

Everything may be lost between two of its strokes, jobs and Redis and workers, and is found
again at the next. It decides nothing: it asks the books what waits, and rings. Beside that, in a thread of its own
so that a server that hangs holds up no stroke, it looks which parts of the system answer.
"""

import logging
import signal
import sys
import time
from threading import Event, Thread

from provisioner.errors import ProvisionerError
from provisioner.services import Services
from provisioner.settings import Settings
from provisioner.watch import Watch

log = logging.getLogger(__name__)

STROKE = 3.0
"""Seconds between two looks at the books."""

HALF_MINUTE = 30.0
"""Seconds between two signs of life, two looks at the other parts, and two calls to count coverage again where it changed."""

HOUR = 3600.0
"""Seconds between two calls for the tasks that find out themselves whether they are due."""

_HALF_MINUTELY = ("coverage", "notices", "reconciliation")
_HOURLY = (
    "lists",
    "responders",
    "answers",
    "snapshot",
    "stale",
    "renewals",
    "reports",
    "sign-ins",
    "sizes",
    "timers",
)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        services = Services(Settings.load()).checked()
    except ProvisionerError as error:
        sys.exit(str(error))
    watch = Watch(services)
    Thread(target=_look, args=(watch, stop), daemon=True).start()
    last_hour = last_half_minute = -1.0
    while not stop.wait(STROKE):
        bells: list[str] = []
        # By the time of day: each half minute is another part of the directory's turn, and none may be left out.
        now_half_minute, now_hour = time.time() // HALF_MINUTE, time.time() // HOUR
        half_minute, hour = now_half_minute != last_half_minute, now_hour != last_hour
        try:
            bells = services.bells_due()
            if half_minute:
                watch.beat(bells)
        except ProvisionerError as error:
            log.warning("%s", error)
        if half_minute:
            last_half_minute, bells = now_half_minute, [*bells, *_HALF_MINUTELY]
        if hour:
            last_hour, bells = now_hour, [*bells, *_HOURLY]
        services.doorbell(*dict.fromkeys(bells))


def _look(watch: Watch, stop: Event) -> None:
    """Look at the other parts again and again."""
    while True:
        try:
            watch.look()
        except ProvisionerError as error:
            log.warning("%s", error)
        if stop.wait(HALF_MINUTE):
            return


if __name__ == "__main__":
    main()

"""Named places in the code where a fault test may strike.

Off unless `PROVISIONER_FAILPOINT` is set when the process starts, and then only under
`PROVISIONER_TESTING=1`. The value is `name=action[@count]`: `kill` (SIGKILL to this process),
`raise` (FailpointError) or `stop` (SIGSTOP); `@3` means at the third visit. Several are
separated by commas.
"""

import logging
import os
import signal
from collections.abc import Mapping

log = logging.getLogger(__name__)


class FailpointError(RuntimeError):
    """Raised at a failpoint on purpose."""


class _Plan:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self.actions: dict[str, tuple[str, int]] = {}
        self.visits: dict[str, int] = {}
        if not _testing(environment):
            return
        for part in filter(None, environment.get("PROVISIONER_FAILPOINT", "").split(",")):
            name, _, action = part.partition("=")
            action, _, count = action.partition("@")
            self.actions[name] = (action, int(count or 1))


def _testing(environment: Mapping[str, str]) -> bool:
    return environment.get("PROVISIONER_TESTING") == "1"


_plan = _Plan(os.environ)


def figure(name: str, usual: float) -> float:
    """The usual figure, or under `PROVISIONER_TESTING=1` the one in the environment: tests cannot wait for a lease."""
    return float(os.environ.get(name, usual)) if _testing(os.environ) else usual


def failpoint(name: str) -> None:
    """Do nothing, or what the fault test asked for at this place."""
    if name not in _plan.actions:
        return
    action, at = _plan.actions[name]
    _plan.visits[name] = _plan.visits.get(name, 0) + 1
    if _plan.visits[name] != at:
        return
    log.warning("struck at %s: %s", name, action)
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    if action == "raise":
        raise FailpointError(name)

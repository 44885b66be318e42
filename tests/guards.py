"""The guards around every test: no way off this machine, no process left behind, slow proofs only when asked for."""

import ipaddress
import os
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

_MARK = "PROVISIONER_TEST_PROCESS"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_true", help="run the slow proofs too, and the faults at full length"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests marked `slow` to the commands that ask for them."""
    if config.getoption("--long"):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    items[:] = [item for item in items if item not in slow]
    config.hook.pytest_deselected(items=slow)


class OffMachineError(RuntimeError):
    """A test reached for an address that is not on this machine."""


def _stay_on_this_machine(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: Python's own connections go to loopback and unix sockets only, and no name is looked up."""
    if event in {"socket.connect", "socket.sendto"}:
        address = arguments[1]
        host = (
            address[0]
            if isinstance(address, tuple) and arguments[0].family != socket.AF_UNIX
            else "localhost"
        )
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host in {None, "", "localhost", socket.gethostname()}:
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    # Binding to all addresses looks 0.0.0.0 up, which leaves the machine no more than loopback does.
    if not loopback and not (event == "socket.getaddrinfo" and host in {"0.0.0.0", "::"}):
        raise OffMachineError(f"{event} to {host}: tests talk to servers on this machine only")


sys.addaudithook(_stay_on_this_machine)


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left_behind() -> Iterator[None]:
    """Fail when a process started by this test process is alive at its end, even one that lost its parent."""
    mark = secrets.token_hex(8)
    os.environ[_MARK] = mark
    yield
    left = _left_behind(mark)
    time.sleep(0.1)  # a process that is just turning into another program shows no environment: look twice
    left = left or _left_behind(mark)
    assert not left, f"left behind: {left}"


def _left_behind(mark: str) -> list[str]:
    return [
        f"{process.pid} {process.name()}"
        for process in psutil.process_iter(["name"])
        if _is_ours(process, mark)
    ]


def _is_ours(process: psutil.Process, mark: str) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        # What a process inherits is fixed when it starts, so the mark also finds one adopted by init.
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(_MARK) == mark
    except psutil.Error:
        return False

"""Python's collector of cycles, kept from looking at what was imported: that stays for the life of a process."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing() -> Iterator[None]:
    """Import within this block without rounds of the collector, and set aside what came."""
    gc.disable()
    try:
        yield
    finally:
        set_imports_aside()
        gc.enable()


def set_imports_aside() -> None:
    """Take all that is there now out of the collector's rounds (gc.freeze).

    Rounds over some hundred thousand objects of libraries cost a quarter of the time of importing them, as much
    once more when the process ends, and a sixth of the time of signing; and a forked work-horse would copy the
    memory by looking at it. What is made afterwards is looked at less often: a batch is some ten thousand objects,
    and hardly any is in a cycle.
    """
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)

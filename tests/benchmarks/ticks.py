"""Processor time as the kernel counts it: what a busy machine changes least."""

import os
from pathlib import Path


def processor(pid: int) -> float:
    """The processor seconds that this process has used, with all its threads."""
    return _seconds(pid, 11)


def of_children(pid: int) -> float:
    """The processor seconds of all children that this process ever had: those that live, and those that ended."""
    return sum(map(processor, children(pid))) + _seconds(pid, 13)


def children(pid: int) -> list[int]:
    """The children that live."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _seconds(pid: int, first: int) -> float:
    """Two neighbouring fields of proc(5)'s `stat`, in user and in system mode; 0.0 for a process that has just ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[first]) + int(fields[first + 1])) / os.sysconf("SC_CLK_TCK")

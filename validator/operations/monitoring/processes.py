"""Another process's memory and open files, read from /proc; None for one that is gone or not readable."""

import os
from collections.abc import Callable
from pathlib import Path

_PROC = Path("/proc")


def resident_bytes(pid: int) -> int | None:
    """Return the resident memory of the process, or None."""
    return _read(
        lambda: int((_PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    )


def open_descriptors(pid: int) -> int | None:
    """Return how many files and sockets the process has open, or None."""
    return _read(lambda: len(list((_PROC / str(pid) / "fd").iterdir())))


def _read(number: Callable[[], int]) -> int | None:
    try:
        return number()
    except OSError:
        return None

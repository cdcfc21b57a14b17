"""What Linux tells of another process: how much memory it has, and how many files it holds open.

Nobody is asked: it is read from /proc. A process that is gone, or that may not be looked at, tells nothing.
"""

import os
from collections.abc import Callable
from pathlib import Path

_PROC = Path("/proc")


def resident_bytes(pid: int) -> int | None:
    """Return how much of the machine's memory the process has; None when that cannot be known."""
    return _told(
        lambda: int((_PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    )


def open_descriptors(pid: int) -> int | None:
    """Return how many files and sockets the process holds open; None when that cannot be known."""
    return _told(lambda: len(list((_PROC / str(pid) / "fd").iterdir())))


def _told(ask: Callable[[], int]) -> int | None:
    try:
        return ask()
    except OSError:
        return None

"""The machine under a benchmark: what its figures depend on, which core runs what, and who used how much.

A server runs on the first core and the load on the last, so that neither takes time from the other. With one
core only they share it, and the figures are of both.
"""

import os
import platform
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_TICKS = os.sysconf("SC_CLK_TCK")
_IDLE = 4  # field of a core's line in /proc/stat
_PARENT, _USER, _SYSTEM = 1, 11, 12  # fields of /proc/PID/stat, counted from after the program's name


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "cores": cores(),
        "pinned": len(cores()) > 1,
        "processor": _processor(),
        "python": platform.python_version(),
        # A distribution may have optimised its Python by other words: then this is False, wrongly.
        "python_optimised": "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or ""),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def cores() -> list[int]:
    """Return the cores there are."""
    return sorted(os.sched_getaffinity(0))


@contextmanager
def pinned(wanted: list[int]) -> Iterator[None]:
    """Run what is started in such a block on the cores *wanted*."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, wanted)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def family(pids: Sequence[int]) -> list[int]:
    """Return *pids* and every process below them; each one's children follow it in their order."""
    return _family(pids, dict(_stats()))


def move(pids: Sequence[int], wanted: list[int]) -> None:
    """Run the processes *pids* on the cores *wanted* from now on, all of their threads."""
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").glob("*"):
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), wanted)


def seconds_of(pid: int) -> list[float]:
    """Return the seconds of processor time of the process *pid*, then of each process below it."""
    stats = dict(_stats())
    return [(int(stats[each][_USER]) + int(stats[each][_SYSTEM])) / _TICKS for each in _family([pid], stats)]


def _family(pids: Sequence[int], stats: Mapping[int, list[str]]) -> list[int]:
    found = list(pids)
    for each in found:  # grows meanwhile
        found += sorted(child for child, fields in stats.items() if int(fields[_PARENT]) == each)
    return found


def idle_seconds() -> list[float]:
    """Return the seconds in which each core of the machine had nothing to run, since it began."""
    lines = [line.split() for line in Path("/proc/stat").read_text().splitlines()]
    return [int(line[_IDLE]) / _TICKS for line in lines if line[0].startswith("cpu") and line[0] != "cpu"]


def _stats() -> Iterator[tuple[int, list[str]]]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue  # it has ended
        yield int(path.parent.name), text.rpartition(")")[2].split()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()

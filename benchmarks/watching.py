"""What a server's processes and files take, looked at from outside while it works."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Taken:
    """What one process takes: memory in kB, open descriptors, threads, seconds of processor so far.

    `pss` is its share of every page but `shared`, its share of the counters' file, which is in memory once
    for all processes of the node.
    """

    rss: int
    pss: int
    shared: int
    descriptors: int
    threads: int
    processor: float


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: when (monotonic seconds), after how many answers, each worker, and bytes of files."""

    at: float
    answered: int
    workers: dict[int, Taken]
    files: dict[str, int]


def workers(master: int) -> list[int]:
    """Return the ids of the processes that *master* has started."""
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def taken(pid: int) -> Taken:
    """Return what the process *pid* takes; raises OSError when it is gone."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Taken(
        rss=sizes["Rss"],
        pss=sizes["Pss"] - sizes["Pss_Shmem"],
        shared=sizes["Pss_Shmem"],
        descriptors=len(list(Path(f"/proc/{pid}/fd").iterdir())),
        threads=int(fields[17]),
        processor=(int(fields[11]) + int(fields[12])) / _TICKS,
    )


def sizes(home: Path) -> dict[str, int]:
    """Return how many bytes the files have that grow: write-ahead logs, counters, the audit trail."""
    files = {name: home / name for name in ("validator.db-wal", "counters/counters.mdb")}
    found = {name: file.stat().st_size for name, file in files.items() if file.exists()}
    trail = 0
    for file in (home / "audit").glob("*.jsonl"):
        with suppress(FileNotFoundError):  # it was rotated between two looks
            trail += file.stat().st_size
    return found | {"audit trail": trail}


def look(master: int, home: Path, answered: int) -> Sample:
    """Return the state of the server of *master* now, after *answered* responses."""
    seen = {}
    for pid in workers(master):
        with suppress(FileNotFoundError, ProcessLookupError):
            seen[pid] = taken(pid)
    return Sample(time.monotonic(), answered, seen, sizes(home))


@contextmanager
def watched(seeing: Callable[[], Sample], every: float) -> Iterator[list[Sample]]:
    """Look *every* few seconds while the block lasts; the list grows."""
    samples, is_over = [seeing()], Event()

    def watch() -> None:
        while not is_over.wait(every):
            samples.append(seeing())

    watcher = Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield samples
    finally:
        is_over.set()
        watcher.join()
        samples.append(seeing())


def slope(points: list[tuple[float, float]]) -> float:
    """Return by how much the second grows with the first, by least squares; 0 of fewer than two points."""
    count = len(points)
    mean_x, mean_y = (sum(point[axis] for point in points) / max(1, count) for axis in (0, 1))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0

"""Lets the processes of a node count together: each in its own files, which another process reads.

This is prometheus-client's multiprocess mode, with slots in place of process ids. A worker takes the first
slot that no living process holds, and goes on with what was counted in it: restarts lose no count, and leave
no file behind. A slot is held by a lock on `worker-NN.lock`, which also names its process.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import orjson
import structlog

from validator.clock import Clock, iso_milliseconds
from validator.files import MODE, make_private_folder
from validator.locks import numbering
from validator.metrics import prometheus_internals
from validator.metrics.instruments import WORKER_STARTS, child
from validator.networks import Network

_FILE_BYTES = 1 << 20
_FLOCK = "hhqqi4x"  # struct flock: kind, from where, beginning, length, process
_WHOLE_FILE = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)

log = structlog.get_logger("validator.metrics")


@dataclass(frozen=True, slots=True)
class MetricsPolicy:
    """The folder of the counts, where they are served (`host:port` or `unix:/path`), and to whom.

    This host and a unix socket's users may always read them; `networks` are those of other hosts that may.
    """

    directory: Path
    bind: str
    networks: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that serves: its id, its role, since when, its slot.

    Its id means nothing to a process that is not `is_in_view`: one of them is in another container.
    """

    pid: int
    role: str
    began: datetime
    slot: str = ""
    is_in_view: bool = True


def begin(directory: Path, role: str, clock: Clock) -> None:
    """Count in *directory* from now on; when that is not possible, in this process's memory, and log it.

    Call it in a worker before anything is counted. No request fails for lack of metrics.
    """
    try:
        make_private_folder(directory)
        slot = _take(directory, role, clock.now())
    except OSError as error:
        log.error("the metrics cannot be shared", error=type(error).__name__)
        return
    prometheus_internals.count_in(directory, slot)
    child(WORKER_STARTS, role).inc()


def workers(directory: Path) -> list[Worker]:
    """Return the processes that count in *directory* now."""
    return sorted(_holders(directory), key=lambda worker: (worker.role, worker.pid))


def hold(descriptor: int) -> bool:
    """Hold the slot of a lock file as long as its *descriptor* is open; return False when another does."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _WHOLE_FILE)
    except (BlockingIOError, PermissionError):  # EAGAIN, or EACCES on some file systems
        return False
    return True


def _take(directory: Path, role: str, now: datetime) -> str:
    """Return the name of a slot that is this process's as long as it lives."""
    for number in count():
        name = f"{number:02}"
        descriptor = os.open(directory / f"worker-{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
        if not hold(descriptor):
            os.close(descriptor)
            continue
        _prepare(directory, name)
        note = {"pid": os.getpid(), "role": role, "began": iso_milliseconds(now), "numbering": numbering()}
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, orjson.dumps(note), 0)
        return name  # the descriptor stays open, and with it the lock
    raise AssertionError("count() ends")


def _prepare(directory: Path, slot: str) -> None:
    """Make the slot's files usable: those that a power cut spoilt begin anew.

    Those of another version go on. Were they emptied one after the other, the sum would fall in steps, and
    Prometheus would take what is left at each for new: a restart, and everything that ever was happens now.
    """
    for path in prometheus_internals.files_of(directory, slot):
        is_usable = path.exists() and prometheus_internals.is_whole(path)
        # A new one gets its name last: a reader finds a whole file, the old one or the new one.
        made = path if is_usable else path.with_suffix(".new")
        if not is_usable:
            made.unlink(missing_ok=True)
        _allocate(made)
        made.replace(path)


def _allocate(path: Path) -> None:
    with _opened(path, os.O_RDWR | os.O_CREAT) as file:
        # Without its blocks a file that is mapped into memory kills its process when the disk is full.
        os.posix_fallocate(file, 0, _FILE_BYTES)


def _holders(directory: Path) -> Iterator[Worker]:
    for path in directory.glob("worker-*.lock"):
        with suppress(FileNotFoundError), _opened(path, os.O_RDONLY) as descriptor:
            if _is_held(descriptor):
                note = _note(descriptor)
                if note:
                    began, slot = datetime.fromisoformat(note["began"]), path.stem.removeprefix("worker-")
                    is_in_view = note.get("numbering") == numbering()
                    yield Worker(note["pid"], note["role"], began, slot, is_in_view)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_CLOEXEC, MODE)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_held(descriptor: int) -> bool:
    """Return whether somebody holds the slot; nothing is taken for it, not even for a moment."""
    answer = fcntl.fcntl(descriptor, fcntl.F_OFD_GETLK, _WHOLE_FILE)
    kind, *_ = struct.unpack(_FLOCK, answer)
    return bool(kind != fcntl.F_UNLCK)


def _note(descriptor: int) -> dict[str, Any]:
    """Return what the holder of a slot wrote; nothing when that is not there, or not whole."""
    try:
        note = orjson.loads(os.pread(descriptor, 4096, 0))
    except orjson.JSONDecodeError:
        return {}
    return note if isinstance(note, dict) else {}

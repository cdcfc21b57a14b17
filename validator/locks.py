"""Locks of files, which exclude other threads and processes and are waited for until a deadline only.

flock(2) has no deadline, and a stopped process (SIGSTOP, a frozen cgroup, a debugger) keeps its locks, so a
lock is polled. The kernel releases the locks of a process that ends. A holder writes its process id and name
into the lock file, for the message of a caller that waited in vain.
"""

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from weakref import WeakSet

from validator.clock import stopwatch

LOCK_TIMEOUT = 0.9  # seconds: a stopped holder must not block a response for a second
AFTER_TIMEOUT = 0.01  # seconds, until the lock was free once: requests do not queue behind a stopped holder
_MIN_PAUSE, _MAX_PAUSE = 50e-6, 5e-3  # seconds between two attempts to lock a file
_MODE = 0o600
_NOTE = 96  # bytes
_NAMES = Path("/proc/self")


class LockTimeoutError(TimeoutError):
    """The lock was not released before the deadline; *holder* says by which process or thread."""

    def __init__(self, holder: str, path: str) -> None:
        super().__init__(errno.ETIMEDOUT, f"{holder} holds the lock", path)
        self.holder = holder


def holder_words(error: Exception, what: str) -> str | None:
    """Return who holds the lock of *what*; None when *error* is not of a lock."""
    return f"{error.holder} holds the lock of {what}" if isinstance(error, LockTimeoutError) else None


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Exclude other processes from changing *path* within the block; readers are not blocked.

    Raises LockTimeoutError when another process holds the lock for `LOCK_TIMEOUT`.
    """
    lock = FileLock(path)
    try:
        with lock:
            yield
    finally:
        lock.close()


class FileLock:
    """The lock of `locked`, with its file left open between uses; safe for several threads.

    The threads of a process share the open file, and so its lock; `threads` excludes them from each other. A
    forked process opens the file again, since it would share its parent's lock.
    """

    def __init__(
        self, path: Path, *, timeout: float = LOCK_TIMEOUT, prepare: Callable[[], object] | None = None
    ) -> None:
        """Lock *path*, and wait at most *timeout* seconds; *prepare* is called before the file is opened."""
        self._path, self._prepare = str(path.with_name(f".{path.name}.lock")), prepare
        self._timeout = self._patience = timeout
        self._descriptor, self._id, self._note = -1, (0, 0), b""
        self._acquired = 0  # times
        self.threads = Lock()
        _locks.add(self)

    @property
    def is_current(self) -> bool:
        """Whether the file is open and still at its path: otherwise other processes would lock a new one."""
        if self._descriptor < 0:
            return False
        try:
            return _id_of(os.stat(self._path)) == self._id  # noqa: PTH116 - for each request
        except OSError:
            return False  # raising would leave the lock held; the next open raises the error

    def __enter__(self) -> None:
        if not self.threads.acquire(blocking=False):
            self._wait_for_threads()
        try:
            self._acquire(stopwatch() + self._patience)
        except BaseException:
            self.threads.release()
            raise

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self.threads.release()

    def close(self) -> None:
        """Close the file, which releases the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def __del__(self) -> None:
        self.close()

    def forget(self) -> None:
        """In a forked process: close the file without releasing the parent's lock."""
        self.close()
        self.threads = Lock()

    def _wait_for_threads(self) -> None:
        """Queue behind this process's threads; give up when none of them acquires the lock any more."""
        seen = self._acquired
        while not self.threads.acquire(timeout=self._patience):
            if self._acquired == seen:
                raise self._give_up()
            seen = self._acquired

    def _acquire(self, deadline: float) -> None:
        while True:
            if self._descriptor < 0:
                self._open()
            if not try_lock(self._descriptor):
                self._wait(deadline)
            if self.is_current:
                break
            self.close()
        self._patience = self._timeout
        self._acquired += 1
        self._sign()

    def _open(self) -> None:
        if self._prepare is not None:
            self._prepare()
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _MODE)
        self._id, self._note = _id_of(os.fstat(self._descriptor)), _own_note()

    def _wait(self, deadline: float) -> None:
        """Poll: flock(2) has no timeout, and a signal reaches the main thread only."""
        pause = _MIN_PAUSE
        while not try_lock(self._descriptor):
            if stopwatch() >= deadline:
                raise self._give_up()
            time.sleep(pause)
            pause = min(2 * pause, _MAX_PAUSE)

    def _sign(self) -> None:
        """Write who holds the lock, unless this process held it last; without room, it is not known."""
        if os.pread(self._descriptor, _NOTE, 0) != self._note:
            with suppress(OSError):
                os.pwrite(self._descriptor, self._note, 0)

    def _give_up(self) -> LockTimeoutError:
        self._patience = min(self._timeout, AFTER_TIMEOUT)
        return LockTimeoutError(self._holder(), self._path)

    def _holder(self) -> str:
        """Return which process wrote last that it holds the lock."""
        try:
            pid, numbering, name = os.pread(self._descriptor, _NOTE, 0).decode().split(maxsplit=2)
        except (OSError, ValueError):
            return "another process"
        _, own_numbering, _ = self._note.decode().split(maxsplit=2)
        process = f"process {pid} ({name.strip()})"
        return process if numbering == own_numbering else f"{process} of another container"


_locks: WeakSet[FileLock] = WeakSet()


def _forget_all() -> None:
    for lock in list(_locks):
        lock.forget()


os.register_at_fork(after_in_child=_forget_all)


def try_lock(descriptor: int) -> bool:
    """Lock an open file, unless somebody else has a lock on it; return whether that succeeded."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def numbering() -> str:
    """Return which numbering of processes this one's id is of; each container has its own."""
    return str((_NAMES / "ns/pid").readlink())


def _own_note() -> bytes:
    name = (_NAMES / "comm").read_text("ascii", "backslashreplace").strip()
    return f"{os.getpid()} {numbering()} {name}".encode()[: _NOTE - 1].ljust(_NOTE - 1) + b"\n"


def _id_of(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino

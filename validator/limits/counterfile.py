"""The file of the counters: an LMDB environment that the processes of a home use in turns.

All access is under a lock of this project, which has a deadline, so LMDB's own, which has none, is off
(MDB_NOLOCK): "the caller must enforce single-writer semantics", and no reader exists beside a writer. There
is no table of readers, so nobody can pin pages in it. A killed process leaves the last whole transaction.

Nothing is synced: a tmpfs does not outlive the host. The file is written through memory (MDB_WRITEMAP), and
memory without room behind it ends a process (SIGBUS), so every page is allocated first: the file grows in
steps. Whatever is no file of this format is replaced by an empty one: the counts are lost, nothing else.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Concatenate, ParamSpec, TypeVar
from weakref import WeakValueDictionary

import lmdb
import structlog

from validator.clock import stopwatch
from validator.files import MODE
from validator.limits import windows
from validator.limits.place import LOCK_TIMEOUT, NAME, SHARED, CountersError, Place
from validator.limits.windows import HEADER, Rows
from validator.locks import FileLock

FORMAT = b"validator counters 1"
SIZE, MAX_SIZE = 1 << 20, 256 << 20  # bytes of a new file, and of the largest: 500,000 counters have room
_PAGE = 4096
_LOOK_EVERY = 1.0  # seconds
_EVICTED = 64  # rows at once where there is no room for one more: neighbours, so that few pages change
_DAMAGED = (
    lmdb.CorruptedError,
    lmdb.InvalidError,
    lmdb.PageNotFoundError,
    lmdb.PanicError,
    lmdb.VersionMismatchError,
)
# LMDB makes the names of its figures anew at each look. The interpreter keeps every name in use in one table,
# and a name that comes and goes takes a new place in it. A full table is copied: 2 MB by whichever thread is
# at it, which the C library keeps for that thread. In use here, the names stay.
FIGURES = frozenset(
    {
        "branch_pages",
        "depth",
        "entries",
        "last_pgno",
        "last_txnid",
        "leaf_pages",
        "map_addr",
        "map_size",
        "max_readers",
        "num_readers",
        "overflow_pages",
        "psize",
    }
)
_OTHER_VERSION = "the counters' file is of another version, whose processes still use it: end them"

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger("validator.limits")


class CounterFile:
    """The file that *link* leads to; one object a process, since LMDB opens a file once in it."""

    def __init__(self, link: Path, shared: Path) -> None:
        self.place = Place(link, shared)
        self._path = link / NAME
        self._lock = FileLock(self._path, timeout=LOCK_TIMEOUT, prepare=self._enter)
        self._environment: lmdb.Environment | None = None
        self._id, self._look_at = (0, 0), 0.0
        self._can_grow = True

    def use(self, act: Callable[Concatenate[Rows, P], T], *arguments: P.args, **options: P.kwargs) -> T:
        """Return what *act* does in one write transaction, which is undone when it raises.

        Raises OSError or lmdb.Error when the file cannot be used, LockTimeoutError when another process or
        thread uses it all the time.
        """
        with self._lock:
            environment = self._environment
            if environment is None or stopwatch() >= self._look_at:
                environment = self._current()
            try:
                with self._begin(environment) as rows:
                    return act(rows, *arguments, **options)
            except lmdb.MapFullError:
                self._make_way(environment)
                with self._begin(environment) as rows:
                    return act(rows, *arguments, **options)
            except _DAMAGED as error:
                self._discard(error)
                raise

    def make_room(self) -> float:
        """Let the file grow when it is nearly full; return how much of it is used then, 1 when it is full."""
        with self._lock:
            environment = self._current()
            stat = environment.stat()
            used = (stat["branch_pages"] + stat["leaf_pages"] + stat["overflow_pages"]) * _PAGE
            if used > environment.info()["map_size"] * 3 // 4:
                self._grow(environment)
            return used / environment.info()["map_size"]

    def close(self) -> None:
        """Close the file; it is opened again when it is used again."""
        with self._lock.threads:
            self._close_environment()
            self.place.close()
            self._lock.close()

    def _enter(self) -> None:
        """Begin with the folder of now, after a fork or when the former one is gone."""
        self._close_environment()
        self.place.enter()

    def _begin(self, environment: lmdb.Environment) -> Rows:
        try:
            return environment.begin(write=True)
        except lmdb.MapResizedError:  # another process let the file grow
            environment.set_mapsize(self._path.stat().st_size)
            return environment.begin(write=True)

    def _current(self) -> lmdb.Environment:
        """Return the environment of the file that is at the path now, opened or made if necessary."""
        self._look_at = stopwatch() + _LOOK_EVERY
        if self._environment is not None and self._id == self._id_at_path():
            return self._environment
        self._close_environment()
        if self._path.exists():
            try:
                self._environment = self._open()
            except _DAMAGED as error:
                self._discard(error)
        if self._environment is None:
            self._environment = self._make()
        self._id = self._id_at_path()
        return self._environment

    def _id_at_path(self) -> tuple[int, int]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_dev, found.st_ino

    def _open(self) -> lmdb.Environment:
        """Return the environment of a file that exists; raises lmdb.Error when it is damaged."""
        size = self._path.stat().st_size
        environment = self._map(max(size, SIZE))
        try:
            self._check(environment, size)
        except BaseException:
            environment.close()
            raise
        return environment

    def _make(self) -> lmdb.Environment:
        """Return the environment of a new file; raises lmdb.Error or OSError when there is no room."""
        try:
            environment = self._map(SIZE)
            self._allocate(SIZE)
            with environment.begin(write=True) as rows:
                rows.put(HEADER, FORMAT)  # the last step: a file without it is made again
        except BaseException:
            self._path.unlink(missing_ok=True)
            raise
        return environment

    def _map(self, size: int) -> lmdb.Environment:
        return lmdb.open(
            str(self._path),
            map_size=size,
            subdir=False,
            mode=MODE,
            lock=False,
            writemap=True,
            sync=False,
            metasync=False,
            meminit=False,
        )

    def _check(self, environment: lmdb.Environment, size: int) -> None:
        """Raise lmdb.InvalidError unless the file is whole and ours; CountersError if others still use it."""
        used = (environment.info()["last_pgno"] + 1) * _PAGE
        if size < max(used, SIZE) or size % _PAGE:
            raise lmdb.InvalidError("it is not whole")
        with environment.begin() as rows:
            found = rows.get(HEADER)
        if found != FORMAT and not self.place.is_alone:
            raise CountersError(_OTHER_VERSION)
        if found != FORMAT:
            raise lmdb.InvalidError("it is of another version")

    def _allocate(self, size: int) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)

    def _make_way(self, environment: lmdb.Environment) -> None:
        """Make room for one more transaction."""
        if not self._grow(environment):
            with self._begin(environment) as rows:
                windows.evict(rows, _EVICTED)

    def _grow(self, environment: lmdb.Environment) -> bool:
        """Let the file have twice its size, if it may and there is room; return whether it has."""
        size = min(2 * environment.info()["map_size"], MAX_SIZE)
        if size == environment.info()["map_size"]:
            return False
        try:
            self._allocate(size)
        except OSError as error:
            if self._can_grow:
                words = os.strerror(error.errno or errno.EIO)
                log.error("the counters' file cannot grow: the oldest counts are forgotten", error=words)
            self._can_grow = False
            return False
        environment.set_mapsize(size)
        self._can_grow = True
        return True

    def _discard(self, error: Exception) -> None:
        """Remove a damaged file; the other processes see that and follow."""
        log.error("the counters' file is replaced: the counts begin at zero", error=str(error))
        self._close_environment()
        self._path.unlink(missing_ok=True)

    def _close_environment(self) -> None:
        if self._environment is not None:
            self._environment.close()
        self._environment = None


_files: "WeakValueDictionary[tuple[str, str], CounterFile]" = WeakValueDictionary()
_making = Lock()


def counter_file(link: Path, shared: Path = SHARED) -> CounterFile:
    """Return the file that *link* leads to; nothing is opened before it is used."""
    with _making:
        key = str(link.absolute()), str(shared)
        found = _files.get(key)
        if found is None:
            found = _files[key] = CounterFile(link, shared)
        return found

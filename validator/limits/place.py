"""Where the counters of a node are: in a private folder on a tmpfs, which a link in the home names.

    HOME/counters -> /dev/shm/validator-XXXXXXXX/    the file of the counters, its lock, and a link back

All processes of a home follow its link and so count in one file. The folder's name is random: nobody can take
it in advance in a directory that every user may write. After a restart of the host the link leads nowhere
and the folder is made again. Without a tmpfs `counters` is a folder in the home, and is emptied whenever no
process uses it, since a power cut may have damaged its file. In a home on a tmpfs it is a folder too.

A process holds a shared lock on HOME/.counters.users as long as it counts. The first one writes into it which
processes may join: those with the same numbering of processes and the same tmpfs. Those of another container
are refused: they would count for themselves.
"""

import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import structlog

from validator.files import MODE, make_private_folder
from validator.locks import FileLock, numbering, try_lock

SHARED = Path("/dev/shm")  # noqa: S108 - private folders with random names in it
LOCK_TIMEOUT = 0.4  # seconds: with that of the trail, less than a second for a response
_PREFIX = "validator-"
NAME = "counters.mdb"
_BACK = "home"  # link in the folder, to the link in the home
_FORMER = ("limits.db", "limits.db-wal", "limits.db-shm")  # the counters of earlier versions

log = structlog.get_logger("validator.limits")


class CountersError(OSError):
    """The counters cannot be used; the words are for anybody."""


class Place:
    """The folder of the counters, as one process sees it."""

    def __init__(self, link: Path, shared: Path = SHARED) -> None:
        """Use the folder that *link* names, on the tmpfs *shared* if it is one."""
        self.link, self._shared = link, shared
        self._users = link.with_name(f".{link.name}.users")
        self._lock = FileLock(link, timeout=LOCK_TIMEOUT)
        self._descriptors: list[int] = []
        self.is_alone = False

    @property
    def is_shared_memory(self) -> bool:
        """Whether the folder is on a tmpfs."""
        return _is_on_tmpfs(self.link)

    def enter(self) -> None:
        """Use the folder from now on, and make it if necessary; raises OSError.

        *is_alone* says afterwards whether no other process used it.
        """
        with self._lock:
            self.leave()
            self._join()
            if self.is_alone:
                self._tidy()
            if not self._is_usable():
                self._make()
            descriptor = os.open(self.link, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._descriptors.append(descriptor)
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)

    def leave(self) -> None:
        """Stop using the folder; a forked process so forgets what its parent uses."""
        while self._descriptors:
            os.close(self._descriptors.pop())

    def close(self) -> None:
        """Stop using the folder, and close its lock."""
        self.leave()
        self._lock.close()

    def __del__(self) -> None:
        self.leave()

    def _join(self) -> None:
        """Hold the users' lock; raises CountersError when the others are in another container."""
        descriptor = os.open(self._users, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
        self._descriptors.append(descriptor)
        self.is_alone, view = try_lock(descriptor), self._view()
        if self.is_alone:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, view, 0)
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        if os.pread(descriptor, len(view) + 1, 0) != view:
            self.leave()
            raise CountersError(
                f"processes of another container count in {self.link.name} of this home: "
                "several containers of one node count in Redis (limits.storage)"
            )

    def _view(self) -> bytes:
        """Return which processes this one can share memory with."""
        try:
            device = os.stat(self._shared).st_dev  # noqa: PTH116
        except OSError:
            device = 0
        return f"{numbering()} {device}\n".encode()

    def _tidy(self) -> None:
        """Remove earlier versions' counters, a folder in the home, maybe damaged, and a copied link."""
        for name in _FORMER:
            self.link.with_name(name).unlink(missing_ok=True)
        if self.link.is_dir() and not self.is_shared_memory:
            for name in (NAME, f".{NAME}.lock"):
                (self.link / name).unlink(missing_ok=True)
            if not self.link.is_symlink():
                self.link.rmdir()
        if self.link.is_symlink() and not self._is_own():
            self.link.unlink()

    def _is_own(self) -> bool:
        """Return whether the folder was made for this home; a copied one would share its counts."""
        try:
            return (self.link / _BACK).readlink().parent.samefile(self.link.parent)
        except OSError:
            return False

    def _is_usable(self) -> bool:
        """Return whether the link leads to a folder of this user alone."""
        try:
            found = self.link.stat()
        except FileNotFoundError:
            return False
        return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077

    def _make(self) -> None:
        if not self.link.is_symlink() and self.link.exists():
            raise NotADirectoryError(errno.ENOTDIR, "is no private folder", str(self.link))
        folder = self._make_shared()
        if folder is None:
            self.link.unlink(missing_ok=True)
            make_private_folder(self.link)
            return
        (folder / _BACK).symlink_to(self.link.absolute())
        fresh = self.link.with_name(f".{self.link.name}.new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(folder)
        fresh.replace(self.link)

    def _make_shared(self) -> Path | None:
        """Return a new folder on the tmpfs; None without one, or when the home is on one."""
        if not _is_on_tmpfs(self._shared) or _is_on_tmpfs(self.link.parent):
            return None
        for orphan in self._orphans():
            shutil.rmtree(orphan, ignore_errors=True)
        try:
            return Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._shared))
        except OSError as error:
            log.warning("the counters are not in shared memory", error=type(error).__name__)
            return None

    def _orphans(self) -> Iterator[Path]:
        """Yield this user's folders whose home does not name them any more, and that no process uses."""
        for folder in self._shared.glob(f"{_PREFIX}*"):
            with suppress(OSError):  # it was removed meanwhile, or is not ours to read
                (folder / _BACK).readlink()
                is_own = folder.lstat().st_uid == os.geteuid()
                if is_own and (folder / _BACK).resolve() != folder.resolve() and _is_unused(folder):
                    yield folder


def _is_unused(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return try_lock(descriptor)
    finally:
        os.close(descriptor)


def _is_on_tmpfs(path: Path) -> bool:
    """Return whether *path* exists on a tmpfs, as the table of mounts says (proc(5), `mountinfo`)."""
    try:
        real = path.resolve(strict=True)
        lines = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return False
    # Of several mounts at one place the last one is seen.
    mounts = [(fields[4], fields[fields.index("-") + 1]) for fields in map(str.split, lines)]
    kinds = {point: kind for point, kind in mounts if real.is_relative_to(point)}
    return kinds[max(kinds, key=len)] == "tmpfs" if kinds else False

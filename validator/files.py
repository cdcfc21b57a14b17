"""Private files and folders: made for one user only, and replaced whole or not at all."""

import codecs
import errno
import fcntl
import os
import secrets
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from validator.clock import stopwatch
from validator.ownership import check_file

MODE = 0o600
FOLDER_MODE = 0o700
LOCK_TIMEOUT = 1.0  # seconds: a holder that was stopped must not stop everybody else
_KEY_BYTES = 32
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)  # UTF-32 LE begins like UTF-16
_MIN_PAUSE, _MAX_PAUSE = 50e-6, 5e-3  # seconds between two attempts to lock a file


def make_private_folder(path: Path) -> None:
    """Make *path* and what is missing above it; raises PermissionError when other users may look into it."""
    for folder in (*reversed(path.absolute().parents), path):
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    if path.stat().st_mode & 0o077:
        raise PermissionError(f"{path} is open to other users; chmod 0700 it")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep every other process from changing *path* in such a block; readers are not kept.

    Raises TimeoutError when another process holds the lock for `LOCK_TIMEOUT`.
    """
    lock = KeptLock(path)
    try:
        with lock:
            yield
    finally:
        lock.close()


class KeptLock:
    """The lock that `locked` takes, with its file kept open between uses; safe for several threads.

    The threads of a process share the open file, and so its lock: among them, `threads` decides.
    """

    def __init__(self, path: Path, *, makes_folder: bool = False) -> None:
        """Lock *path*; with *makes_folder* its private folder is made whenever it is not there."""
        self._path, self._makes_folder = path.with_name(f".{path.name}.lock"), makes_folder
        self._descriptor = -1
        self.threads = Lock()

    @property
    def is_kept(self) -> bool:
        """Whether the file is open, and nobody removed or moved it since: others would take a new one."""
        if self._descriptor < 0:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except OSError:
            return False  # raised here, it would keep the lock; whoever opens the file next is told why

    def __enter__(self) -> None:
        deadline = stopwatch() + LOCK_TIMEOUT
        if not self.threads.acquire(timeout=LOCK_TIMEOUT):
            raise self._timeout("another thread")
        try:
            self._acquire(deadline)
        except BaseException:
            self.threads.release()
            raise

    def _acquire(self, deadline: float) -> None:
        while True:
            if self._descriptor < 0:
                if self._makes_folder:
                    make_private_folder(self._path.parent)
                self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
            self._lock(deadline)
            if self.is_kept:
                return
            self.close()

    def _lock(self, deadline: float) -> None:
        """Poll: flock(2) itself has no timeout, and a signal reaches the main thread only."""
        pause = _MIN_PAUSE
        while not _is_locked_now(self._descriptor):
            if stopwatch() >= deadline:
                raise self._timeout("another process")
            time.sleep(pause)
            pause = min(2 * pause, _MAX_PAUSE)

    def _timeout(self, holder: str) -> TimeoutError:
        return TimeoutError(errno.ETIMEDOUT, f"{holder} holds the lock", str(self._path))

    def __exit__(self, *_: object) -> None:
        fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        self.threads.release()

    def close(self) -> None:
        """Let go of the file, and of the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def _is_locked_now(descriptor: int) -> bool:
    """Take the lock of an open file, and return whether it was free."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_private(path: Path, owners: Collection[int] = ()) -> bytes:
    """Return the content of *path*; raises OSError, NotPrivateError when others own it or may touch it.

    *owners* are users who may own it beside this process's user and root.
    """
    with path.open("rb") as file:
        check_file(path, os.fstat(file.fileno()), owners)
        return file.read()


def check_room(folder: Path, size: int) -> None:
    """Raise OSError unless *size* bytes can be written in *folder* now, in a file without a name."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        if file.write(bytes(size)) != size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def text_of(content: bytes) -> str:
    """Return the text of a file's *content*: UTF-8, with or without a byte-order mark.

    Raises ValueError that says in words what else it is.
    """
    check_not_wide(content)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8, from byte {error.start}") from None


def check_not_wide(content: bytes) -> None:
    """Raise ValueError when *content* begins with the mark of UTF-16 or UTF-32, as some editors save it."""
    if content.startswith(_WIDE):
        raise ValueError("is UTF-16 or UTF-32, not UTF-8: save it as UTF-8")


def secret_of(content: bytes) -> str:
    """Return the secret in a file's *content*, without a mark before it and line ends after it.

    Raises ValueError, which quotes nothing of it.
    """
    return text_of(content).rstrip("\r\n")


def write_private(path: Path, content: bytes) -> None:
    """Replace *path* by *content*, on the disk before this returns; a reader sees the old or the new."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:  # mkstemp makes it 0600
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def make_private_key(path: Path) -> None:
    """Write 256 random bits in hexadecimal to *path*, unless it is there already."""
    with locked(path):
        if not path.exists():
            write_private(path, secrets.token_hex(_KEY_BYTES).encode() + b"\n")


def read_private_key(path: Path) -> bytes:
    """Return the key that `make_private_key` made; raises OSError, or ValueError when it is no such key."""
    key = bytes.fromhex(read_private(path).decode("ascii").strip())
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{path.name} has not {_KEY_BYTES} bytes")
    return key


def sync_and_close(descriptor: int) -> None:
    """Put what was written to an open file on the disk, and close it."""
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Put the names in the folder *path* on the disk, where its file system can (a CIFS share cannot)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)

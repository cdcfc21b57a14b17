"""Private files and folders: for one user only, and replaced atomically."""

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
LOCK_TIMEOUT = 1.0  # seconds: a stopped holder must not block all others
_KEY_BYTES = 32
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)  # UTF-32 LE begins like UTF-16 LE
_MIN_PAUSE, _MAX_PAUSE = 50e-6, 5e-3  # seconds between two attempts to lock a file


def make_private_folder(path: Path) -> None:
    """Create *path* and its missing parents; raises PermissionError when other users have access to it."""
    for folder in (*reversed(path.absolute().parents), path):
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    if path.stat().st_mode & 0o077:
        raise PermissionError(f"{path} is open to other users; chmod 0700 it")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Exclude other processes from changing *path* within the block; readers are not blocked.

    Raises TimeoutError when another process holds the lock for `LOCK_TIMEOUT`.
    """
    lock = FileLock(path)
    try:
        with lock:
            yield
    finally:
        lock.close()


class FileLock:
    """The lock of `locked`, with its file left open between uses; safe for several threads.

    The threads of a process share the open file, and so its lock; `threads` excludes them from each other.
    """

    def __init__(self, path: Path, *, makes_folder: bool = False) -> None:
        """Lock *path*; with *makes_folder*, create its private folder whenever it is missing."""
        self._path, self._makes_folder = path.with_name(f".{path.name}.lock"), makes_folder
        self._descriptor = -1
        self.threads = Lock()

    @property
    def is_current(self) -> bool:
        """Whether the file is open and still at its path: otherwise other processes would lock a new one."""
        if self._descriptor < 0:
            return False
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except OSError:
            return False  # raising would leave the lock held; the next open raises the error

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
            if self.is_current:
                return
            self.close()

    def _lock(self, deadline: float) -> None:
        """Poll: flock(2) has no timeout, and a signal reaches the main thread only."""
        pause = _MIN_PAUSE
        while not _try_lock(self._descriptor):
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
        """Close the file, which releases the lock."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def _try_lock(descriptor: int) -> bool:
    """Try to lock an open file; return whether that succeeded."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def read_private(path: Path, owners: Collection[int] = ()) -> bytes:
    """Return the content of *path*; raises OSError, NotPrivateError when others own or may access it.

    *owners* are permitted owners besides this process's user and root.
    """
    with path.open("rb") as file:
        check_file(path, os.fstat(file.fileno()), owners)
        return file.read()


def check_room(folder: Path, size: int) -> None:
    """Raise OSError unless an unnamed file of *size* bytes can be written in *folder* now."""
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        if file.write(bytes(size)) != size:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def text_of(content: bytes) -> str:
    """Return the text of a file's *content*: UTF-8, with or without a byte-order mark.

    Raises ValueError that describes the actual encoding.
    """
    check_not_wide(content)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8, from byte {error.start}") from None


def check_not_wide(content: bytes) -> None:
    """Raise ValueError when *content* has the byte-order mark of UTF-16 or UTF-32."""
    if content.startswith(_WIDE):
        raise ValueError("is UTF-16 or UTF-32, not UTF-8: save it as UTF-8")


def secret_of(content: bytes) -> str:
    """Return the secret in a file's *content*, without a byte-order mark and trailing line ends.

    Raises ValueError, which quotes nothing of it.
    """
    return text_of(content).rstrip("\r\n")


def write_private(path: Path, content: bytes) -> None:
    """Atomically replace *path* by *content* and sync it; a reader sees the old or the new content."""
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
    """Write 256 random bits in hexadecimal to *path*, unless it exists."""
    with locked(path):
        if not path.exists():
            write_private(path, secrets.token_hex(_KEY_BYTES).encode() + b"\n")


def read_private_key(path: Path) -> bytes:
    """Return the key of `make_private_key`; raises OSError, or ValueError when it is malformed."""
    key = bytes.fromhex(read_private(path).decode("ascii").strip())
    if len(key) != _KEY_BYTES:
        raise ValueError(f"{path.name} does not have {_KEY_BYTES} bytes")
    return key


def sync_and_close(descriptor: int) -> None:
    """Sync an open file to disk and close it."""
    try:
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Sync the names in the folder *path*, if its file system supports it (a CIFS share does not)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)

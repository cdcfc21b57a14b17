"""Private files and folders: for one user only, and replaced atomically."""

import codecs
import errno
import os
import secrets
import tempfile
from collections.abc import Collection
from pathlib import Path

from validator.locks import locked
from validator.ownership import check_file

MODE = 0o600
FOLDER_MODE = 0o700
_KEY_BYTES = 32
_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)  # UTF-32 LE begins like UTF-16 LE


def make_private_folder(path: Path) -> None:
    """Create *path* and its missing parents; raises PermissionError when other users have access to it."""
    for folder in (*reversed(path.absolute().parents), path):
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    if path.stat().st_mode & 0o077:
        raise PermissionError(f"{path} is open to other users; chmod 0700 it")


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

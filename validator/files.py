"""Private files and folders: made for one user only, and replaced whole or not at all."""

import os
import tempfile
from pathlib import Path

MODE = 0o600
FOLDER_MODE = 0o700


def make_private_folder(path: Path) -> None:
    """Make *path* and what is missing above it, open to this user only."""
    path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    path.chmod(FOLDER_MODE)


def read_private(path: Path) -> bytes:
    """Return the content of *path*; raises PermissionError when other users may read it, else OSError."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_mode & 0o077:
            raise PermissionError(f"{path} is open to other users; chmod 0600 it")
        return file.read()


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
    _sync_folder(path.parent)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

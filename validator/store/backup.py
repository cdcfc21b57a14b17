"""A copy of the embedded database for a backup, taken while servers go on writing into it."""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from validator.errors import Fault, OperatorError, Reason
from validator.files import MODE, sync_folder
from validator.store.database import Database

_TIMEOUT = timedelta(seconds=30)


def open_source(database: Database) -> sqlite3.Connection:
    """Return a connection that reads the embedded *database*, its files open.

    Raises OperatorError when the database is not embedded, Fault when it cannot be read.
    """
    url = database.engine.url
    if url.drivername != "sqlite":
        raise OperatorError("the database is PostgreSQL: back it up with pg_dump (docs/operations.md)")
    file, seconds = str(url.database), _TIMEOUT.total_seconds()
    with _faulting(file):
        source = sqlite3.connect(f"file:{quote(file)}?mode=rw", uri=True, timeout=seconds)
        source.execute("PRAGMA schema_version").fetchone()  # until something is read, nothing is opened
    return source


def back_up(source: sqlite3.Connection, file: Path) -> int:
    """Write the database behind *source* as it is at one instant to *file*, mode 0600; return its bytes.

    Raises OperatorError when *file* exists, Fault when the database cannot be read or is damaged, OSError
    when *file* cannot be written. *file* is whole or not there.
    """
    if file.exists():
        raise OperatorError(f"{file} is there already: a backup never replaces another")
    # mkstemp makes it 0600; in the same folder, so that it can get its name in one step.
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    os.close(descriptor)
    try:
        _copy(source, name)
        _give_name(Path(name), file)
    finally:
        Path(name).unlink(missing_ok=True)
    sync_folder(file.parent)
    return file.stat().st_size


def _give_name(temporary: Path, file: Path) -> None:
    """Let *file* be *temporary*, whole at once; raises FileExistsError where somebody else was faster."""
    try:
        file.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        # A stick or a network disk without hard links: the name is reserved, then replaced.
        file.touch(MODE, exist_ok=False)
        try:
            temporary.replace(file)
        except BaseException:
            file.unlink()
            raise


def _copy(source: sqlite3.Connection, target: str) -> None:
    with _faulting("the database"), closing(sqlite3.connect(target)) as writing:
        source.backup(writing)  # all pages in one step: one instant, and no writer waits
        # A file with a write-ahead log is two files; a backup is one.
        writing.execute("PRAGMA journal_mode = DELETE")
        found = writing.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise Fault(Reason.STORE_UNAVAILABLE, f"the database is damaged: {found}")


@contextmanager
def _faulting(what: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Fault(Reason.STORE_UNAVAILABLE, f"{what}: {error}") from error

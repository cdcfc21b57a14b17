"""A copy of the embedded database for a backup, taken while servers go on writing into it."""

import sqlite3
import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

from validator.errors import Fault, OperatorError, Reason
from validator.files import sync_folder
from validator.store.database import Database

_PATIENCE = timedelta(seconds=30)


def back_up(database: Database, file: Path) -> int:
    """Write *database* as it is at one instant to *file*, mode 0600; return its bytes.

    Raises OperatorError when *file* exists or the database is not embedded, Fault when it cannot be read
    or is damaged. *file* is whole or not there.
    """
    url = database.engine.url
    if url.drivername != "sqlite":
        raise OperatorError("the database is PostgreSQL: back it up with pg_dump (docs/operations.md)")
    if file.exists():
        raise OperatorError(f"{file} is there already: a backup never replaces another")
    # mkstemp makes it 0600; in the same folder, so that it can get its name in one step.
    with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.") as temporary:
        _copy(str(url.database), temporary.name)
        file.hardlink_to(temporary.name)  # fails where somebody else was faster
    sync_folder(file.parent)
    return file.stat().st_size


def _copy(source: str, target: str) -> None:
    seconds = _PATIENCE.total_seconds()
    try:
        with (
            closing(sqlite3.connect(f"file:{quote(source)}?mode=rw", uri=True, timeout=seconds)) as reading,
            closing(sqlite3.connect(target)) as writing,
        ):
            reading.backup(writing)  # all pages in one step: one instant, and no writer waits
            # A file with a write-ahead log is two files; a backup is one.
            writing.execute("PRAGMA journal_mode = DELETE")
            found = writing.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        raise Fault(Reason.STORE_UNAVAILABLE, f"{source}: {error}") from error
    if found != "ok":
        raise Fault(Reason.STORE_UNAVAILABLE, f"{source} is damaged: {found}")

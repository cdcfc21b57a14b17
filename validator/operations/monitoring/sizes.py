"""How large files are that others write, put aside and remove meanwhile: one that is gone has no bytes."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from validator.store.database import Database

_BESIDE = ("-wal", "-shm")  # an SQLite file: its write-ahead log, and the log's index


def of_files(paths: Iterable[Path]) -> int:
    """Return the bytes of all *paths* together."""
    return sum(map(_size, paths))


def of_sqlite(file: Path) -> int:
    """Return the bytes of every file of the SQLite database in *file*; raises OSError when there is none."""
    return file.stat().st_size + of_files(file.with_name(file.name + ending) for ending in _BESIDE)


def of_database(database: Database) -> int | None:
    """Return the bytes of an embedded database's files; None where it is a server's."""
    url = database.engine.url
    return of_sqlite(Path(str(url.database))) if url.drivername == "sqlite" else None


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0

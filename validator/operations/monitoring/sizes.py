"""Sizes of files that other processes write, rotate and remove meanwhile: a removed one counts as 0."""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from validator.store.database import Database

_BESIDE = ("-wal", "-shm")  # SQLite's write-ahead log, and its index


def of_files(paths: Iterable[Path]) -> int:
    """Return the total size of *paths* in bytes."""
    return sum(map(_size, paths))


def of_sqlite(file: Path) -> int:
    """Return the total size of the SQLite database in *file*; raises OSError when there is none."""
    return file.stat().st_size + of_files(file.with_name(file.name + ending) for ending in _BESIDE)


def of_database(database: Database) -> int | None:
    """Return the total size of an embedded database's files; None for a database server."""
    url = database.engine.url
    return of_sqlite(Path(str(url.database))) if url.drivername == "sqlite" else None


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0

"""The embedded database: SQLite with a write-ahead log."""

import sqlite3
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event


def engine(url: URL, timeout: timedelta) -> Engine:
    """Return an engine for the file that *url* names; a statement waits up to *timeout* for a writer."""
    # Read-write, never "create": a database that is missing must not come back empty, and open to all.
    file = f"file:{quote(str(url.database))}?mode=rw"
    seconds = timeout.total_seconds()

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(file, uri=True, timeout=seconds, isolation_level=None, check_same_thread=False)

    made = create_engine(url, creator=connect, pool_timeout=seconds, hide_parameters=True)
    event.listen(made, "connect", _prepare)
    event.listen(made, "begin", _begin_immediately)
    return made


def _prepare(connection: Any, _record: Any) -> None:
    # FULL: in WAL mode NORMAL may forget the last commits at a power cut, a revocation among them.
    # Each thread has a connection; pages beyond 512 KiB come from the system's cache as fast as from its own.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -512"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediately(connection: Connection) -> None:
    # A transaction that reads first and writes later could not wait for another writer (SQLITE_BUSY at once).
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")

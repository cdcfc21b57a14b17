"""Moves a whole database to another kind: from SQLite to PostgreSQL, or back.

1. Nobody else may have the source open, and while it is read nobody can write into it.
2. Every table is written into the empty target in one transaction, in the order of their references.
3. What the target then has is read back: rows and checksum of each table must be the source's.

The marks (`validator.store.restore_guard`) are a table like the others, so the copy is as new as the source
was: the server takes it, and an older copy is noticed as before.
"""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from sqlalchemy import Connection, Table, delete, func, insert, inspect, select, text

from validator.errors import OperatorError
from validator.store import schema
from validator.store.database import Database, metadata

_BATCH = 500  # rows
_MODULUS = 2**256
_OF_ALEMBIC = "alembic_version"
_REPLACED = "trail_heads"  # each node that made the target's schema has left its own there
_STOP = "another program has the database open: stop every server, then run this again"


@dataclass(frozen=True, slots=True)
class Content:
    """What a table has: how many rows, and the sum of their SHA-256, whatever their order."""

    table: str
    rows: int
    checksum: str


class _Sum:
    """Adds rows up: the databases sort text differently, so the checksum must not depend on the order."""

    def __init__(self) -> None:
        self.rows, self._sum = 0, 0

    def add(self, row: dict[str, Any]) -> None:
        """Count a row, its columns in the table's order."""
        written = orjson.dumps(list(row.values()), default=bytes.hex, option=orjson.OPT_SORT_KEYS)
        self._sum = (self._sum + int.from_bytes(hashlib.sha256(written).digest())) % _MODULUS
        self.rows += 1

    def content(self, table: Table) -> Content:
        """Return what was added up, as the content of *table*."""
        return Content(table.name, self.rows, f"{self._sum:064x}")


def copy(source: Database, target: Database) -> list[Content]:
    """Copy every table of *source* into *target*, which must be empty; return what was copied.

    Raises OperatorError when they are of one kind, somebody else has the source open, the target is not
    empty, or what it has afterwards is not what the source had: then nothing was changed. Raises Fault when
    a database does not answer.
    """
    if source.engine.dialect.name == target.engine.dialect.name:
        raise OperatorError(f"both databases are {source.engine.dialect.name}: make a backup instead")
    _check_alone(source)
    _check_empty(target)
    schema.upgrade(target)
    with _still(source) as reading, target.write() as writing:
        return [_copy_table(table, reading, writing) for table in metadata.sorted_tables]


def _check_alone(source: Database) -> None:
    """Raise OperatorError when another program has *source* open."""
    source.close()  # our own idle connections would look like somebody's
    if source.engine.dialect.name == "sqlite":
        _check_alone_in_file(str(source.engine.url.database))
        return
    with source.read() as connection:
        others = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        if connection.execute(others).scalar_one():
            raise OperatorError(_STOP)


def _check_alone_in_file(file: str) -> None:
    # A program with an open write-ahead log holds a shared lock on it; this one wants it alone.
    with closing(sqlite3.connect(f"file:{quote(file)}?mode=rw", uri=True, timeout=0)) as connection:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise OperatorError(_STOP) from error


def _check_empty(target: Database) -> None:
    """Raise OperatorError when *target* has any table of others, another schema, or any row."""
    if not target.has_file():
        return
    with target.read() as connection:
        found = set(inspect(connection).get_table_names()) - {_OF_ALEMBIC}
        if found - metadata.tables.keys():
            raise OperatorError("the target has tables of another program: give it a separate database")
        for name in sorted(found - {_REPLACED}):
            if connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one():
                raise OperatorError(f"the target is not empty: its table {name} has rows")


@contextmanager
def _still(source: Database) -> Iterator[Connection]:
    """Give a connection that reads *source* at one instant; nobody can write into it meanwhile."""
    with source.write() as connection:  # of SQLite: BEGIN IMMEDIATE, the only writer
        unknown = set(inspect(connection).get_table_names()) - metadata.tables.keys() - {_OF_ALEMBIC}
        if unknown:
            raise OperatorError(f"nobody knows how to copy {', '.join(sorted(unknown))}: nothing was done")
        if source.engine.dialect.name == "postgresql":
            tables = ", ".join(table.name for table in metadata.sorted_tables)
            connection.execute(text(f"LOCK TABLE {tables} IN SHARE MODE"))
        yield connection


def _copy_table(table: Table, reading: Connection, writing: Connection) -> Content:
    """Copy *table*; raises OperatorError when what was written is not what was read."""
    if table.name == _REPLACED:
        writing.execute(delete(table))
    read = _Sum()
    for batch in _batches(table, reading):
        for row in batch:
            read.add(row)
        writing.execute(insert(table), batch)
    written = _Sum()
    for batch in _batches(table, writing):
        for row in batch:
            written.add(row)
    if written.content(table) != read.content(table):
        raise OperatorError(f"the copy of {table.name} is not what was read: nothing was copied")
    return read.content(table)


def _batches(table: Table, connection: Connection) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of *table* by the hundred, so that a large one needs no memory."""
    # On this statement only: an option of the connection would hold for whatever else it does.
    result = connection.execute(select(table), execution_options={"yield_per": _BATCH})
    for rows in result.mappings().partitions():
        yield [dict(row) for row in rows]

"""Queries that run for every request: compiled once, on a connection that each thread keeps.

SQLAlchemy compiles the query in the dialect of the database; the driver runs it directly. The row is the
driver's own, so no column may have a type of this project.
"""

import threading
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import SQLAlchemyError

from validator.clock import stopwatch
from validator.errors import Fault, Reason
from validator.metrics.instruments import STORAGE_SECONDS, child

Row = tuple[Any, ...]


class KeptConnections:
    """The driver's connection of each thread; taking one from the pool costs more than the query."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._of_thread, self._all = threading.local(), set[Any]()

    def compile(self, query: Select[Any]) -> str:
        """Return the text of *query*, with the driver's placeholders for a mapping."""
        return str(query.compile(dialect=sqlite.dialect(paramstyle="named")))

    def fetch(self, text: str, parameters: Mapping[str, Any]) -> Row | None:
        """Return the row of the query *text*; raises what the driver or SQLAlchemy raises."""
        try:
            row: Row | None = self.get().execute(text, parameters).fetchone()
        except self.engine.dialect.loaded_dbapi.Error:
            self.drop()
            raise
        return row

    def get(self) -> Any:
        """Return this thread's connection, in no transaction; raises what the driver or the pool raises."""
        connection = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._of_thread.connection = self.connect()
            self._all.add(connection)
        return connection

    def drop(self) -> None:
        """Close this thread's connection, which may be broken; the next query gets a new one."""
        connection = self._of_thread.__dict__.pop("connection", None)
        if connection is not None:
            self._all.discard(connection)
            connection.close()

    def close(self) -> None:
        """Close the connections of all threads."""
        kept, self._all, self._of_thread = self._all, set(), threading.local()
        for connection in kept:
            connection.close()

    def connect(self) -> Any:
        """Return a connection of the driver that is in no pool."""
        pooled = self.engine.raw_connection()
        connection: Any = pooled.dbapi_connection
        pooled.detach()
        return connection


class PreparedQuery:
    """One SELECT with named parameters that returns one row or none."""

    def __init__(self, query: Select[Any], connections: KeptConnections) -> None:
        self._connections = connections
        self._errors = connections.engine.dialect.loaded_dbapi.Error
        self._seconds = child(STORAGE_SECONDS, "database", "read")
        self._text = connections.compile(query)

    def fetch(self, parameters: Mapping[str, Any]) -> Row | None:
        """Return the row; raises Fault(STORE_UNAVAILABLE) when the database is unavailable."""
        began = stopwatch()
        try:
            return self._connections.fetch(self._text, parameters)
        except (self._errors, SQLAlchemyError) as error:
            raise Fault(Reason.STORE_UNAVAILABLE) from error
        finally:
            self._seconds.observe(stopwatch() - began)

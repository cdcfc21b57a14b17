"""Questions that are asked for every request: text made once, and a connection that each thread keeps.

SQLAlchemy says what is asked, in the dialect of the database; asking goes straight to the driver. The row is
the driver's own: no column of a type of ours may be in it.
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
    """The driver's connection of each thread; to take one from the pool costs more than to ask."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._of_thread, self._all = threading.local(), set[Any]()

    def compile(self, question: Select[Any]) -> str:
        """Return the text of *question* with the placeholders that the driver takes with a mapping."""
        return str(question.compile(dialect=sqlite.dialect(paramstyle="named")))

    def ask(self, text: str, parameters: Mapping[str, Any]) -> Row | None:
        """Return the row that *text* gives; raises what the driver or SQLAlchemy raises."""
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
        """Close this thread's connection, which may be broken; the next question gets a new one."""
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
        """Return a connection of the driver's that no pool has."""
        pooled = self.engine.raw_connection()
        connection: Any = pooled.dbapi_connection
        pooled.detach()
        return connection


class PreparedQuery:
    """One SELECT with named parameters that has one row for an answer, or none."""

    def __init__(self, question: Select[Any], connections: KeptConnections) -> None:
        self._connections = connections
        self._errors = connections.engine.dialect.loaded_dbapi.Error
        self._seconds = child(STORAGE_SECONDS, "database", "read")
        self._text = connections.compile(question)

    def ask(self, parameters: Mapping[str, Any]) -> Row | None:
        """Return the row; raises Fault(STORE_UNAVAILABLE) when the database does not answer."""
        began = stopwatch()
        try:
            return self._connections.ask(self._text, parameters)
        except (self._errors, SQLAlchemyError) as error:
            raise Fault(Reason.STORE_UNAVAILABLE) from error
        finally:
            self._seconds.observe(stopwatch() - began)

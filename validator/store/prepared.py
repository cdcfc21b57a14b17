"""Questions that are asked for every request: text made once, and a connection that each thread keeps.

SQLAlchemy says what is asked, in the dialect of the database; asking goes straight to the driver, which keeps
the statement prepared. The row is the driver's own: no column of a type of ours may be in it.
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


class KeptConnections:
    """The driver's connection of each thread; to take one from the pool costs more than to ask."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._of_thread, self._all = threading.local(), set[Any]()

    def get(self) -> Any:
        """Return this thread's connection, in no transaction; raises what the driver or the pool raises."""
        connection = getattr(self._of_thread, "connection", None)
        if connection is None:
            connection = self._of_thread.connection = self._connect()
        return connection

    def drop(self, error: Any) -> bool:
        """Close this thread's connection, which may be broken; the next question gets a new one.

        Tell whether *error* says that the server had ended it. Those in the pool are given up then as well.
        """
        connection = self._of_thread.__dict__.pop("connection", None)
        if connection is None:
            return False
        is_ended = self._engine.dialect.is_disconnect(error, connection, None)
        self._all.discard(connection)
        connection.close()
        if is_ended:
            self._engine.dispose()
        return is_ended

    def close(self) -> None:
        """Close the connections of all threads."""
        kept, self._all, self._of_thread = self._all, set(), threading.local()
        for connection in kept:
            connection.close()

    def _connect(self) -> Any:
        pooled = self._engine.raw_connection()
        connection: Any = pooled.dbapi_connection
        pooled.detach()
        if self._engine.dialect.name != "sqlite":
            connection.autocommit = True  # SQLite's driver was told when it connected
        self._all.add(connection)
        return connection


class PreparedQuestion:
    """One SELECT with named parameters that has one row for an answer, or none."""

    def __init__(self, question: Select[Any], engine: Engine, connections: KeptConnections) -> None:
        self._connections, self._errors = connections, engine.dialect.loaded_dbapi.Error
        self._seconds = child(STORAGE_SECONDS, "database", "read")
        dialect = engine.dialect
        # The placeholders that the driver takes with a mapping.
        named = sqlite.dialect(paramstyle="named") if dialect.name == "sqlite" else dialect
        self._text = str(question.compile(dialect=named))

    def ask(self, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return the row; raises Fault(STORE_UNAVAILABLE) when the database does not answer.

        A connection may have been ended while it was idle, by a restart of the server or on the way to it: so
        it is asked once more, on a new one, and not every thread tells somebody of it.
        """
        began = stopwatch()
        try:
            return self._ask(parameters, times=2)
        finally:
            self._seconds.observe(stopwatch() - began)

    def _ask(self, parameters: Mapping[str, Any], *, times: int) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._connections.get().execute(self._text, parameters).fetchone()
        except (self._errors, SQLAlchemyError) as error:
            if self._connections.drop(error) and times > 1:
                return self._ask(parameters, times=times - 1)
            raise Fault(Reason.STORE_UNAVAILABLE) from error
        return row

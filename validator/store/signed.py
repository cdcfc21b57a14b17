"""The queries of every request in PostgreSQL: each row says which query it belongs to.

Beside its columns, a row has the name of its query and whether the server is read-only. A standby may not
have replayed the last revocation, and behind a pooler another client's statement could run under the same
name: no such row is accepted.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, cast

import psycopg
from psycopg import errors
from sqlalchemy import Engine, Select, func, literal_column, select, true

from validator.clock import stopwatch
from validator.store.postgres import READ_ONLY, SILENT, ReadOnly, Server, ServerConnection
from validator.store.prepared import KeptConnections, Row
from validator.store.psycopg_internals import Silence

_SLOW = (Silence, errors.QueryCanceled)
_MIN_SECOND_TRY = 0.05  # seconds that the second try has, however long the first took


class AnotherStatement(psycopg.OperationalError):
    """The row belongs to another statement."""


class SignedReads(KeptConnections):
    """The connection of each thread, to a server that takes changes.

    A connection that does not answer within half of the timeout is closed, and the query runs again on a new
    one. If that answers, every other connection is closed as well: a firewall that forgot one may have
    forgotten all. If it does not, the cool-down begins.
    """

    def __init__(self, engine: Engine, server: Server) -> None:
        super().__init__(engine)
        self._server = server
        self._generation = 0
        self._names: dict[str, str] = {}

    def compile(self, query: Select[Any]) -> str:
        """Return the text of *query*, whose columns have names; it always returns one row, signed."""
        found = query.add_columns(literal_column("1").label("is_found")).subquery("found")
        name = hashlib.sha256(str(query).encode()).hexdigest()[:16]
        sign = select(
            literal_column(f"'{name}'").label("query"),
            func.current_setting(literal_column("'transaction_read_only'")).label("read_only"),
        ).subquery("sign")
        columns = [column for column in found.c if column.name != "is_found"]
        signed = select(found.c.is_found, sign.c.query, sign.c.read_only, *columns)
        text = str(signed.select_from(sign.outerjoin(found, true())).compile(dialect=self.engine.dialect))
        self._names[text] = name
        return text

    def connect(self) -> ServerConnection:
        """Return a connection for this thread, in no transaction, that prepares statements where it can."""
        connection = self._server.connect(prepares=True)
        connection.autocommit = True
        self._of_thread.generation = self._generation
        return connection

    def fetch(self, text: str, parameters: Mapping[str, Any]) -> Row | None:
        """Return the row, from this thread's connection or else from a new one; raises psycopg.Error."""
        if not self._server.cooldown.admits():
            raise Silence(SILENT)
        until = stopwatch() + self._server.seconds
        try:
            row = self._fetch(text, parameters, self._server.seconds / 2)
        except psycopg.Error as error:
            row = self._fetch_anew(text, parameters, until, error)
        self._server.cooldown.end()
        return row

    def _fetch_anew(
        self, text: str, parameters: Mapping[str, Any], until: float, error: psycopg.Error
    ) -> Row | None:
        """Return the row from a new connection; raises *error* where that would be of no use."""
        if not self._close_failed(error):
            raise error
        try:
            row = self._fetch(text, parameters, max(until - stopwatch(), _MIN_SECOND_TRY))
        except psycopg.Error as again:
            self._close_failed(again)
            if isinstance(error, _SLOW) and isinstance(again, _SLOW):
                self._server.cooldown.begin()
            raise
        if isinstance(error, (Silence, ReadOnly)):
            self._renew()
        return row

    def _fetch(self, text: str, parameters: Mapping[str, Any], seconds: float) -> Row | None:
        if getattr(self._of_thread, "generation", None) != self._generation:
            self.drop()
        connection: ServerConnection = self.get()
        connection.seconds = seconds
        row: Any = connection.execute(text, parameters).fetchone()
        is_found, name, read_only, *columns = row
        if name != self._names[text]:
            raise AnotherStatement("the row is another statement's: a pooler mixed two clients up")
        if read_only != "off":
            raise ReadOnly(READ_ONLY)
        return tuple(columns) if is_found else None

    def _close_failed(self, error: psycopg.Error) -> bool:
        """Close this thread's connection; return whether a new one may answer."""
        connection = getattr(self._of_thread, "connection", None)
        if connection is None:
            return False  # none could be made
        is_ended = self.engine.dialect.is_disconnect(cast(Any, error), connection, None)
        self.drop()
        if isinstance(error, Silence):
            self._server.note_silence()
        return is_ended or isinstance(error, (*_SLOW, ReadOnly, AnotherStatement))

    def _renew(self) -> None:
        """Have every thread, and the pool, make a new connection before the next query."""
        self._generation += 1
        self._of_thread.generation = self._generation
        self.engine.dispose()

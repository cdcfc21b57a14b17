"""PostgreSQL with deadlines: a server that is stopped, slow or cut off by a firewall must not hold this one.

`statement_timeout` is the server's, and a stopped server does not keep it; `connect_timeout` is at least two
seconds. So every wait for the server has a deadline here, after which the connection is closed.

Behind a pooler such as PgBouncer in transaction mode, each transaction may run in another server process.
Then nothing may be left in a session: neither a setting nor a prepared statement, whose name another client
may have used for another text. Such a connection is recognised by its process id: that of the process which
answers is not the one that was named when connecting.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import InvalidatePoolError

from validator.cooldown import Cooldown
from validator.store.connecting import Attempts
from validator.store.psycopg_internals import DeadlineConnection, Silence
from validator.store.transport import connect_arguments

READ_ONLY = "the server is a standby or read-only: it is not used"
SILENT = "the server did not answer a moment ago"
_PREPARE_AFTER = 5  # executions, as the driver does by default
_COOLDOWN = timedelta(seconds=1)

# Local to the transaction behind a pooler, where the next one belongs to another client.
_EXAMINE = """
SELECT pg_backend_pid() = %(pid)s,
    current_setting('transaction_read_only'),
    current_setting('server_encoding'),
    set_config('statement_timeout', %(limit)s, pg_backend_pid() <> %(pid)s),
    set_config('lock_timeout', %(limit)s, pg_backend_pid() <> %(pid)s)
"""
_LIMIT = (
    "SELECT set_config('statement_timeout', %(limit)s, true), set_config('lock_timeout', %(limit)s, true)"
)
_PING = "SELECT current_setting('transaction_read_only')"


class ReadOnly(psycopg.OperationalError):
    """The server is a standby or read-only: its rows may be old."""


class ServerConnection(DeadlineConnection):
    """A connection that knows how its server can be used."""

    limit = ""  # the server's own deadline, as `statement_timeout` is written
    is_direct = False
    is_new = True

    def check_primary(self) -> None:
        """Raise ReadOnly when the server is read-only; call it outside a transaction."""
        self.autocommit = True
        row = self.execute(_PING, prepare=False).fetchone()
        self.autocommit = False
        if row is None or row[0] != "off":
            raise ReadOnly(READ_ONLY)


class PooledCursor(psycopg.Cursor[Any]):
    """A cursor behind a pooler: each transaction begins with its deadlines, in the same round trip."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Run *query* as the driver does, under the server's deadlines."""
        if not self._begins_transaction():
            return super().execute(query, params, **options)
        with self.connection.pipeline():
            self._set_limit()
            super().execute(query, params, **options)
        return self

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        """Run *query* for each of *params_seq* as the driver does, under the server's deadlines."""
        if self._begins_transaction():
            self._set_limit()
        super().executemany(query, params_seq, **options)

    def _begins_transaction(self) -> bool:
        return self.connection.info.transaction_status is TransactionStatus.IDLE

    def _set_limit(self) -> None:
        assert isinstance(self.connection, ServerConnection)  # noqa: S101 - no other makes such a cursor
        psycopg.Cursor(self.connection).execute(_LIMIT, {"limit": self.connection.limit}, prepare=False)


class Server:
    """The server, or the servers, that a URL names: makes connections, and has the cool-down.

    The cool-down begins when two different connections in a row do not answer: an idle one and the one that
    replaced it, or two new ones. It never begins for one connection, which a firewall may have forgotten, nor
    for a statement of a transaction, which may wait for a row that a request names.
    """

    def __init__(self, url: URL, timeout: timedelta, *, is_insecure: bool = False) -> None:
        self.seconds, self.cooldown = timeout.total_seconds(), Cooldown(_COOLDOWN)
        # A server that is alive ends a slow statement before the deadline here.
        self._limit = f"{int(self.seconds * 800)}ms"
        self._arguments = connect_arguments(url, is_insecure=is_insecure)
        self._attempts = Attempts(self._open, self.seconds / 2)
        self._was_silent = False

    def connect(self, *, prepares: bool = False, context: Any = None) -> ServerConnection:
        """Return a new connection to a server that is not read-only; with *prepares* it prepares statements.

        Raises what the driver raises, and Silence when no server answers in time.
        """
        # Two rounds make two connections in a row, unless one was silent just now.
        rounds = 1 if self._was_silent else 2
        try:
            connection: ServerConnection = self._attempts.first(
                self._arguments | {"context": context}, rounds
            )
        except TimeoutError:
            self.cooldown.begin()
            raise Silence("the server does not answer") from None
        self._was_silent = False
        if prepares and connection.is_direct:
            connection.prepare_threshold = _PREPARE_AFTER
        return connection

    def note_silence(self) -> None:
        """Remember that a connection did not answer, until a new one is made."""
        self._was_silent = True

    def check_cooldown(self) -> None:
        """Raise Silence during the cool-down."""
        if self.cooldown.is_on:
            raise Silence(SILENT)

    def _open(self, arguments: Mapping[str, Any]) -> ServerConnection:
        connection = ServerConnection.connect(prepare_threshold=None, **arguments)
        connection.seconds, connection.limit = self.seconds, self._limit
        try:
            self._examine(connection)
        except psycopg.Error:
            connection.close()
            raise
        return connection

    def _examine(self, connection: ServerConnection) -> None:
        connection.autocommit = True  # or the settings would be undone with the transaction
        about = {"pid": connection.info.backend_pid, "limit": self._limit}
        row: Any = connection.execute(_EXAMINE, about).fetchone()
        connection.autocommit = False
        connection.is_direct, read_only, encoding = row[:3]
        if not connection.is_direct:
            connection.cursor_factory = PooledCursor
        if read_only != "off":
            raise ReadOnly(READ_ONLY)
        if encoding != "UTF8":
            raise psycopg.NotSupportedError(
                f"the database has the encoding {encoding}, which cannot store every name: make one with "
                "`createdb --encoding UTF8 --template template0`"
            )


def engine(url: URL, timeout: timedelta, server: Server) -> Engine:
    """Return an engine with a pool of connections to *server*; waiting for one takes up to *timeout*."""
    made = create_engine(url, pool_timeout=timeout.total_seconds(), hide_parameters=True)

    def connect(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> ServerConnection:
        server.check_cooldown()
        return server.connect(context=options.get("context"))

    def check_out(connection: ServerConnection, _record: Any, _proxy: Any) -> None:
        server.check_cooldown()
        if connection.is_new:
            connection.is_new = False
        else:
            _check_idle(connection, server)

    event.listen(made, "do_connect", connect)
    event.listen(made, "checkout", check_out)
    event.listen(made, "handle_error", _drop_read_only)
    return made


def _check_idle(connection: ServerConnection, server: Server) -> None:
    """Raise InvalidatePoolError, so that the pool makes a new one, unless an idle connection can be used."""
    connection.seconds = server.seconds / 2
    try:
        connection.check_primary()
    except psycopg.Error as error:
        if isinstance(error, Silence):
            server.note_silence()
        raise InvalidatePoolError from error
    finally:
        connection.seconds = server.seconds


def _drop_read_only(context: Any) -> None:
    """Close every idle connection when the server became read-only after one was taken."""
    if isinstance(context.original_exception, errors.ReadOnlySqlTransaction):
        context.is_disconnect = True

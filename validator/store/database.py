"""The database: one engine, one way to read, one way to write.

SQLite (WAL) is embedded and the default; PostgreSQL serves several nodes. Each table is declared in
the room that owns it, on the `metadata` of this module. An unavailable database is a `Fault`.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    BigInteger,
    Connection,
    Dialect,
    Engine,
    MetaData,
    Select,
    TypeDecorator,
    text,
)
from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy.engine import make_url

from validator.clock import from_milliseconds, to_milliseconds
from validator.errors import Fault, Reason
from validator.files import MODE
from validator.metrics.instruments import STORAGE_SECONDS, child
from validator.store import sqlite
from validator.store.known import Kind, Known, Seen
from validator.store.prepared import KeptConnections, PreparedQuery

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    }
)


@dataclass(frozen=True, slots=True)
class DatabasePolicy:
    """Where the database is, and how long a statement waits for a lock or a connection.

    With *insecure*, PostgreSQL on another host may be reached without verified TLS.
    """

    home: Path
    url: str
    timeout: timedelta
    password: str | None = field(default=None, repr=False)
    insecure: bool = False

    def resolved(self) -> URL:
        """Return the URL to open: a relative SQLite file lies in the home, the password is filled in."""
        url = make_url(self.url)
        if url.drivername == "sqlite":
            return url.set(database=str(self.home / str(url.database)))
        return url.set(password=self.password) if self.password else url


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as whole milliseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Return what is stored for *value*."""
        return None if value is None else to_milliseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Return the instant that *value* stands for."""
        return None if value is None else from_milliseconds(value)


class Database:
    """An open database."""

    def __init__(self, policy: DatabasePolicy) -> None:
        """Prepare the engine; it connects with the first query."""
        self.engine, self.kept = _open(policy)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for one statement that reads: no transaction, so one round trip."""
        with _timed("read"), self._faulting(), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    def prepare(self, query: Select[Any]) -> PreparedQuery:
        """Return *query*, compiled once, for a query that runs often."""
        return PreparedQuery(query, self.kept)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a transaction that is committed at the end, or rolled back by an exception."""
        with _timed("write"), self._faulting(), self.engine.begin() as connection:
            yield connection

    def check_writable(self) -> None:
        """Raise Fault(STORE_UNAVAILABLE) unless the database can be written; nothing is changed.

        No row is touched, so concurrent checks never wait for each other and leave nothing to clean up.
        """
        with self.write() as connection:
            connection.execute(text("DELETE FROM alembic_version WHERE version_num = ''"))
            connection.rollback()

    @property
    def folder(self) -> Path | None:
        """The folder of an embedded database's file; None with a server."""
        url = self.engine.url
        return Path(str(url.database)).parent if url.drivername == "sqlite" else None

    def has_file(self) -> bool:
        """Return whether there is something to connect to: an embedded database's file, or a server."""
        url = self.engine.url
        return url.drivername != "sqlite" or Path(str(url.database)).exists()

    # A plain database compares itself with nothing; `validator.store.restore_guard` says what these are for.

    def durable_write(self, at: datetime, kind: Kind = Kind.CHANGED) -> AbstractContextManager[Connection]:
        """Like `write`, for a change of *kind* that an older copy of the database must not undo silently."""
        return self.write()

    def confirmed(self) -> AbstractContextManager[Connection]:
        """Like `read`, for what such changes may have changed."""
        return self.read()

    def known(self) -> Known:
        """Return which changes this node knows."""
        return Known()

    def trust(self, known: Known, seen: Seen) -> int:
        """Return the number that tokens and sessions must carry at least."""
        return 0

    def check_mark(self) -> str | None:
        """Return how the database is degraded, or None; raises Fault when it is an older copy."""
        return None

    def accept_restore(self, at: datetime) -> None:
        """Accept an older copy of the database as it is."""

    def instants(self, connection: Connection, at: datetime) -> tuple[datetime, datetime]:
        """Return the earliest and the latest instant that it may be, when a clock shows *at*."""
        return at, at

    def server_time(self, connection: Connection) -> datetime | None:
        """Return the present instant by the clock of the database's own host, if it has one."""
        return None

    def make_file(self) -> None:
        """Make an embedded database's file, for this user only; its -wal and -shm get the same mode."""
        url = self.engine.url
        if url.drivername == "sqlite":
            Path(str(url.database)).touch(MODE)

    @contextmanager
    def _faulting(self) -> Iterator[None]:
        """Turn the errors of an unavailable database into a Fault; an IntegrityError stays one."""
        try:
            yield
        except sqlalchemy_errors.IntegrityError:
            raise
        except (sqlalchemy_errors.DBAPIError, sqlalchemy_errors.TimeoutError) as error:
            url = self.engine.url
            if url.drivername == "sqlite" and error.__cause__ is not None:
                error.__cause__.add_note(str(url.database))  # its sentences name no file
            raise Fault(Reason.STORE_UNAVAILABLE) from error

    def close(self) -> None:
        """Close every connection."""
        self.kept.close()
        self.engine.dispose()


def _timed(operation: str) -> AbstractContextManager[object]:
    timer: AbstractContextManager[object] = child(STORAGE_SECONDS, "database", operation).time()
    return timer


def _open(policy: DatabasePolicy) -> tuple[Engine, KeptConnections]:
    url = policy.resolved()
    if url.drivername == "sqlite":
        engine = sqlite.engine(url, policy.timeout)
        return engine, KeptConnections(engine)
    from validator.store import postgres, signed  # their driver is an extra  # noqa: PLC0415

    server = postgres.Server(url, policy.timeout, is_insecure=policy.insecure)
    engine = postgres.engine(url, policy.timeout, server)
    return engine, signed.SignedReads(engine, server)

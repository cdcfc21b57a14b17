"""The database: one engine, one way to read, one way to write.

SQLite (WAL) is embedded and the default; PostgreSQL serves several nodes. Each table is declared in
the room that owns it, on the `metadata` of this module. A database that cannot answer is a `Fault`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
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
    TypeDecorator,
    create_engine,
    event,
)
from sqlalchemy import exc as sqlalchemy_errors
from sqlalchemy.engine import make_url

from validator.clock import from_milliseconds, to_milliseconds
from validator.errors import Fault, Reason
from validator.files import MODE

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
    """Where the database is, and how long a statement waits for a lock or a connection."""

    home: Path
    url: str
    timeout: timedelta
    password: str | None = field(default=None, repr=False)

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
        """Prepare the engine; nothing is connected until something is asked."""
        self.engine = _engine(policy)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection for one statement that reads: no transaction, so one round trip."""
        with _answering(), self.engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a transaction that is committed at the end, or rolled back by an exception."""
        with _answering(), self.engine.begin() as connection:
            yield connection

    def make_file(self) -> None:
        """Make an embedded database's file, for this user only; its -wal and -shm get the same mode."""
        url = self.engine.url
        if url.drivername == "sqlite":
            Path(str(url.database)).touch(MODE)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


@contextmanager
def _answering() -> Iterator[None]:
    """Turn a database that does not answer into a Fault; a broken rule (IntegrityError) stays one."""
    try:
        yield
    except sqlalchemy_errors.IntegrityError:
        raise
    except (sqlalchemy_errors.DBAPIError, sqlalchemy_errors.TimeoutError) as error:
        raise Fault(Reason.STORE_UNAVAILABLE) from error


def _engine(policy: DatabasePolicy) -> Engine:
    url, seconds = policy.resolved(), policy.timeout.total_seconds()
    if url.drivername != "sqlite":
        options = f"-c statement_timeout={int(seconds * 1000)} -c lock_timeout={int(seconds * 1000)}"
        arguments = {"connect_timeout": max(2, int(seconds)), "options": options}
        return create_engine(url, pool_timeout=seconds, connect_args=arguments, hide_parameters=True)
    engine = create_engine(
        url,
        pool_timeout=seconds,
        connect_args={"timeout": seconds, "isolation_level": None},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_immediately)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # FULL: in WAL mode NORMAL may forget the last commits at a power cut, a revocation among them.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediately(connection: Connection) -> None:
    # A transaction that reads first and writes later could not wait for another writer (SQLITE_BUSY at once).
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        connection.exec_driver_sql("BEGIN IMMEDIATE")

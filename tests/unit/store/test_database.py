"""The two ways to use the database: what a reader and a writer get, and what happens without it."""

import os
import socket
import stat
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import (
    URL,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from tests.support.parallel_threads import at_once
from tests.support.postgres import PostgresServer
from validator.clock import stopwatch
from validator.errors import Fault, Reason
from validator.store import schema
from validator.store.database import Database, DatabasePolicy, Instant, metadata

ROOT = Path(__file__).parents[3]
SECRET = "correct-horse-battery"
BRIEF = timedelta(milliseconds=100)
counts = Table(
    "counts",
    MetaData(),
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, nullable=False),
    Column("note", String(64)),
    Column("seen_at", Instant),
)


@pytest.fixture
def counting(empty_database: Database) -> Database:
    """Return a database with one table, and one row in it."""
    with empty_database.write() as connection:
        counts.create(connection)
        connection.execute(insert(counts).values(id=1, number=0))
    return empty_database


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Database]]:
    """Yield what opens a database by its URL, with a brief timeout."""
    databases: list[Database] = []

    def open_url(url: str, timeout: timedelta = BRIEF, password: str | None = None) -> Database:
        databases.append(Database(DatabasePolicy(tmp_path, url, timeout, password)))
        return databases[-1]

    yield open_url
    for database in databases:
        database.close()


def number_in(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(select(counts.c.number)).scalar_one())


def ask(database: Database) -> None:
    with database.read() as connection:
        connection.execute(select(func.count()).select_from(counts)).scalar_one()


def fault_of(act: Callable[[], object]) -> Fault:
    """Return the fault that *act* raises, which must be that of the store."""
    with pytest.raises(Fault) as raised:
        act()
    assert raised.value.reason is Reason.STORE_UNAVAILABLE
    return raised.value


def is_in_transaction(connection: Connection) -> bool:
    """Return whether the driver of *connection* has a transaction open."""
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        return bool(driver.in_transaction)
    return bool(driver.info.transaction_status.name != "IDLE")


# Reading and writing


def test_reading_opens_no_transaction(counting: Database) -> None:
    """A read is one statement in autocommit: nothing is begun, so nothing has to be ended."""
    with counting.read() as connection:
        connection.execute(select(counts)).all()

        assert not is_in_transaction(connection)


def test_writing_is_one_transaction(counting: Database) -> None:
    """A write has a transaction open from before its first statement."""
    with counting.write() as connection:
        connection.execute(select(counts)).all()

        assert is_in_transaction(connection)


def test_reading_sends_one_statement(opened: Callable[..., Database]) -> None:
    """A read costs one round trip: the database is sent the statement and nothing around it."""
    database = opened("sqlite:///a.db")
    database.make_file()
    with database.write() as connection:
        counts.create(connection)
    sent: list[str] = []
    with database.read() as connection:
        driver: Any = connection.connection.driver_connection
        driver.set_trace_callback(sent.append)
        connection.execute(select(counts.c.number)).all()
        driver.set_trace_callback(None)

    assert [statement.split()[0] for statement in sent] == ["SELECT"]


def test_what_was_written_is_read(counting: Database) -> None:
    """At the end of a write everything in it is there for the next reader."""
    with counting.write() as connection:
        connection.execute(update(counts).values(number=7))
        connection.execute(insert(counts).values(id=2, number=8))

    with counting.read() as connection:
        assert connection.execute(select(counts.c.number).order_by(counts.c.id)).scalars().all() == [7, 8]


def test_nothing_is_read_before_the_end(counting: Database) -> None:
    """A reader never sees half a write."""
    with counting.write() as connection:
        connection.execute(update(counts).values(number=7))

        assert number_in(counting) == 0
    assert number_in(counting) == 7


def write_and_raise(database: Database, error: BaseException) -> None:
    """Change a row, add another, and end the write with *error*."""
    with database.write() as connection:
        connection.execute(update(counts).values(number=7))
        connection.execute(insert(counts).values(id=2, number=8))
        raise error


def write_a_duplicate(database: Database, note: str = "") -> None:
    """Change a row, and add one whose key is taken."""
    with database.write() as connection:
        connection.execute(update(counts).values(number=7))
        connection.execute(insert(counts).values(id=1, number=8, note=note))


@pytest.mark.parametrize("error", [ValueError("v"), KeyboardInterrupt("k"), Fault(Reason.KEYS_UNAVAILABLE)])
def test_an_exception_rolls_the_whole_write_back(counting: Database, error: BaseException) -> None:
    """Any exception undoes every statement of its write, and comes out as it is."""
    with pytest.raises(type(error)) as raised:
        write_and_raise(counting, error)

    assert raised.value is error
    with counting.read() as connection:
        assert connection.execute(select(counts.c.id, counts.c.number)).all() == [(1, 0)]


def test_a_connection_that_read_still_rolls_back(counting: Database) -> None:
    """Reading in autocommit leaves no trace on the pooled connection: the next write is a transaction."""
    for _ in range(3):
        assert number_in(counting) == 0
        with pytest.raises(ValueError, match="never mind"):
            write_and_raise(counting, ValueError("never mind"))

    assert number_in(counting) == 0


def test_a_broken_rule_stays_itself(counting: Database) -> None:
    """A duplicate key is an IntegrityError, not a fault, and the write before it is undone."""
    with pytest.raises(IntegrityError):
        write_a_duplicate(counting)

    assert number_in(counting) == 0


def test_foreign_keys_are_enforced(database: Database) -> None:
    """A row that points to no row is refused, also by SQLite, which does not do so by itself."""
    sessions = metadata.tables["sessions"]
    now = datetime(2026, 1, 1, tzinfo=UTC)
    row = {"digest": "0", "account": "nobody", "epoch": 1, "created_at": now, "expires_at": now}

    with pytest.raises(IntegrityError), database.write() as connection:
        connection.execute(insert(sessions).values(row))


@pytest.mark.parametrize(
    "instant",
    [None, datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 4, 3, 45, 52, 263000, tzinfo=UTC)],
)
def test_instants_come_back(counting: Database, instant: datetime | None) -> None:
    """An instant comes back aware, in UTC, to the millisecond; none comes back as none."""
    with counting.write() as connection:
        connection.execute(update(counts).values(seen_at=instant))

    with counting.read() as connection:
        assert connection.execute(select(counts.c.seen_at)).scalar_one() == instant


def test_writers_at_once_lose_no_update(counting: Database) -> None:
    """Four writers that add one each, ten times, have added forty: nobody overwrites anybody."""

    def add() -> None:
        for _ in range(10):
            with counting.write() as connection:
                connection.execute(update(counts).values(number=counts.c.number + 1))

    assert at_once(4, add) == []
    assert number_in(counting) == 40


def test_writers_that_read_first_lose_no_update(counting: Database) -> None:
    """A write may read a row, for update, and write what it makes of it; others wait for it."""

    def add() -> None:
        for _ in range(10):
            with counting.write() as connection:
                number = connection.execute(select(counts.c.number).with_for_update()).scalar_one()
                connection.execute(update(counts).values(number=number + 1))

    assert at_once(4, add) == []
    assert number_in(counting) == 40


def test_writable_database_passes_the_check_unchanged(empty_database: Database) -> None:
    """The check of a writable database raises nothing, and leaves every row as it was."""
    schema.upgrade(empty_database)

    empty_database.check_writable()

    schema.check_newest(empty_database)


def test_database_without_its_tables_is_not_writable(empty_database: Database) -> None:
    """The check really changes something: where it has nothing to change, it fails."""
    fault_of(empty_database.check_writable)


def test_read_only_postgres_is_not_writable(
    opened: Callable[..., Database], postgres_server: PostgresServer
) -> None:
    """A PostgreSQL database whose sessions are read-only fails the check."""
    name = f"test_{uuid4().hex}"
    url = postgres_server.create(name)
    schema.upgrade(opened(url, timedelta(seconds=5)))
    postgres_server.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')

    fault_of(opened(url).check_writable)

    postgres_server.drop(name)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Yield a folder that every user may write into; those of pytest are private."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_sqlite_file_of_another_owner_is_not_writable(open_folder: Path) -> None:
    """A file that this user may only read, restored by root for one, fails the check."""
    database = Database(DatabasePolicy(open_folder, "sqlite:///a.db", BRIEF))
    schema.upgrade(database)
    database.close()
    (open_folder / "a.db").chmod(0o644)

    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", sys.executable, "-c", CHECKING],
        env={"PYTHONPATH": str(ROOT), "HOME_OF_TEST": str(open_folder), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == f"attempt to write a readonly database, {open_folder}/a.db\n", done.stderr


CHECKING = """
import os, sys
from datetime import timedelta
from pathlib import Path
from validator.causes import cause_of
from validator.errors import Fault
from validator.store.database import Database, DatabasePolicy
database = Database(DatabasePolicy(Path(os.environ["HOME_OF_TEST"]), "sqlite:///a.db", timedelta(seconds=1)))
try:
    database.check_writable()
except Fault as fault:
    sys.stdout.write(cause_of(fault) + chr(10))
"""


# SQLite's own


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("cache_size", -512)],
)
def test_sqlite_is_safe_at_a_power_cut(
    opened: Callable[..., Database], pragma: str, value: str | int
) -> None:
    """SQLite writes ahead, is on the disk before a commit returns (FULL is 2), and checks foreign keys."""
    database = opened("sqlite:///a.db")
    database.make_file()
    for door in (database.read, database.write, database.read):
        with door() as connection:
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() == value


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_sqlite_files_are_private(opened: Callable[..., Database], tmp_path: Path, mask: int) -> None:
    """The database, its -wal and its -shm are for this user only, from the first byte on."""
    database = opened("sqlite:///a.db")
    former = os.umask(mask)
    try:
        database.make_file()
        schema.upgrade(database)
        with database.write() as connection:
            connection.exec_driver_sql("SELECT 1")
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    finally:
        os.umask(former)

    assert modes == dict.fromkeys(("a.db", "a.db-wal", "a.db-shm"), 0o600)


def test_sqlite_file_is_made_on_purpose_only(opened: Callable[..., Database], tmp_path: Path) -> None:
    """A read or write before the database is made, such as a health check, makes none."""
    database = opened("sqlite:///a.db")
    for act in (schema.check_newest, ask, ask_to_write):
        fault_of(lambda act=act: act(database))  # type: ignore[misc]
    assert (database.has_file(), list(tmp_path.iterdir())) == (False, [])

    schema.upgrade(database)

    assert database.has_file()
    schema.check_newest(database)
    assert stat.S_IMODE((tmp_path / "a.db").stat().st_mode) == 0o600


def test_sqlite_file_that_was_deleted_does_not_come_back_empty(
    opened: Callable[..., Database], tmp_path: Path
) -> None:
    """A database whose file is gone is unavailable; it does not say that nobody is known."""
    database = opened("sqlite:///a.db")
    database.make_file()
    with database.write() as connection:
        counts.create(connection)
    database.close()
    for path in tmp_path.iterdir():
        path.unlink()

    fault_of(lambda: ask(database))
    fault_of(lambda: ask_to_write(database))

    assert list(tmp_path.iterdir()) == []


def test_making_the_file_again_changes_nothing(counting: Database) -> None:
    """A database that is there stays; one on a server needs no file."""
    counting.make_file()

    assert number_in(counting) == 0


@pytest.mark.parametrize("name", ["a b.db", "a?mode=ro.db", "a%20b.db", "a#b.db", "数据.db"])
def test_sqlite_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    """No character of the file's name is taken for a part of a URL."""
    url = URL.create("sqlite", database=name).render_as_string()
    database = Database(DatabasePolicy(tmp_path, url, BRIEF))
    database.make_file()
    with database.write() as connection:
        counts.create(connection)

    ask(database)

    database.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_sqlite_file_lies_in_the_home(opened: Callable[..., Database], tmp_path: Path) -> None:
    """A relative file is found from the home, not from where the program was started."""
    assert opened("sqlite:///a.db").engine.url.database == str(tmp_path / "a.db")
    assert opened("sqlite:////srv/a.db").engine.url.database == "/srv/a.db"


# An unavailable database


def test_garbage_is_a_fault(opened: Callable[..., Database], tmp_path: Path) -> None:
    """A file that is not a database is a fault, to a reader and to a writer."""
    (tmp_path / "a.db").write_bytes(b"this is not a database" * 512)
    database = opened("sqlite:///a.db")

    fault_of(lambda: ask(database))
    fault_of(lambda: schema.upgrade(database))


def test_file_replaced_by_garbage_is_a_fault(opened: Callable[..., Database], tmp_path: Path) -> None:
    """A database whose file is overwritten while it is not open does not answer from memory."""
    database = opened("sqlite:///a.db")
    database.make_file()
    with database.write() as connection:
        counts.create(connection)
    ask(database)
    database.close()

    (tmp_path / "a.db").write_bytes(b"this is not a database" * 512)

    fault_of(lambda: ask(database))


def test_missing_folder_is_a_fault(opened: Callable[..., Database]) -> None:
    """A file in a folder that is not there is unavailable."""
    database = opened("sqlite:///missing/a.db")

    fault_of(lambda: ask(database))
    fault_of(lambda: ask_to_write(database))


def test_missing_table_is_a_fault(empty_database: Database) -> None:
    """A database without the tables is unavailable; it does not say that nobody is known."""
    fault_of(lambda: ask(empty_database))


def ask_to_write(database: Database) -> None:
    with database.write() as connection:
        connection.execute(update(counts).values(number=1))


@pytest.mark.timed
def test_second_writer_waits_no_longer_than_the_timeout(empty_policy: DatabasePolicy) -> None:
    """While somebody else holds the lock, a writer waits for its timeout and is then a fault."""
    holder, waiter = Database(empty_policy), Database(replace(empty_policy, timeout=BRIEF))
    holder.make_file()
    with holder.write() as connection:
        counts.create(connection)
        connection.execute(insert(counts).values(id=1, number=0))
    with holder.write() as connection:
        connection.execute(update(counts).values(number=7))
        began = stopwatch()
        fault_of(lambda: ask_to_write(waiter))
        waited = stopwatch() - began
    ask_to_write(waiter)  # and as soon as the lock is free, it writes

    assert BRIEF.total_seconds() * 0.75 <= waited < 2
    assert number_in(holder) == 1
    holder.close()
    waiter.close()


@pytest.mark.timed
def test_waiting_for_a_connection_ends(empty_policy: DatabasePolicy) -> None:
    """When every connection of the pool is taken, the next query is a fault after the timeout."""
    database = Database(replace(empty_policy, timeout=BRIEF))
    database.make_file()
    pool: Any = database.engine.pool
    taken = [database.engine.connect() for _ in range(pool.size() + pool._max_overflow)]

    began = stopwatch()
    fault_of(lambda: ask(database))
    waited = stopwatch() - began
    for connection in taken:
        connection.close()
    database.close()

    assert BRIEF.total_seconds() * 0.75 <= waited < 2


@pytest.mark.timed
def test_long_statement_is_ended(opened: Callable[..., Database], postgres_url: str) -> None:
    """PostgreSQL ends a statement that takes longer than the timeout."""
    database = opened(postgres_url)

    def sleep() -> None:
        with database.read() as connection:
            connection.execute(text("SELECT pg_sleep(30)"))

    began = stopwatch()
    fault_of(sleep)

    assert stopwatch() - began < 5


def test_postgres_that_does_not_run_is_a_fault(opened: Callable[..., Database], tmp_path: Path) -> None:
    """A server that is stopped is unavailable at once."""
    pytest.importorskip("psycopg")
    database = opened(f"postgresql+psycopg://postgres@/validator?host={tmp_path}")

    fault_of(lambda: ask(database))
    fault_of(lambda: ask_to_write(database))


def test_postgres_that_refuses_is_a_fault(
    opened: Callable[..., Database], postgres_server: PostgresServer
) -> None:
    """A server that does not let this user in is unavailable."""
    url = postgres_server.url("no_such_database")

    fault_of(lambda: ask(opened(url)))


def test_connection_cut_off_is_a_fault_and_comes_back(
    opened: Callable[..., Database], postgres_server: PostgresServer
) -> None:
    """A server that ends the connection is a fault for the query then; a later one connects anew."""
    database = opened(postgres_server.create("cut_off"), timedelta(seconds=5))
    with database.write() as connection:
        counts.create(connection)
    ask(database)

    postgres_server.drop("cut_off")
    fault_of(lambda: ask(database))
    postgres_server.create("cut_off")
    with database.write() as connection:
        counts.create(connection)

    ask(database)
    database.close()
    postgres_server.drop("cut_off")


@pytest.mark.timed
def test_silent_server_is_a_fault(opened: Callable[..., Database]) -> None:
    """A server that accepts a connection and stays silent is unavailable after the driver's minimum, 2 s."""
    pytest.importorskip("psycopg")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        database = opened(f"postgresql+psycopg://u@127.0.0.1:{port}/validator")
        began = stopwatch()
        fault_of(lambda: ask(database))

    assert stopwatch() - began < 6


# The password


@pytest.mark.parametrize("url", ["postgresql+psycopg://u@127.0.0.1:1/n", "postgresql+psycopg://u@h/n"])
def test_policy_and_engine_do_not_show_the_password(url: str, tmp_path: Path) -> None:
    """The password is used, and shown by no str and no repr of what has it."""
    policy = DatabasePolicy(tmp_path, url, BRIEF, SECRET)
    database = Database(policy)
    shown = [policy, policy.resolved(), database, database.engine, database.engine.url, database.engine.pool]

    assert policy.resolved().password == SECRET
    assert not [one for one in shown if SECRET in f"{one} {one!r}"]


def test_failed_connection_does_not_show_the_password(opened: Callable[..., Database]) -> None:
    """A fault, and everything it was caused by, is silent about the password."""
    pytest.importorskip("psycopg")
    database = opened("postgresql+psycopg://u@127.0.0.1:1/n", password=SECRET)

    fault = fault_of(lambda: ask(database))

    assert fault.__cause__ is not None
    assert SECRET not in "".join(traceback.format_exception(fault))


def test_failed_statement_does_not_show_its_values(counting: Database) -> None:
    """An error shows the statement and not its parameters."""
    with pytest.raises(IntegrityError) as raised:
        write_a_duplicate(counting, SECRET)

    assert "INSERT INTO counts" in str(raised.value)
    assert SECRET not in "".join(traceback.format_exception(raised.value))

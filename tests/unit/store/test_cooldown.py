"""What begins the cool-down of PostgreSQL, during which no query is sent, and what never does."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import column, literal_column, select, table, text

from tests.support.parallel_threads import at_once
from tests.support.postgres import SUPERUSER, PostgresServer
from tests.support.switchable_route import Way, open_way
from validator.clock import stopwatch
from validator.errors import Fault, Reason
from validator.store.database import Database
from validator.store.prepared import PreparedQuery

pytestmark = pytest.mark.timed

TIMEOUT = timedelta(seconds=1)
SOON = 1.5
AT_ONCE = 0.6  # nobody was asked, or the answer came: the least wait is of 0.8
TIMEOUT_SECONDS = 30
POLL_SECONDS = 0.02
THREADS = 4
Opened = Callable[[str], Database]


@pytest.fixture
def name(postgres_server: PostgresServer) -> Iterator[str]:
    """Make a database that has one table with one row, yield its name, remove it."""
    made = f"test_{uuid4().hex}"
    postgres_server.create(made)
    with connected(postgres_server, made) as connection:
        connection.execute("CREATE TABLE held (id integer PRIMARY KEY, n integer)")
        connection.execute("INSERT INTO held VALUES (1, 0)")
    yield made
    postgres_server.drop(made)


@pytest.fixture
def way(postgres_server: PostgresServer) -> Iterator[Way]:
    """Yield a way to the server that can forget connections."""
    with open_way(postgres_server) as made:
        yield made


@contextmanager
def connected(server: PostgresServer, database: str) -> Iterator[psycopg.Connection]:
    """Give a connection of somebody else's in a transaction, committed at the end."""
    where = f"host={server.socket_folder} user={SUPERUSER} dbname={database}"
    with psycopg.connect(where) as connection:
        yield connection


def ask(database: Database) -> None:
    with database.read() as connection:
        connection.execute(text("SELECT 1"))


def ask_kept(database: Database) -> None:
    assert database.prepare(select(literal_column("1").label("one"))).fetch({}) == (1,)


def change(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE held SET n = n + 1 WHERE id = 1"))


def query_of(database: Database) -> PreparedQuery:
    """Return the query for the row of the table."""
    return database.prepare(select(column("n")).select_from(table("held")))


def seconds_to(act: Callable[[], object]) -> float:
    began = stopwatch()
    act()
    return stopwatch() - began


def seconds_to_fault(act: Callable[[], object]) -> float:
    began = stopwatch()
    with pytest.raises(Fault) as raised:
        act()
    assert raised.value.reason is Reason.STORE_UNAVAILABLE
    return stopwatch() - began


def seconds_to_answer(act: Callable[[], object]) -> float:
    """Return how long it took until *act* raised no fault any more."""
    began = stopwatch()
    while True:
        try:
            act()
        except Fault:
            assert stopwatch() - began < TIMEOUT_SECONDS
            time.sleep(POLL_SECONDS)
        else:
            return stopwatch() - began


def test_row_that_is_held_begins_no_rest(opened: Opened, postgres_server: PostgresServer, name: str) -> None:
    """However many wait in vain for a row that a request can name, other queries return at once."""
    database = opened(postgres_server.url(name))
    with connected(postgres_server, name) as other:
        other.execute("SELECT 1 FROM held FOR UPDATE")
        raised = at_once(6, lambda: change(database))
        waited = [seconds_to(lambda act=act: act(database)) for act in (ask_kept, ask)]  # type: ignore[misc]

    assert [type(error) for error in raised] == [Fault] * 6
    assert max(waited) < AT_ONCE
    change(database)


def test_locked_table_is_a_fault_in_time_and_then_at_once(
    opened: Opened, postgres_server: PostgresServer, name: str
) -> None:
    """A query that two connections in a row do not answer begins the cool-down; it ends with the lock."""
    database = opened(postgres_server.url(name))
    question = query_of(database)
    assert question.fetch({}) == (0,)

    with connected(postgres_server, name) as other:
        other.execute("LOCK TABLE held IN ACCESS EXCLUSIVE MODE")
        first, second = (seconds_to_fault(lambda: question.fetch({})) for _ in range(2))

    assert first < SOON
    assert second < AT_ONCE
    assert seconds_to_answer(lambda: question.fetch({})) < SOON


def test_locked_table_holds_one_thread_at_a_time(
    opened: Opened, postgres_server: PostgresServer, name: str
) -> None:
    """Of eight threads that send queries for three seconds, all wait at first, and then one at a time."""
    database = opened(postgres_server.url(name))
    question = query_of(database)
    waited: list[float] = []

    def ask_on() -> None:
        until = stopwatch() + 3
        while stopwatch() < until:
            waited.append(seconds_to_fault(lambda: question.fetch({})))
            time.sleep(POLL_SECONDS)

    with connected(postgres_server, name) as other:
        other.execute("LOCK TABLE held IN ACCESS EXCLUSIVE MODE")
        assert at_once(8, ask_on) == []

    assert max(waited) < SOON
    assert 8 <= sum(seconds > AT_ONCE for seconds in waited) <= 8 + 3


class Threads:
    """Threads that stay, each with its kept connection."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool, self._start = pool, threading.Barrier(THREADS)

    def each(self, act: Callable[[], object]) -> list[float]:
        """Return how long *act* took in each of them, at once."""
        return list(self._pool.map(lambda _: self._timed(act), range(THREADS)))

    def _timed(self, act: Callable[[], object]) -> float:
        self._start.wait(TIMEOUT_SECONDS)
        return seconds_to(act)


@pytest.fixture
def threads() -> Iterator[Threads]:
    """Yield threads that stay until the end of the test."""
    with ThreadPoolExecutor(THREADS) as pool:
        yield Threads(pool)


@pytest.mark.parametrize("act", [ask, ask_kept, change])
def test_forgotten_connections_cost_a_wait_and_no_answer(
    opened: Opened, way: Way, name: str, threads: Threads, act: Callable[[Database], None]
) -> None:
    """When a firewall forgot every connection, each query still gets its row, within the timeout."""
    database = opened(way.url(name))
    threads.each(lambda: act(database))

    way.forget()
    waited = threads.each(lambda: act(database))

    lost = way.lost_queries()
    threads.each(lambda: act(database))

    assert max(waited) < TIMEOUT.total_seconds()
    assert way.lost_queries() == lost


def test_one_forgotten_connection_tells_of_the_others(
    opened: Opened, way: Way, name: str, threads: Threads
) -> None:
    """After a night without calls only the first query waits: the others get new connections first."""
    database = opened(way.url(name))
    threads.each(lambda: ask_kept(database))
    ask_kept(database)

    way.forget()
    ask_kept(database)
    threads.each(lambda: ask_kept(database))

    assert way.lost_queries() == 1


def test_forgotten_connections_are_each_asked_at_the_same_time(
    opened: Opened, way: Way, name: str, threads: Threads
) -> None:
    """The control: threads that have no answer yet to learn from each ask the forgotten connection."""
    database = opened(way.url(name))
    threads.each(lambda: ask_kept(database))

    way.forget()
    threads.each(lambda: ask_kept(database))

    assert way.lost_queries() > 1


def test_canceled_question_is_asked_again(opened: Opened, postgres_server: PostgresServer, name: str) -> None:
    """A query that the server ends once, as an administrator may, runs again on a new connection."""
    database = opened(postgres_server.url(name))
    question = query_of(database)
    question.fetch({})

    with connected(postgres_server, name) as other:
        other.execute("LOCK TABLE held IN ACCESS EXCLUSIVE MODE")
        with ThreadPoolExecutor(1) as pool:
            pending = pool.submit(question.fetch, {})
            wait_until_it_waits(postgres_server, name)
            postgres_server.value(
                "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            )
            other.commit()
            assert pending.result(TIMEOUT_SECONDS) == (0,)


def wait_until_it_waits(server: PostgresServer, database: str) -> None:
    """Wait until a query of *database* waits for a lock."""
    deadline = stopwatch() + TIMEOUT_SECONDS
    waiting = (
        f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'"
    )
    while not server.value(waiting):
        assert stopwatch() < deadline
        time.sleep(POLL_SECONDS)


@pytest.mark.parametrize("act", [ask, ask_kept, change])
def test_restarted_server_costs_nobody_an_answer(
    opened: Opened, postgres_server: PostgresServer, name: str, act: Callable[[Database], None]
) -> None:
    """Connections that the server ended while they were idle are replaced before a caller notices."""
    database = opened(postgres_server.url(name))
    act(database)

    postgres_server.value(
        f"SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = '{name}'"
    )

    act(database)


@pytest.mark.parametrize(
    "setting", ["keepalives", "keepalives_idle", "tcp_user_timeout", "target_session_attrs"]
)
def test_idle_connections_are_kept_alive(
    opened: Opened, postgres_server: PostgresServer, name: str, setting: str
) -> None:
    """The kernel looks after idle connections, so that a firewall does not forget them."""
    database = opened(postgres_server.url(name))

    assert database.kept.get().info.get_parameters().get(setting) is not None

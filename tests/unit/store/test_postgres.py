"""PostgreSQL that is there and does not answer: every wait has an end, and it is used when it is back.

After it did not answer it rests for a second; the rest is an engine's own, so every test opens its own.
"""

import gc
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, literal_column, select, text

from tests.conftest import require_package
from tests.support import postgres
from tests.support.parallel_threads import at_once
from validator.causes import cause_of
from validator.clock import stopwatch
from validator.errors import Fault, Reason
from validator.store.database import Database, DatabasePolicy

pytestmark = pytest.mark.timed

ROOT = Path(__file__).parents[3]
TIMEOUT = timedelta(seconds=1)
SOON = 1.5  # also for being used again: a rest of one second, and a moment
AT_ONCE = 0.6  # nobody was asked: the least wait is of 0.8
TIMEOUT_SECONDS = 30
POLL_SECONDS = 0.02
END_OTHERS = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
Opened = Callable[[], Database]


class Server:
    """A dedicated server, whose every process can be stopped: it is there, and silent."""

    def __init__(self, server: postgres.PostgresServer) -> None:
        self._pid_file = server.socket_folder / "data" / "postmaster.pid"
        self.url = server.url("postgres")

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop every process of the server, and continue it whatever happens."""
        main = int(self._pid_file.read_text().splitlines()[0])
        os.kill(main, signal.SIGSTOP)  # first, so that it makes no more
        processes = [main, *self._children(main)]
        try:
            self._signal(processes, signal.SIGSTOP)
            yield
        finally:
            self._signal(processes, signal.SIGCONT)

    def _children(self, main: int) -> list[int]:
        return [int(word) for word in Path(f"/proc/{main}/task/{main}/children").read_text().split()]

    def _signal(self, processes: list[int], number: signal.Signals) -> None:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, number)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Run a server that no other test uses."""
    programs = postgres.program_folder()
    require_package(postgres.DEBIAN_PACKAGE, found=programs is not None)
    assert programs is not None
    with postgres.running_server(programs) as running:
        yield Server(running)


@pytest.fixture
def opened(server: Server, tmp_path: Path) -> Iterator[Opened]:
    """Yield what opens a database on the server, whose every answer may take a second."""
    databases: list[Database] = []

    def open_it() -> Database:
        databases.append(Database(DatabasePolicy(tmp_path, server.url, TIMEOUT)))
        return databases[-1]

    yield open_it
    for database in databases:
        database.close()


def ask(database: Database) -> None:
    with database.read() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1


def write(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("CREATE TEMPORARY TABLE IF NOT EXISTS counts (n INTEGER)"))
        connection.execute(text("INSERT INTO counts VALUES (1)"))


def ask_kept(database: Database) -> None:
    assert database.prepare(select(literal_column("1").label("one"))).fetch({}) == (1,)


def seconds_to_fault(act: Callable[[], object]) -> float:
    """Return how long it took until *act* was a fault of the store."""
    began = stopwatch()
    with pytest.raises(Fault) as raised:
        act()
    assert raised.value.reason is Reason.STORE_UNAVAILABLE
    return stopwatch() - began


def seconds_to_answer(act: Callable[[], object]) -> float:
    """Return how long it took until *act* was done again; until then each fault comes at once."""
    began = stopwatch()
    while True:
        asked = stopwatch()
        try:
            act()
        except Fault as fault:
            assert stopwatch() - asked < AT_ONCE, cause_of(fault)  # noqa: PT017 - faults are many here
        else:
            return stopwatch() - began
        assert stopwatch() - began < TIMEOUT_SECONDS
        time.sleep(POLL_SECONDS)


@pytest.mark.parametrize("act", [ask, ask_kept, write])
@pytest.mark.parametrize("is_connected", [True, False], ids=["connected", "not connected"])
def test_stopped_server_is_a_fault_in_time(
    opened: Opened, server: Server, act: Callable[[Database], None], is_connected: bool
) -> None:
    """A server that is stopped is a fault after the timeout, then at once; when it is back, it is used."""
    database = opened()
    if is_connected:
        act(database)

    with server.stopped():
        first, *others = [seconds_to_fault(lambda: act(database)) for _ in range(3)]

    assert first < SOON
    assert max(others) < AT_ONCE
    assert seconds_to_answer(lambda: act(database)) < SOON


def test_stopped_server_is_asked_again_after_its_rest(opened: Opened, server: Server) -> None:
    """The cool-down ends also while the server is unavailable, so that its return is noticed."""
    database = opened()

    with server.stopped():
        seconds_to_fault(lambda: ask(database))
        deadline = stopwatch() + TIMEOUT_SECONDS
        while (waited := seconds_to_fault(lambda: ask(database))) < AT_ONCE:
            assert stopwatch() < deadline
            time.sleep(POLL_SECONDS)
        next_one = seconds_to_fault(lambda: ask(database))

    assert waited < SOON
    assert next_one < AT_ONCE


def test_rest_is_of_one_database_only(opened: Opened, server: Server) -> None:
    """The cool-down of one open database does not hinder another one."""
    database, other = opened(), opened()
    with server.stopped():
        seconds_to_fault(lambda: ask(database))

    ask(other)
    assert seconds_to_fault(lambda: ask(database)) < AT_ONCE


def begin_and(database: Database, then: Callable[[Connection], object]) -> None:
    with database.write() as connection:
        connection.execute(text("SELECT 1"))
        then(connection)


@pytest.mark.parametrize("step", ["statement", "commit", "rollback"])
def test_server_that_stops_in_a_transaction_is_a_fault_in_time(
    opened: Opened, server: Server, step: str
) -> None:
    """Whichever step of a write gets no answer, no caller waits longer, and none gets a success."""
    database = opened()
    write(database)

    def stop_and_go_on(connection: Connection) -> None:
        stopping.__enter__()
        if step == "statement":
            connection.execute(text("SELECT 1"))
        if step == "rollback":
            raise Fault(Reason.STORE_UNAVAILABLE)

    stopping = server.stopped()
    try:
        waited = seconds_to_fault(lambda: begin_and(database, stop_and_go_on))
    finally:
        stopping.__exit__(None, None, None)

    assert waited < SOON
    assert seconds_to_answer(lambda: write(database)) < SOON


def test_many_who_ask_a_stopped_server_all_get_their_fault(opened: Opened, server: Server) -> None:
    """However many threads send queries, each gets a result in time: for connecting, and for a statement."""
    database = opened()
    ask(database)

    with server.stopped():
        began = stopwatch()
        raised = at_once(24, lambda: ask(database))
        waited = stopwatch() - began

    assert [type(error) for error in raised] == [Fault] * 24
    assert waited < 2 * TIMEOUT.total_seconds() + 0.5
    assert seconds_to_answer(lambda: ask(database)) < SOON


def test_outage_leaves_nothing_to_make_up_for(opened: Opened, server: Server) -> None:
    """After a long outage the first result comes as after a short one: nothing is caught up with."""
    database = opened()

    with server.stopped():
        for _ in range(2):
            at_once(60, lambda: seconds_to_fault(lambda: ask(database)))

    assert seconds_to_answer(lambda: ask(database)) < SOON
    assert at_once(8, lambda: ask(database)) == []


def test_closing_does_not_wait_for_a_stopped_server(opened: Opened, server: Server) -> None:
    """A server process ends although the database does not answer any more."""
    database = opened()
    ask(database)

    with server.stopped():
        began = stopwatch()
        database.close()
        assert stopwatch() - began < SOON

    ask(database)


ENDING = """
import sys, threading
from datetime import timedelta
from pathlib import Path
from sqlalchemy import text
from validator.errors import Fault
from validator.store.database import Database, DatabasePolicy

database = Database(DatabasePolicy(Path("."), sys.argv[1], timedelta(seconds=1)))

def ask():
    try:
        with database.read() as connection:
            connection.execute(text("SELECT 1"))
    except Fault as fault:
        sys.stdout.write(str(fault.reason) + chr(10))

threads = [threading.Thread(target=ask) for _ in range(15)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
database.close()
"""


def test_process_ends_although_connections_are_pending(server: Server, tmp_path: Path) -> None:
    """A process that could not connect ends without waiting for its pending connections."""
    with server.stopped():
        began = stopwatch()
        done = subprocess.run(
            [sys.executable, "-c", ENDING, server.url],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
            timeout=60,
        )
        waited = stopwatch() - began

    assert (done.returncode, done.stdout, done.stderr) == (0, "store_unavailable\n" * 15, "")
    assert waited < 6  # starting, a second for the faults, and one connection's least wait of two


@pytest.mark.parametrize("setting", ["statement_timeout", "lock_timeout"])
def test_server_keeps_the_deadline_too(opened: Opened, setting: str) -> None:
    """The server itself ends what takes longer, before its connection is closed and a cool-down begins."""
    with opened().read() as connection:
        assert connection.execute(text(f"SHOW {setting}")).scalar_one() == "800ms"


def test_late_connections_are_closed(opened: Opened, server: Server) -> None:
    """Connections that came after their time do not pile up on the server."""
    database, other = opened(), opened()
    with server.stopped():
        at_once(4, lambda: seconds_to_fault(lambda: ask(database)))
    assert seconds_to_answer(lambda: ask(database)) < SOON
    query = "SELECT pid, state, query FROM pg_stat_activity WHERE backend_type = 'client backend'"

    deadline = stopwatch() + TIMEOUT_SECONDS
    while True:
        gc.collect()  # the driver leaves what timed out to the collector
        with other.read() as connection:
            connections = connection.execute(text(query)).all()
        if len(connections) <= 2:
            break
        assert stopwatch() < deadline, connections


def test_server_that_was_restarted_costs_nobody_an_answer(opened: Opened) -> None:
    """Connections that the server ended, kept or in the pool, are replaced before a caller notices."""
    database, other = opened(), opened()
    ask(database)
    ask_kept(database)

    with other.read() as connection:
        connection.execute(text(END_OTHERS))

    ask_kept(database)
    ask(database)

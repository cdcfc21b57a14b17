"""A server that is a standby or read-only is not used: its rows may be older than the last revocation."""

import socket
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import literal_column, select, text

from tests.conftest import require_package
from tests.support import postgres
from tests.support.postgres import PostgresServer
from tests.support.switchable_route import SOCKET, Way, open_way
from validator.causes import cause_of
from validator.clock import stopwatch
from validator.errors import Fault
from validator.store.database import Database

pytestmark = pytest.mark.timed

TIMEOUT = timedelta(seconds=1)
TIMEOUT_SECONDS = 30
NAME = "switched"
Opened = Callable[[str], Database]
Servers = tuple[PostgresServer, PostgresServer]


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """Run a primary with one row in one table, and a hot standby that has stopped to follow it."""
    programs = postgres.program_folder()
    require_package(postgres.DEBIAN_PACKAGE, found=programs is not None)
    assert programs is not None
    with postgres.running_server(programs) as primary:
        primary.create(NAME)
        with postgres.running_standby(programs, primary) as standby:
            standby.execute("SELECT pg_wal_replay_pause()")
            yield primary, standby


@pytest.fixture
def way(servers: Servers) -> Iterator[Way]:
    """Yield a name that means the standby."""
    with open_way(servers[1]) as made:
        yield made


def read(database: Database) -> None:
    with database.read() as connection:
        connection.execute(text("SELECT 1"))


def write(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS counts (n integer)"))


def ask(database: Database) -> None:
    assert database.prepare(select(literal_column("1").label("one"))).fetch({}) == (1,)


ACTS = pytest.mark.parametrize("act", [read, write, ask])


def cause_of_fault(act: Callable[[], object]) -> str:
    with pytest.raises(Fault) as raised:
        act()
    return cause_of(raised.value)


@ACTS
def test_standby_is_not_used_and_the_primary_is_as_soon_as_the_name_means_it(
    servers: Servers, way: Way, opened: Opened, act: Callable[[Database], None]
) -> None:
    """While a name means a standby nothing is read there; nobody has to restart anything afterwards."""
    database = opened(way.url(NAME))
    cause = cause_of_fault(lambda: act(database))

    way.lead_to(servers[0])

    act(database)
    assert "read-only" in cause


def test_standby_would_answer_with_what_is_revoked_since(servers: Servers, opened: Opened) -> None:
    """The danger is real: the standby returns an old row without an error, and the database refuses it."""
    primary, standby = servers
    database = opened(primary.url(NAME))
    with database.write() as connection:
        connection.execute(text("CREATE TABLE ended (token text)"))

    exists = "SELECT to_regclass('ended') IS NOT NULL"

    assert (primary.value(exists, NAME), standby.value(exists, NAME)) == (True, False)
    assert "read-only" in cause_of_fault(lambda: read(opened(standby.url(NAME))))


@ACTS
def test_connection_that_stays_on_a_server_that_became_read_only_is_given_up(
    servers: Servers, opened: Opened, act: Callable[[Database], None]
) -> None:
    """Connections are closed once their server is read-only, and made anew when it is not."""
    primary = servers[0]
    database = opened(primary.url(NAME))
    write(database)
    ask(database)

    become_read_only(primary, "on")
    try:
        cause = cause_of_fault(lambda: act(database))
    finally:
        become_read_only(primary, "off")

    assert "read-only" in cause
    act(database)


def become_read_only(server: PostgresServer, value: str) -> None:
    """Make the sessions of *server* read-only or not, also those that are there."""
    server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
    server.execute("SELECT pg_reload_conf()")
    deadline = stopwatch() + TIMEOUT_SECONDS
    while server.value("SHOW default_transaction_read_only") != value:
        assert stopwatch() < deadline


def backend_pid(database: Database) -> int:
    """Return which process of the server the pool's connection has."""
    with database.read() as connection:
        return int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def test_transaction_that_began_before_gives_its_connection_up(servers: Servers, opened: Opened) -> None:
    """A server that becomes read-only between two statements is noticed by its error, and left."""
    database = opened(servers[0].url(NAME))
    before = backend_pid(database)

    def become_read_only_in_between() -> None:
        with database.write() as connection:
            connection.execute(text("SET TRANSACTION READ ONLY"))
            connection.execute(text("CREATE TABLE never (n integer)"))

    cause = cause_of_fault(become_read_only_in_between)

    assert cause == "cannot execute CREATE TABLE in a read-only transaction"
    assert backend_pid(database) != before
    write(database)


@pytest.fixture
def silent_host() -> Iterator[Path]:
    """Yield the folder of a socket that accepts connections and stays silent."""
    with (
        tempfile.TemporaryDirectory(prefix="q", dir="/tmp") as folder,
        socket.socket(socket.AF_UNIX) as silent,
    ):
        silent.bind(f"{folder}/{SOCKET}")
        silent.listen()
        yield Path(folder)


@ACTS
@pytest.mark.parametrize("is_last", [True, False], ids=["last", "first"])
def test_primary_is_found_among_several_hosts(
    servers: Servers, silent_host: Path, opened: Opened, act: Callable[[Database], None], is_last: bool
) -> None:
    """Of a standby, a silent host, one that is off and the primary, the primary is used, in time."""
    primary, standby = servers
    hosts = [standby.socket_folder, silent_host, "/nowhere", primary.socket_folder]
    query = "&".join(f"host={host}" for host in (hosts if is_last else hosts[::-1]))
    database = opened(f"postgresql+psycopg://postgres@/{NAME}?{query}")

    began = stopwatch()
    act(database)

    assert stopwatch() - began < TIMEOUT.total_seconds()


def test_when_no_host_can_be_used_each_says_why(servers: Servers, opened: Opened) -> None:
    """The operator reads the sentence of every host."""
    hosts = ("/nowhere", servers[1].socket_folder)
    database = opened(f"postgresql+psycopg://postgres@/{NAME}?" + "&".join(f"host={host}" for host in hosts))

    cause = cause_of_fault(lambda: read(database))

    assert "No such file or directory" in cause
    assert "read-only" in cause

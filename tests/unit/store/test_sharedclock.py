"""The clock that all nodes share: PostgreSQL's, whatever this host's shows; with SQLite the host's."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event

from tests.support.account_policies import LOCKOUT
from tests.support.fakes import START, TENANT, FakeClock
from validator.accounts.account import Accounts
from validator.accounts.identity import Identity
from validator.accounts.lockout import Attempt, Lockout
from validator.accounts.sessions import SessionPolicy, Sessions
from validator.clock import SystemClock
from validator.errors import Fault, Reason, Refusal
from validator.files import make_private_folder
from validator.store import schema
from validator.store.database import Database, DatabasePolicy
from validator.store.restore_guard import GuardedDatabase
from validator.store.sharedclock import SharedClock
from validator.tenants import Tenants

FAR = timedelta(days=366)
SECOND = timedelta(seconds=1)


@pytest.fixture
def server(postgres_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Yield an empty database of a PostgreSQL server, whose clock is the right one of this host."""
    home = tmp_path_factory.mktemp("home")
    make_private_folder(home / "keys")
    opened = GuardedDatabase(DatabasePolicy(home, postgres_database, timedelta(seconds=5)), home / "keys")
    schema.upgrade(opened)
    yield opened
    opened.close()


def wrong() -> FakeClock:
    """Return the clock of a host that is a year ahead."""
    return FakeClock(SystemClock().now() + FAR)


def test_embedded_database_has_the_hosts_clock(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SQLite has no other clock; it is read each time."""
    clock = FakeClock()
    policy = DatabasePolicy(tmp_path_factory.mktemp("home"), "sqlite:///none.db", timedelta(seconds=5))
    shared = SharedClock(Database(policy), clock)

    clock.advance(days=1)

    assert shared.now() == START + timedelta(days=1)


def test_nodes_have_the_servers_clock(server: Database) -> None:
    """A node whose own clock is a year ahead has the same time as the others, and it goes on."""
    first, second = SharedClock(server, wrong()), SharedClock(server, SystemClock())

    times = [clock.now() for _ in range(3) for clock in (first, second)]

    assert abs(times[0] - SystemClock().now()) < 60 * SECOND
    assert max(times) - min(times) < 30 * SECOND
    assert times[0] < times[2] < times[4]


def test_server_is_not_asked_each_time(server: Database) -> None:
    """A thousand readings are one query to the server."""
    asked: list[str] = []
    event.listen(server.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    clock = SharedClock(server, wrong())

    for _ in range(1000):
        clock.now()

    assert len([statement for statement in asked if "clock_timestamp" in statement]) == 1


def test_without_the_server_there_is_a_fault(tmp_path_factory: pytest.TempPathFactory) -> None:
    """No time is better than a wrong one: what needs it needs the database too."""
    url = "postgresql+psycopg://nobody@127.0.0.1:1/none"
    database = Database(DatabasePolicy(tmp_path_factory.mktemp("home"), url, SECOND))

    with pytest.raises(Fault) as raised:
        SharedClock(database, wrong()).now()

    assert raised.value.reason is Reason.STORE_UNAVAILABLE
    database.close()


@pytest.mark.parametrize("is_shared", [True, False])
def test_wrong_clock_of_one_node_forgets_no_failures(server: Database, is_shared: bool) -> None:
    """Logins at a node a year ahead reset no count of the others; by its own clock they would."""
    right = Lockout(server, LOCKOUT, SharedClock(server, SystemClock()))
    ahead = Lockout(server, LOCKOUT, SharedClock(server, wrong()) if is_shared else wrong())
    for number in range(4):
        right.reserve(Attempt("margaret", f"192.0.{number}.1"))
    for number in range(10):
        right.reserve(Attempt(f"somebody-{number}", "198.51.100.7"))

    for number in range(3):
        attempt = Attempt("rosa", f"203.0.113.{number}")
        ahead.reserve(attempt)
        ahead.succeed(attempt)
    ahead.reserve(Attempt("margaret", "192.0.2.99"))

    failures, locked = right.lock("margaret").failures, right.in_force()["address"]
    assert (failures, locked) == ((5, 1) if is_shared else (1, 0))


@pytest.mark.parametrize("is_shared", [True, False])
def test_wrong_clock_of_one_node_ends_no_sessions(server: Database, is_shared: bool) -> None:
    """A login at a node a year ahead leaves the others' sessions; by its own clock it would end them."""
    policy = SessionPolicy(timedelta(hours=8))
    tenants = Tenants(server, SystemClock())
    tenants.add(TENANT, "First")
    accounts = Accounts(server, tenants, SystemClock(), lambda _: False)
    person = accounts.add("li.wei", TENANT, "hash", Identity())
    right = Sessions(server, policy, SharedClock(server, SystemClock()))
    secret, _ = right.begin(person)

    Sessions(server, policy, SharedClock(server, wrong()) if is_shared else wrong()).begin(person)

    if is_shared:
        assert right.resume(secret).account == person
    else:
        with pytest.raises(Refusal):
            right.resume(secret)

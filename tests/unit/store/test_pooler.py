"""A pooler in front of PostgreSQL runs each transaction in any server process: nothing goes wrong by it."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any, Self

import psycopg
import pytest
from sqlalchemy import func, literal_column, select, text

from tests.conftest import require_package
from tests.support import pgbouncer
from tests.support.fakes import AGENT, CUSTOMER, TENANT, FakeClock
from tests.support.parallel_threads import at_once
from tests.support.pgbouncer import Pooler, running_pooler
from tests.support.postgres import PostgresServer
from validator.accounts.account import Accounts
from validator.accounts.identity import Identity
from validator.causes import cause_of
from validator.errors import Fault, OperatorError
from validator.store import schema
from validator.store.database import Database, DatabasePolicy
from validator.store.signed import AnotherStatement
from validator.tenants import RecordStatus, Tenants
from validator.tokens.subject_state import SubjectStates

TIMEOUT = timedelta(seconds=2)
NAME = "pooled"
Opened = Callable[[str], Database]


@pytest.fixture(scope="module")
def pooler(postgres_server: PostgresServer) -> Iterator[Pooler]:
    """Run a PgBouncer with two connections to the tests' server, with no setting for this project."""
    require_package(pgbouncer.DEBIAN_PACKAGE, found=pgbouncer.program() is not None)
    with running_pooler(postgres_server) as running:
        yield running


@pytest.fixture(scope="module")
def disabled(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Make a database with one disabled account, an agent and a customer; yield its name."""
    url = postgres_server.create(NAME)
    database = Database(DatabasePolicy(tmp_path_factory.mktemp("pooled"), url, TIMEOUT))
    schema.upgrade(database)
    clock = FakeClock()
    tenants = Tenants(database, clock)
    tenants.add(TENANT, "First")
    accounts = Accounts(database, tenants, clock, lambda _: False)
    accounts.add("li.wei", TENANT, "no hash", Identity(AGENT.id, CUSTOMER.id, CUSTOMER.name))
    accounts.set_status("li.wei", RecordStatus.DISABLED)
    database.close()
    yield NAME
    postgres_server.drop(NAME)


def statuses(database: Database, times: int) -> set[RecordStatus | None]:
    """Return the states of the disabled account's agent and customer, queried in turn."""
    subject_states = SubjectStates(database)
    return {subject_states.of(subject).account_status for _ in range(times) for subject in (AGENT, CUSTOMER)}


def test_disabled_account_is_disabled_by_way_of_a_pooler(
    pooler: Pooler, disabled: str, opened: Opened
) -> None:
    """Eight clients query agent and customer at once over two server processes: every row is right."""
    databases = [opened(pooler.url(disabled)) for _ in range(8)]
    seen: list[set[RecordStatus | None]] = []
    waiting = iter(databases)

    failed = at_once(8, lambda: seen.append(statuses(next(waiting), 100)))

    assert failed == []
    assert seen == [{RecordStatus.DISABLED}] * 8


def prepare_five_texts(where: str) -> None:
    """Run five queries, each on a separate connection, as the driver does when it prepares every one."""
    for number in range(5):
        with psycopg.connect(where, autocommit=True, prepare_threshold=0) as connection:
            connection.execute(f"SELECT {number}")


def test_prepared_statements_do_collide_behind_it(pooler: Pooler, disabled: str) -> None:
    """Without the recognition of a pooler it goes wrong: two clients give two texts the same name."""
    where = f"{pooler.where} user=postgres dbname={disabled}"

    with pytest.raises(psycopg.errors.DuplicatePreparedStatement):
        prepare_five_texts(where)


def test_row_of_another_statement_is_no_answer(
    disabled: str, opened: Opened, postgres_server: PostgresServer
) -> None:
    """Where a pooler was not recognised, the row of another query is still refused, by its name."""
    database = opened(postgres_server.url(disabled))
    texts = [
        database.kept.compile(select(literal_column(f"'{name}'").label("name")))
        for name in ("agent", "customer")
    ]
    swapped = dict(zip(texts, reversed(texts), strict=True))

    class Mixed(psycopg.Cursor[Any]):
        def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
            return super().execute(swapped.get(query, query), params, **options)

    database.kept.get().cursor_factory = Mixed
    with pytest.raises(AnotherStatement):
        database.kept._fetch(texts[0], {}, 1.0)  # type: ignore[attr-defined]
    assert database.kept.fetch(texts[0], {}) == ("agent",)


def test_pooler_is_recognised(
    pooler: Pooler, disabled: str, opened: Opened, postgres_server: PostgresServer
) -> None:
    """Statements are prepared on a direct connection only, and there they are."""
    prepared = {}
    for url in (pooler.url(disabled), postgres_server.url(disabled)):
        database = opened(url)
        statuses(database, 10)
        kept = database.kept.get()
        prepared[url] = (kept.is_direct, kept.prepare_threshold)

    assert list(prepared.values()) == [(False, None), (True, 5)]


@pytest.mark.parametrize("setting", ["statement_timeout", "lock_timeout"])
def test_deadlines_hold_behind_a_pooler_and_stay_with_their_transaction(
    pooler: Pooler, disabled: str, opened: Opened, setting: str
) -> None:
    """Reads and writes run under the server's deadlines; the next client on that process has its own."""
    database = opened(pooler.url(disabled))
    show = select(func.current_setting(literal_column(f"'{setting}'")).label("value"))

    with database.read() as connection:
        of_read = connection.execute(show).scalar_one()
    with database.write() as connection:
        of_write = [connection.execute(show).scalar_one() for _ in range(2)]
    of_question = database.prepare(show).fetch({})
    others = {neighbour(pooler, disabled, setting) for _ in range(4)}

    assert {of_read, *of_write, *(of_question or ())} == {"1600ms"}
    assert others == {"0"}


def neighbour(pooler: Pooler, database: str, setting: str) -> str:
    """Return what *setting* is for another client of the pooler."""
    with psycopg.connect(f"{pooler.where} user=postgres dbname={database}") as connection:
        row = connection.execute(f"SELECT current_setting('{setting}')").fetchone()
    assert row is not None
    return str(row[0])


def test_write_behind_a_pooler_is_one_transaction(pooler: Pooler, disabled: str, opened: Opened) -> None:
    """What a failed write did is undone, and its error is the one that the database raised."""
    tenants = Tenants(opened(pooler.url(disabled)), FakeClock())

    with pytest.raises(OperatorError, match="exists"):
        tenants.add(TENANT, "Again")
    tenants.add("behind-a-pooler", "One more")

    assert [tenant.id for tenant in tenants.list()] == [TENANT, "behind-a-pooler"]


def test_slow_statement_is_ended_behind_a_pooler(pooler: Pooler, disabled: str, opened: Opened) -> None:
    """PostgreSQL itself ends what takes longer, so that abandoned statements do not pile up there."""
    database = opened(pooler.url(disabled))

    with pytest.raises(Fault) as raised, database.read() as connection:
        connection.execute(text("SELECT pg_sleep(30)"))

    assert cause_of(raised.value) == "canceling statement due to statement timeout"

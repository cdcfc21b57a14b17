"""Fixtures: a database for each test of a contract, on SQLite and a real PostgreSQL, and its parts."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, make_url, text

from tests.support.fakes import OTHER_TENANT, TENANT, FakeClock
from tests.support.postgres import PostgresServer
from validator.files import make_private_folder
from validator.keys.encryption import SecretEncryption
from validator.keys.index import IndexKeys
from validator.store import schema
from validator.store.database import Database, DatabasePolicy
from validator.tenants import Tenants

TIMEOUT = timedelta(seconds=5)
EACH_DATABASE = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture(params=EACH_DATABASE)
def empty_policy(request: pytest.FixtureRequest, tmp_path: Path) -> DatabasePolicy:
    """Return the settings of a separate empty database."""
    if request.param == "sqlite":
        return DatabasePolicy(tmp_path, "sqlite:///empty.db", TIMEOUT)
    return DatabasePolicy(tmp_path, request.getfixturevalue("postgres_database"), TIMEOUT)


@pytest.fixture
def empty_database(empty_policy: DatabasePolicy) -> Iterator[Database]:
    """Yield an empty database, without any table."""
    opened = Database(empty_policy)
    opened.make_file()
    yield opened
    opened.close()


@pytest.fixture(params=EACH_DATABASE)
def policy(request: pytest.FixtureRequest, tmp_path: Path) -> DatabasePolicy:
    """Return the settings of a separate database with the newest schema and no rows."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "validator.db")
        return DatabasePolicy(tmp_path, "sqlite:///validator.db", TIMEOUT)
    return DatabasePolicy(tmp_path, request.getfixturevalue("postgres_with_schema"), TIMEOUT)


@pytest.fixture
def database(policy: DatabasePolicy) -> Iterator[Database]:
    """Yield a database with the newest schema and no rows; delete all rows afterwards."""
    opened = Database(policy)
    yield opened
    if make_url(policy.url).drivername != "sqlite":
        with opened.write() as connection:
            _empty(connection)
    opened.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a SQLite file with the newest schema, only to be copied."""
    home = tmp_path_factory.mktemp("template")
    _upgrade(DatabasePolicy(home, "sqlite:///validator.db", TIMEOUT))
    return home / "validator.db"


@pytest.fixture(scope="session")
def postgres_with_schema(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URL of a PostgreSQL database with the newest schema, shared by a worker's tests."""
    url = postgres_server.create("contract")
    _upgrade(DatabasePolicy(tmp_path_factory.mktemp("postgres"), url, TIMEOUT))
    return url


def _empty(connection: Connection) -> None:
    """Delete every row except the schema's version, in any order of foreign keys."""
    names = connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars()
    connection.execute(text("SET LOCAL session_replication_role = replica"))
    for name in set(names) - {"alembic_version"}:
        connection.execute(text(f'DELETE FROM "{name}"'))


def _upgrade(policy: DatabasePolicy) -> None:
    opened = Database(policy)
    opened.make_file()
    schema.upgrade(opened)
    opened.close()


@pytest.fixture
def encryption(tmp_path: Path) -> SecretEncryption:
    """Return an encryption of secrets with a key."""
    make_private_folder(tmp_path / "keys")
    encryption = SecretEncryption(tmp_path / "keys")
    encryption.create()
    return encryption


@pytest.fixture
def tenants(database: Database, clock: FakeClock) -> Tenants:
    """Return the table of tenants with two tenants."""
    table = Tenants(database, clock)
    table.add(TENANT, "First")
    table.add(OTHER_TENANT, "Second")
    return table


@pytest.fixture
def keys(tmp_path: Path) -> IndexKeys:
    """Return the keys of blind indexes, with the first one."""
    keys = IndexKeys(tmp_path / "keys")
    keys.create()
    return keys

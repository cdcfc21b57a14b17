"""The schema: its steps lead from nothing to exactly what the rooms declare, on both databases."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, String, insert, inspect, select, text
from sqlalchemy.types import TypeEngine

import validator
from tests.support.fakes import START
from validator.errors import Fault, Reason
from validator.store import schema
from validator.store.database import Database, metadata

# Their import does something: a server is made, a program runs, a migration begins.
ACTING = ("validator.__main__", "validator.wsgi", "validator.store.migrations")


ACCOUNT = """
INSERT INTO accounts (id, login, tenant, password_hash, previous_hashes, status, epoch, user_account,
    created_at, password_changed_at)
VALUES (:id, :id, '1', '', '[]', 'active', 1, :agent, 12, 12)
"""

CHANNEL_OF_BEFORE = """
INSERT INTO channels (id, tenant, sealed_secret, origins, key_order, length_rule, status, created_at)
VALUES (:id, '1', :sealed, :origins, '[]', 'bytes', 'active', 0)
"""


def step_to(connection: Connection, version: str) -> None:
    """Bring an empty database to an older version."""
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).with_name("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


def import_every_owner() -> None:
    """Import every module, so that every table is on the metadata, whichever room owns it."""
    for module in pkgutil.walk_packages(validator.__path__, "validator."):
        if not module.name.startswith(ACTING):
            importlib.import_module(module.name)


def _compare_type(
    context: MigrationContext,
    _seen: object,
    _declared: object,
    found: TypeEngine[Any],
    wanted: TypeEngine[Any],
) -> bool | None:
    """Leave the comparison to alembic (None), but for a text's length, which means nothing in SQLite."""
    is_text = isinstance(found, String) and isinstance(wanted, String)
    return False if is_text and context.dialect.name == "sqlite" else None


def differences(database: Database) -> list[object]:
    """Return what alembic would change to make *database* what the rooms declare."""
    import_every_owner()
    with database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": _compare_type, "compare_server_default": True}
        )
        return list(compare_metadata(context, metadata))


def test_steps_give_what_the_rooms_declare(empty_database: Database) -> None:
    """From empty to the newest version there is no table, column, key or index too many or too few."""
    schema.upgrade(empty_database)

    assert differences(empty_database) == []


def test_primary_keys_are_what_the_rooms_declare(empty_database: Database) -> None:
    """Primary keys, which the comparison leaves out, are those of the declarations too."""
    schema.upgrade(empty_database)
    import_every_owner()

    with empty_database.read() as connection:
        seen = inspect(connection)
        found = {name: set(seen.get_pk_constraint(name)["constrained_columns"]) for name in metadata.tables}

    assert found == {
        name: {column.name for column in table.primary_key} for name, table in metadata.tables.items()
    }


@pytest.mark.parametrize(
    "change",
    [
        "DROP INDEX ix_sessions_expires_at",
        "ALTER TABLE tenants ADD COLUMN surplus INTEGER",
        "DROP TABLE channel_origins",
        "CREATE TABLE surplus (id INTEGER PRIMARY KEY)",
    ],
)
def test_a_difference_would_be_seen(empty_database: Database, change: str) -> None:
    """The comparison is not blind: a change by hand shows."""
    schema.upgrade(empty_database)
    with empty_database.write() as connection:
        connection.execute(text(change))

    assert differences(empty_database)


def test_names_follow_the_convention(empty_database: Database) -> None:
    """Keys have the names that a later step will look for, also where the database would invent some."""
    schema.upgrade(empty_database)

    with empty_database.read() as connection:
        seen = inspect(connection)
        uniques = {constraint["name"] for constraint in seen.get_unique_constraints("accounts")}
        primary = seen.get_pk_constraint("accounts")["name"]
        foreign = {key["name"] for key in seen.get_foreign_keys("accounts")}

    assert uniques == {"uq_accounts_login", "uq_accounts_tenant_user_account", "uq_accounts_tenant_user_id"}
    assert primary == "pk_accounts"
    assert foreign == {"fk_accounts_tenant_tenants"}


def test_upgrade_again_changes_nothing(empty_database: Database) -> None:
    """A second upgrade is no step, and every row is still there."""
    schema.upgrade(empty_database)
    tenants = metadata.tables["tenants"]
    with empty_database.write() as connection:
        connection.execute(
            text("INSERT INTO tenants (id, name, status, created_at) VALUES ('1', 'a', 'active', 0)")
        )

    schema.upgrade(empty_database)

    with empty_database.read() as connection:
        assert connection.execute(select(tenants.c.id)).scalars().all() == ["1"]
    assert schema.current(empty_database) == schema.newest()


def test_identities_of_before_become_links(empty_database: Database) -> None:
    """An account that was an agent before links existed is linked to it by the upgrade; no other is."""
    with empty_database.write() as connection:
        step_to(connection, "0002")
        connection.execute(
            text("INSERT INTO tenants (id, name, status, created_at) VALUES ('1', 'a', 'active', 0)")
        )
        for account, agent in (("a", "agent-7"), ("b", None)):
            values = {"id": account, "agent": agent}
            connection.execute(text(ACCOUNT), values)

    schema.upgrade(empty_database)

    with empty_database.read() as connection:
        links = connection.execute(text("SELECT * FROM account_links")).mappings().all()
    assert [dict(link) for link in links] == [
        {"tenant": "1", "user_account": "agent-7", "account": "a", "linked_at": 12}
    ]
    assert differences(empty_database) == []


def test_origins_of_before_are_found(empty_database: Database) -> None:
    """The upgrade moves the origins of each channel, in their order and each once."""
    with empty_database.write() as connection:
        step_to(connection, "0006")
        connection.execute(
            text("INSERT INTO tenants (id, name, status, created_at) VALUES ('1', 'a', 'active', 0)")
        )
        for channel, origins in (("a", '["https://b", "https://a", "https://b"]'), ("b", '["https://a"]')):
            connection.execute(text(CHANNEL_OF_BEFORE), {"id": channel, "sealed": b"", "origins": origins})

    schema.upgrade(empty_database)

    with empty_database.read() as connection:
        found = connection.execute(
            text("SELECT channel, origin, position FROM channel_origins ORDER BY 1, 3")
        )
        assert [tuple(row) for row in found] == [
            ("a", "https://b", 0),
            ("a", "https://a", 1),
            ("b", "https://a", 0),
        ]
    assert differences(empty_database) == []


def test_upgrade_that_fails_leaves_nothing(empty_database: Database) -> None:
    """A step that cannot be finished is undone whole, so that it can be tried again."""
    with empty_database.write() as connection:
        connection.execute(text("CREATE TABLE revocations (in_the_way INTEGER)"))

    with pytest.raises(Fault):
        schema.upgrade(empty_database)

    with empty_database.read() as connection:
        assert inspect(connection).get_table_names() == ["revocations"]
    with empty_database.write() as connection:
        connection.execute(text("DROP TABLE revocations"))
    schema.upgrade(empty_database)
    schema.check_newest(empty_database)


def test_newest_schema_passes(database: Database) -> None:
    """The version that this code needs is accepted."""
    schema.check_newest(database)

    assert schema.current(database) == schema.newest()


def test_empty_database_is_refused(empty_database: Database) -> None:
    """Without a schema every request is a fault, which names the command to run."""
    with pytest.raises(Fault, match=r"the schema is missing.*`validator db upgrade`") as raised:
        schema.check_newest(empty_database)

    assert raised.value.reason is Reason.STORE_UNAVAILABLE
    assert schema.current(empty_database) is None


@pytest.mark.parametrize("version", ["0000", "9999"])
def test_another_version_is_refused(empty_database: Database, version: str) -> None:
    """Neither an older schema nor a newer one is what this code was written for."""
    schema.upgrade(empty_database)
    with empty_database.write() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{version}'"))

    with pytest.raises(
        Fault, match=f"the schema is {version}, of another version.* {schema.newest()}"
    ) as raised:
        schema.check_newest(empty_database)

    assert raised.value.reason is Reason.STORE_UNAVAILABLE


def test_instants_are_whole_milliseconds_in_the_database(database: Database) -> None:
    """What is kept for an instant is a number that any tool can read: milliseconds since 1970."""
    tenants = metadata.tables["tenants"]
    with database.write() as connection:
        connection.execute(insert(tenants).values(id="1", name="a", status="active", created_at=START))

    with database.read() as connection:
        assert connection.execute(text("SELECT created_at FROM tenants")).scalar_one() == 1793763952263

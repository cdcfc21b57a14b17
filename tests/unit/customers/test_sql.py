"""The source `sql`: bound parameters, read-only, bounded, and an honest failure for everything else."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from structlog.testing import capture_logs

from tests.support.fakes import OTHER_TENANT, TENANT
from validator.customers.cataloguefile import parse_catalogue
from validator.customers.directory import Customer, Directory, Failed, Nobody, One, Several
from validator.customers.policy import CustomersPolicy
from validator.customers.sql import SqlSource
from validator.errors import Fault, Reason
from validator.numbers.reading import Number
from validator.shipped import shipped

MOBILE, HOTLINE = Number("+8613606254580"), Number("95588")
CATALOGUE = parse_catalogue(shipped("config/customers.toml").read_bytes())
LONG = timedelta(seconds=30)  # longer than a busy machine needs
QUERY = """
SELECT code AS id, phone AS number, title AS name, level FROM crm WHERE phone = :number AND space = :tenant
"""
SCRIPT = f"""
CREATE TABLE crm (code INTEGER, phone VARCHAR(32), title VARCHAR(64), level VARCHAR(16), space VARCHAR(64));
INSERT INTO crm VALUES (1, '{MOBILE.key}', ' Li Wei ', 'gold', '{TENANT}');
INSERT INTO crm VALUES (2, '{HOTLINE.key}', 'Wang Fang', NULL, '{TENANT}');
INSERT INTO crm VALUES (3, '{HOTLINE.key}', 'Zhao Min', 'black', '{TENANT}');
INSERT INTO crm VALUES (4, '{MOBILE.key}', 'of another', NULL, '{OTHER_TENANT}');
"""
LI = Customer("1", (MOBILE.key,), {"name": "Li Wei", "level": "gold"})


def policy_of(url: str, password: str | None = None, home: Path = Path("/nowhere")) -> CustomersPolicy:
    """Return the settings of a source at *url*."""
    return CustomersPolicy(
        "sql", CATALOGUE, timedelta(days=1), home, url, QUERY, sql_insecure=False, sql_password=password
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    with closing(sqlite3.connect(tmp_path / "crm.db")) as connection:
        connection.executescript(SCRIPT)
    return tmp_path / "crm.db"


@pytest.fixture
def policy(file: Path) -> CustomersPolicy:
    return policy_of(f"sqlite:///{file}")


def source(policy: CustomersPolicy, query: str | None = None) -> SqlSource:
    return SqlSource(policy if query is None else replace(policy, sql_query=query), "CN")


def rows_of(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM crm").fetchone()
        return int(count)


def fails(policy: CustomersPolicy, query: str) -> bool:
    """Return whether *query* raises the expected fault, which does not quote the number."""
    crm = source(policy, query)
    with capture_logs() as logs, pytest.raises(Fault) as raised:
        crm.find(TENANT, MOBILE, 6)
    crm.close()
    assert MOBILE.key[1:] not in f"{raised.value}{logs}"
    return raised.value.reason is Reason.SYSTEM_FAILED


def test_customer_is_found(policy: CustomersPolicy) -> None:
    """The columns become fields; nothing and several rows are as many customers."""
    crm = source(policy)

    assert crm.find(TENANT, MOBILE, 6) == [LI]
    assert [each.id for each in crm.find(TENANT, HOTLINE, 6)] == ["2", "3"]
    assert [each.id for each in crm.find(TENANT, HOTLINE, 1)] == ["2"]
    assert crm.find(TENANT, Number("1001"), 6) == []


def test_look_up_has_its_four_results(policy: CustomersPolicy) -> None:
    """None, one, several and failed are what they are for every source."""
    directory = Directory(source(policy), "CN", threads=4, budget=LONG)
    broken = Directory(source(policy, "SELECT nothing FROM nowhere"), "CN", threads=4, budget=LONG)

    assert directory.look_up(TENANT, "1001") == Nobody()
    assert directory.look_up(TENANT, "13606254580") == One(LI)
    assert isinstance(directory.look_up(TENANT, HOTLINE.key), Several)
    assert broken.look_up(TENANT, "1001") == Failed(Reason.SYSTEM_FAILED)


def test_parameters_are_bound(policy: CustomersPolicy, file: Path) -> None:
    """SQL in a tenant's id is a value; the control shows what it would find as a part of the text."""
    attack = "x' OR '1' = '1"

    with closing(sqlite3.connect(file)) as connection:
        pasted = connection.execute(f"SELECT * FROM crm WHERE space = '{attack}'").fetchall()

    assert len(pasted) == 4
    assert source(policy).find(attack, MOBILE, 6) == []


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM crm WHERE phone = :number AND space = :tenant RETURNING code AS id, phone AS number",
        f"{QUERY}); DELETE FROM crm; SELECT (1",
        f"{QUERY}; DELETE FROM crm",
        "SELECT :number AS number, :tenant AS id, readfile('/etc/passwd') AS name",
    ],
)
def test_query_cannot_write(policy: CustomersPolicy, file: Path, query: str) -> None:
    """Whatever is configured, it is one SELECT of a database that is opened read-only."""
    assert fails(policy, query)
    assert rows_of(file) == 4


def test_endless_result_is_bounded(policy: CustomersPolicy) -> None:
    """A query that matches everything costs no memory: the database stops after the rows that are wanted."""
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT i AS id, :number AS number, :tenant AS name FROM n"
    )

    assert len(source(policy, endless).find(TENANT, MOBILE, 6)) == 6


@pytest.mark.parametrize(
    "columns",
    [
        "1 AS id",
        ":number AS number",
        "1 AS id, :number AS number, 'x' AS surplus",
        "1 AS id, :number AS number, x'00' AS name",
    ],
)
def test_other_columns_are_a_failure(policy: CustomersPolicy, columns: str) -> None:
    """A missing or unknown column, and one of another type, is a failed look-up and not nobody."""
    assert fails(policy, f"SELECT {columns} WHERE :tenant <> :number")


def test_field_that_does_not_fit_is_left_out(policy: CustomersPolicy) -> None:
    """A value that the catalogue does not allow is not shown, and the log names its field."""
    with capture_logs() as logs:
        wang, zhao = source(policy).find(TENANT, HOTLINE, 6)

    assert (wang.values, zhao.values) == ({"name": "Wang Fang"}, {"name": "Zhao Min"})
    assert [entry["fields"] for entry in logs] == [["level"]]


def test_huge_value_is_left_out(policy: CustomersPolicy) -> None:
    """A text of ten million characters is not passed on."""
    query = "SELECT 1 AS id, :number AS number, hex(zeroblob(5000000)) AS name, :tenant AS note"

    (customer,) = source(policy, query).find(TENANT, MOBILE, 6)

    assert customer.values == {"note": TENANT}


def test_record_of_another_number_is_a_failure(policy: CustomersPolicy) -> None:
    """A query that returns another customer's record shows nothing; the control is the record itself."""
    lying = "SELECT code AS id, phone AS number FROM crm WHERE code = 2 AND :number <> :tenant"

    assert [each.id for each in source(policy, lying).find(TENANT, MOBILE, 6)] == ["2"]
    directory = Directory(source(policy, lying), "CN", threads=4, budget=LONG)
    assert directory.look_up(TENANT, "13606254580") == Failed(Reason.SYSTEM_FAILED)


def test_missing_database_is_a_failure_and_is_not_made(tmp_path: Path) -> None:
    """A database that is not there is a failure, and no empty one is made."""
    policy = policy_of(f"sqlite:///{tmp_path / 'none.db'}")

    assert fails(policy, QUERY)
    assert not (tmp_path / "none.db").exists()


def test_password_is_private() -> None:
    """The password is in the URL that is opened, and in no representation."""
    policy = policy_of("postgresql+psycopg://crm@db.test/crm", "hush-hush")

    assert policy.sql_resolved().password == "hush-hush"
    assert "hush-hush" not in repr(policy)


def test_relative_file_lies_in_the_home(file: Path) -> None:
    """A relative SQLite file is one of the home, as in `database.url`."""
    crm = source(policy_of("sqlite:///crm.db", home=file.parent))

    assert crm.find(TENANT, MOBILE, 6) == [LI]


@pytest.mark.slow
def test_postgresql_is_read_only_and_in_time(postgres_database: str) -> None:
    """On PostgreSQL a function cannot write, a slow statement ends in time, and no message has the number."""
    address = postgres_database.replace("+psycopg", "")
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(SCRIPT.encode())
        connection.execute(
            "CREATE FUNCTION spoil() RETURNS int AS 'DELETE FROM crm WHERE code = 4 RETURNING 1' LANGUAGE sql"
        )
        policy = policy_of(postgres_database)
        crm = source(policy)
        assert crm.find(TENANT, MOBILE, 6) == [LI]
        assert [each.id for each in crm.find(TENANT, HOTLINE, 6)] == ["2", "3"]
        crm.close()

        writing = "SELECT spoil() AS id, :number AS number, :tenant AS name"
        assert fails(policy, writing)
        assert connection.execute("SELECT count(*) FROM crm").fetchone() == (4,)
        connection.execute("SELECT spoil()")  # the control: the function does write
        assert connection.execute("SELECT count(*) FROM crm").fetchone() == (3,)

        assert fails(policy, "SELECT 1 AS id, CAST(:number AS date) AS number, :tenant AS name")
        sleeping = "SELECT pg_sleep(20)::text AS name, 1 AS id, :number AS number, :tenant AS note"
        crm = source(policy, sleeping)
        with pytest.raises(TimeoutError):
            crm.find(TENANT, MOBILE, 6)
        crm.close()

"""The cloud's query and the card with PostgreSQL as the source: one that is down, stalled, slow or lying."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from tests.http.test_customer_card import look_up, only
from tests.http.test_query_customer import NUMBER, ask, names, queries, settings_with
from tests.support.answers import problem
from tests.support.fakes import TENANT, Enterprise
from tests.support.postgres import PostgresServer
from validator.clock import stopwatch
from validator.errors import Reason

LONG = timedelta(seconds=30)  # longer than a busy machine needs
SECONDS = 2  # the longest that the cloud waits
KEY = f"+86{NUMBER}"
SCRIPT = f"""
CREATE TABLE crm (code INTEGER, phone TEXT, title TEXT, space TEXT);
INSERT INTO crm VALUES (1, '{KEY}', '欧阳静', '{TENANT}'), (2, '+8613606254581', '王芳', '{TENANT}');
"""
QUERY = "SELECT code AS id, phone AS number, title AS name FROM crm WHERE phone = :number AND space = :tenant"

Found = Callable[[str, str], Enterprise]


@pytest.fixture(scope="module")
def crm(postgres_server: PostgresServer) -> Iterator[str]:
    """Yield the URL of a database with customers, which no test changes."""
    url = postgres_server.create("crm_of_queries")
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(SCRIPT.encode())
    yield url
    postgres_server.drop("crm_of_queries")


@pytest.fixture
def found(found_enterprise: Callable[..., Enterprise], tmp_path: Path) -> Found:
    """Return a function that founds an enterprise with a database and a query as the source."""

    def make(url: str, query: str) -> Enterprise:
        settings = {
            "customers.source": "sql",
            "customers.sql_url": url,
            "customers.sql_query": query,
            "customers.card": "true",
        }
        return found_enterprise(settings_with(tmp_path, settings))

    return make


def give_time(enterprise: Enterprise) -> Enterprise:
    """Let a look-up take longer than a busy machine needs."""
    assert enterprise.services.directory is not None
    enterprise.services.directory._budget = LONG
    return enterprise


def test_customer_of_the_database_is_shown(found: Found, crm: str) -> None:
    """Cloud and card get the customer, and nobody is an empty list: the control of the failures below."""
    enterprise = give_time(found(crm, QUERY))

    assert names(ask(enterprise, f"0{NUMBER}")) == ["欧阳静"]
    assert only(look_up(enterprise.person()))["fields"][0]["value"] == "欧阳静"
    assert names(ask(enterprise, "13606254589")) == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT code AS id, phone AS number, title AS name FROM crm WHERE code = 2 AND :number <> :tenant",
        "SELECT code AS id, phone AS number, ARRAY[title] AS name FROM crm WHERE :number <> :tenant",
        "SELECT code AS id, title AS name FROM crm WHERE :number <> :tenant",
        "SELECT code AS id, phone AS number FROM missing WHERE :number <> :tenant",
        "SELECT 1 / 0 AS id, phone AS number FROM crm WHERE :number <> :tenant",
    ],
    ids=["another's record", "wrong type", "without a number", "no such table", "error"],
)
def test_faulty_database_is_unavailable(
    found: Found, crm: str, query: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each fault is 503 for cloud and card, and recorded as a failed system, without number and customer."""
    enterprise = give_time(found(crm, query))

    answer, card = ask(enterprise), look_up(enterprise.person())

    assert (answer.status_code, answer.data, answer.headers["Retry-After"]) == (503, b"[]", "1")
    assert problem(card, 503)["type"] == "urn:validator:problem:unavailable"
    assert queries(enterprise)[-1]["reason"] == Reason.SYSTEM_FAILED
    said = f"{''.join(capfd.readouterr())}{enterprise.trail()}"
    assert [text for text in (NUMBER, "欧阳静", "王芳") if text in said] == []


def test_huge_value_is_left_out(found: Found, crm: str) -> None:
    """Ten megabytes in a field are not passed on; the other fields are."""
    query = (
        "SELECT code AS id, phone AS number, title AS name, repeat('x', 10000000) AS level FROM crm "
        "WHERE phone = :number AND space = :tenant"
    )

    answer = ask(give_time(found(crm, query)))

    assert names(answer) == ["欧阳静"]
    assert len(answer.data) < 1000


def test_lost_connections_are_replaced(found: Found, crm: str, postgres_server: PostgresServer) -> None:
    """A restart of the database, which ends every connection, fails no query after it."""
    enterprise = give_time(found(crm, QUERY))
    assert names(ask(enterprise)) == ["欧阳静"]

    ended = postgres_server.value(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE datname = 'crm_of_queries'"
    )

    assert ended >= 1
    assert names(ask(enterprise)) == ["欧阳静"]


def test_database_that_is_down_is_unavailable(found: Found) -> None:
    """A port where nobody listens is a failed system."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = server.getsockname()[1]
    enterprise = give_time(found(f"postgresql+psycopg://crm@127.0.0.1:{port}/crm", QUERY))

    assert (ask(enterprise).status_code, queries(enterprise)[-1]["reason"]) == (503, Reason.SYSTEM_FAILED)


@pytest.mark.timed
@pytest.mark.slow
@pytest.mark.parametrize("fault", ["silent", "slow"])
def test_late_database_is_given_up(found: Found, crm: str, fault: str) -> None:
    """A database that takes connections and is silent, and a slow query: 503 in time for cloud and card."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        silent = f"postgresql+psycopg://crm@127.0.0.1:{server.getsockname()[1]}/crm"
        slow = (
            "SELECT code AS id, phone AS number, pg_sleep(20)::text AS name FROM crm WHERE :number <> :tenant"
        )
        enterprise = found(silent, QUERY) if fault == "silent" else found(crm, slow)
        browser = enterprise.person()

        began = stopwatch()
        with ThreadPoolExecutor(2) as threads:
            cloud, card = threads.submit(ask, enterprise), threads.submit(look_up, browser)
        late = ask(enterprise)  # not asked again so soon
        took = stopwatch() - began

    assert {(each.status_code, each.data) for each in (cloud.result(), late)} == {(503, b"[]")}
    assert problem(card.result(), 503)["type"] == "urn:validator:problem:unavailable"
    first, second = (entry["reason"] for entry in queries(enterprise))
    # A connection that is given up has its slot until the driver's own timeout.
    assert (first, second in (Reason.SYSTEM_SILENT, Reason.SYSTEM_BUSY)) == (Reason.SYSTEM_SILENT, True)
    assert took < SECONDS

"""Calls that were seen and whose record did not come; on both databases."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from tests.support.call_records import CALL, POLICY
from tests.support.fakes import OTHER_TENANT, TENANT, FakeClock
from validator.callcentre.expected import PATIENCE, ExpectedCalls
from validator.callcentre.record import CallRecord
from validator.callcentre.records import CallRecords
from validator.keys.encryption import SecretEncryption
from validator.keys.index import IndexKeys
from validator.store.database import Database
from validator.tenants import Tenants

KEEP = timedelta(days=180)


@pytest.fixture
def expected(database: Database, clock: FakeClock, tenants: Tenants) -> ExpectedCalls:
    return ExpectedCalls(database, clock, POLICY)


def test_call_without_a_record_is_missing_after_an_hour(
    expected: ExpectedCalls,
    database: Database,
    encryption: SecretEncryption,
    keys: IndexKeys,
    clock: FakeClock,
) -> None:
    """Not before, not when it came from another source, and not any more once it came, however late."""
    records = CallRecords(database, encryption, keys, clock, KEEP, "CN")
    expected.expect(None, TENANT, "ctibar", CALL, clock.now())
    clock.advance(minutes=59)
    records.put(TENANT, "other", CallRecord(CALL))
    records.put(OTHER_TENANT, "ctibar", CallRecord(CALL))
    assert (expected.count_missing(), expected.missing(TENANT, 10)) == (0, [])

    clock.advance(minutes=1)
    assert expected.count_missing() == 1
    assert [each.call for each in expected.missing(TENANT, 10)] == [CALL]
    assert expected.missing(OTHER_TENANT, 10) == []
    records.put(TENANT, "ctibar", CallRecord(CALL))
    assert expected.count_missing() == 0


def test_record_that_came_first_is_not_missing(
    expected: ExpectedCalls,
    database: Database,
    encryption: SecretEncryption,
    keys: IndexKeys,
    clock: FakeClock,
) -> None:
    """The push may be faster than the agent's page; a call seen twice is one, from the first time on."""
    records = CallRecords(database, encryption, keys, clock, KEEP, "CN")
    records.put(TENANT, "ctibar", CallRecord("fast"))
    expected.expect(None, TENANT, "ctibar", "fast", clock.now())
    expected.expect(None, TENANT, "ctibar", CALL, clock.now())
    clock.advance(hours=1)
    with database.write() as connection:
        expected.expect(connection, TENANT, "ctibar", CALL, clock.now())

    assert [each.call for each in expected.missing(TENANT, 10)] == [CALL]


def test_missing_calls_are_reported_for_a_week(expected: ExpectedCalls, clock: FakeClock) -> None:
    """What was not found by then is forgotten, so that the list and the gauge mean something."""
    expected.expect(None, TENANT, "ctibar", CALL, clock.now())
    clock.advance(days=7)
    assert expected.count_missing() == 1
    clock.advance(minutes=1)

    assert expected.count_missing() == 0


def test_nothing_is_expected_of_a_source_without_a_route(
    database: Database, clock: FakeClock, tenants: Tenants
) -> None:
    """Where no records are received, none is missing; the control has the route."""
    without = ExpectedCalls(database, clock, replace(POLICY, routes={}))
    without.note(TENANT, "ctibar", CALL, clock.now())
    clock.advance(hours=1)
    assert without.count_missing() == 0

    ExpectedCalls(database, clock, POLICY).note(TENANT, "ctibar", CALL, clock.now() - PATIENCE)
    assert without.count_missing() == 1


def test_note_never_fails_a_call(expected: ExpectedCalls, clock: FakeClock, database: Database) -> None:
    """The call is made already: without the database its record is not expected, and that is logged."""
    with database.write() as connection:
        connection.execute(text("ALTER TABLE call_expected RENAME TO call_expected_away"))
    try:
        with capture_logs() as lines:
            expected.note(TENANT, "ctibar", CALL, clock.now())
    finally:
        with database.write() as connection:
            connection.execute(text("ALTER TABLE call_expected_away RENAME TO call_expected"))

    assert [line["reason"] for line in lines] == ["store_unavailable"]

"""The stored call records: repeats, revisions, their order, what finds and erases them; on both databases."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, select, text

from tests.support.call_records import CALL, CUSTOMER, EXTENSION, LINE, RECORDING
from tests.support.fakes import OTHER_TENANT, TENANT, FakeClock
from validator.callcentre.record import CallRecord
from validator.callcentre.records import MAX_REVISIONS, CallRecords, Result, Wanted
from validator.callcentre.tables import numbers as numbers_table
from validator.callcentre.tables import records as table
from validator.errors import Fault, Reason
from validator.keys.encryption import SecretEncryption
from validator.keys.index import IndexKeys
from validator.store.database import Database
from validator.tenants import Tenants
from validator.webhooks.messages import WAITING, Messages
from validator.webhooks.outbox import Outbox

KEEP = timedelta(days=180)
CTIBAR = "ctibar"
FIRST = {"caller": EXTENSION, "callee": CUSTOMER, "pstn": LINE, "stereoRecordFile": RECORDING}


class Heard:
    """Remembers the events of records."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, Mapping[str, Any]]] = []
        self.refuses = False

    def add(self, connection: Connection, tenant: str, kind: str, data: Mapping[str, Any], at: Any) -> None:
        if self.refuses:
            raise Fault(Reason.STORE_UNAVAILABLE)
        self.events.append((tenant, kind, data))

    def erase(self, *_: object) -> int:
        return 0


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def records(
    database: Database,
    encryption: SecretEncryption,
    keys: IndexKeys,
    clock: FakeClock,
    tenants: Tenants,
    heard: Heard,
) -> CallRecords:
    return CallRecords(database, encryption, keys, clock, KEEP, "CN", heard)


def a_call(call: str = CALL, **fields: Any) -> CallRecord:
    return CallRecord(call, {**FIRST, **fields}, {})


def found(records: CallRecords, *, every: bool = False, **wanted: Any) -> list[tuple[str, int, Any]]:
    """Return the call, the revision and the duration of each record that is *wanted*."""
    kept = records.find(Wanted(wanted.pop("tenant", TENANT), **wanted), 100, every_revision=every)
    return [(each.record.call, each.revision, each.record.fields.get("duration")) for each in kept]


def test_same_content_is_stored_once(records: CallRecords, heard: Heard) -> None:
    """A repeat stores nothing, nor does a late repeat of an older revision: the last one stays the last."""
    results = [records.put(TENANT, CTIBAR, a_call(duration=seconds)) for seconds in (5, 5, 6, 5, 6)]

    assert results == [
        Result.CREATED,
        Result.REPEATED,
        Result.REVISED,
        Result.REPEATED,
        Result.REPEATED,
    ]
    assert found(records) == [(CALL, 2, 6)]
    assert found(records, every=True) == [(CALL, 2, 6), (CALL, 1, 5)]
    assert [(tenant, kind, data["revision"]) for tenant, kind, data in heard.events] == [
        (TENANT, "callrecord.created", 1),
        (TENANT, "callrecord.revised", 2),
    ]


def test_last_is_what_arrived_last(records: CallRecords, clock: FakeClock) -> None:
    """Nothing in a record dates it: of two contents the one that arrived later is shown, all are stored."""
    records.put(TENANT, CTIBAR, a_call(duration=6, endTime="2026-11-04T03:45:06.000Z"))
    clock.advance(hours=-1)  # a clock that is set back changes no order either
    records.put(TENANT, CTIBAR, a_call(duration=5, endTime="2026-11-04T03:45:05.000Z"))

    assert found(records) == [(CALL, 2, 5)]


def test_record_is_of_one_tenant_and_source(records: CallRecords) -> None:
    """The same call of another tenant space or source is another record."""
    places = [(TENANT, CTIBAR), (OTHER_TENANT, CTIBAR), (TENANT, "other")]

    assert [records.put(*place, a_call()) for place in places] == [Result.CREATED] * 3
    assert found(records, tenant=OTHER_TENANT) == [(CALL, 1, None)]
    assert len(found(records)) == 2
    assert len(found(records, source=CTIBAR)) == 1


def test_revisions_have_an_end(records: CallRecords) -> None:
    """A sender that changes one record for ever fills nothing; repeats are still recognised."""
    results = [records.put(TENANT, CTIBAR, a_call(duration=each)) for each in range(MAX_REVISIONS + 1)]

    assert results[-2:] == [Result.REVISED, Result.TOO_MANY]
    assert records.put(TENANT, CTIBAR, a_call(duration=0)) is Result.REPEATED
    assert len(found(records, every=True)) == MAX_REVISIONS


def test_record_is_found_by_every_spelling_of_its_numbers(records: CallRecords) -> None:
    """By caller, callee and line, in that tenant space only; a text that is no number finds itself."""
    records.put(TENANT, CTIBAR, a_call())
    records.put(TENANT, CTIBAR, a_call("other", caller="sip:anonymous", callee="13606254589", pstn=""))

    spellings = (CUSTOMER, f"+86 {CUSTOMER}", f"0{CUSTOMER}", EXTENSION, LINE, f"+86{LINE[1:]}")
    assert [len(found(records, number=each)) for each in spellings] == [1] * len(spellings)
    assert [call for call, _, _ in found(records, number="sip:anonymous")] == ["other"]
    assert found(records, number="13606254588") == []
    assert found(records, tenant=OTHER_TENANT, number=CUSTOMER) == []


def test_numbers_are_nowhere_in_the_tables(records: CallRecords, database: Database) -> None:
    """No column of any row has a number or the name of a recording; the control finds the call's id."""
    records.put(TENANT, CTIBAR, a_call())
    with database.read() as connection:
        rows = [
            *connection.execute(select(table)).all(),
            *connection.execute(select(numbers_table)).all(),
        ]
    stored = repr([tuple(row) for row in rows])

    assert CALL in stored
    assert [each for each in (CUSTOMER, LINE, "recordings") if each in stored] == []
    assert len(rows) == 1 + 3


def test_entries_of_calls_are_not_those_of_customers(
    records: CallRecords, database: Database, keys: IndexKeys
) -> None:
    """Without the keys nobody can say which stored customer called: the same number has another entry."""
    records.put(TENANT, CTIBAR, a_call())
    with database.read() as connection:
        entries = {bytes(row.number) for row in connection.execute(select(numbers_table))}

    assert keys.digests(TENANT, f"+86{CUSTOMER}")[0] not in entries
    assert keys.digests(TENANT, f"call:+86{CUSTOMER}")[0] in entries


def test_number_is_erased_with_every_revision_of_its_calls(records: CallRecords, database: Database) -> None:
    """Also a revision that names another number; the other calls stay, and so do those of a line."""
    records.put(TENANT, CTIBAR, a_call(callee="13606254589"))
    records.put(TENANT, CTIBAR, a_call())
    records.put(TENANT, CTIBAR, a_call("other", callee="13606254588"))
    records.put(OTHER_TENANT, CTIBAR, a_call())

    assert records.erase(TENANT, LINE) == 0
    assert records.erase(TENANT, "0086 136-0625-4589") == 1
    assert [call for call, _, _ in found(records, every=True)] == ["other"]
    assert len(found(records, tenant=OTHER_TENANT)) == 1
    assert records.erase_all(TENANT) == 1
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM call_record_numbers")).scalar_one() == 3


def test_erased_records_are_not_passed_on(
    database: Database, encryption: SecretEncryption, keys: IndexKeys, clock: FakeClock, tenants: Tenants
) -> None:
    """A message about an erased call does not wait any more: the enterprise's system never gets it."""
    outbox, stored = Outbox(encryption, is_on=True), Messages(database)
    records = CallRecords(database, encryption, keys, clock, KEEP, "CN", outbox)
    for tenant in (TENANT, OTHER_TENANT):
        records.put(tenant, CTIBAR, a_call())
        records.put(tenant, CTIBAR, a_call("other", callee="13606254588"))
    assert stored.summary().waiting == 4

    records.erase(TENANT, CUSTOMER)
    assert stored.summary().waiting == 3
    records.erase_all(TENANT)

    assert {each.tenant for each in stored.list(WAITING, 10)} == {OTHER_TENANT}


def test_old_records_are_not_shown_and_are_deleted(
    records: CallRecords, clock: FakeClock, database: Database
) -> None:
    """After `callrecords.keep` a record is shown no more; the next push deletes it, or `purge` does."""
    records.put(TENANT, CTIBAR, a_call("old"))
    clock.advance(days=181)
    assert found(records) == []
    assert records.overdue() == 1

    records.put(TENANT, CTIBAR, a_call("new"))
    assert records.overdue() == 0
    clock.advance(days=181)
    assert records.purge() == 1
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM call_record_numbers")).scalar_one() == 0


def test_record_that_a_wrong_clock_dated_ahead_gets_old(records: CallRecords, clock: FakeClock) -> None:
    """A record received "in the future" is dated to the present, so that it is not stored for ever."""
    clock.advance(days=3650)
    records.put(TENANT, CTIBAR, a_call())
    clock.advance(days=-3650)

    assert records.purge() == 0
    clock.advance(days=181)
    assert records.purge() == 1


def test_nothing_is_stored_without_its_event(records: CallRecords, heard: Heard) -> None:
    """The event is part of the transaction: when it cannot be stored, neither is the record."""
    heard.refuses = True
    with pytest.raises(Fault):
        records.put(TENANT, CTIBAR, a_call())
    assert found(records) == []

    heard.refuses = False
    assert records.put(TENANT, CTIBAR, a_call()) is Result.CREATED


def test_records_are_found_after_a_rotation_of_the_index_key(records: CallRecords, keys: IndexKeys) -> None:
    """Every entry is made again with the new key; the old one, destroyed, is needed for nothing."""
    for call in ("a", "b"):
        records.put(TENANT, CTIBAR, a_call(call))
    key = keys.rotate()

    assert list(records.reindex(key)) == [2]
    keys.finish()
    assert len(found(records, number=CUSTOMER)) == 2
    assert records.put(TENANT, CTIBAR, a_call("a")) is Result.REPEATED
    assert list(records.reindex(key)) == []


def test_foreign_index_key_is_a_fault(records: CallRecords, keys: IndexKeys) -> None:
    """With another node's key nobody is found: that must not look like "nobody called"."""
    records.put(TENANT, CTIBAR, a_call())
    keys.rotate()
    keys.finish()

    with pytest.raises(Fault):
        found(records, number=CUSTOMER)
    assert len(found(records)) == 1


def test_concurrent_pushes_of_a_call_queue(records: CallRecords) -> None:
    """Of the same content at the same moment one is stored; of different contents each is one revision."""
    with ThreadPoolExecutor(8) as pool:
        same = list(pool.map(lambda _: records.put(TENANT, CTIBAR, a_call()), range(8)))
        different = list(
            pool.map(lambda each: records.put(TENANT, CTIBAR, a_call("other", duration=each)), range(3))
        )

    assert sorted(same) == [Result.CREATED, *[Result.REPEATED] * 7]
    assert sorted(different) == [Result.CREATED, Result.REVISED, Result.REVISED]
    assert sorted(revision for call, revision, _ in found(records, every=True) if call == "other") == [
        1,
        2,
        3,
    ]
    assert sorted(call for call, _, _ in found(records)) == sorted([CALL, "other"])

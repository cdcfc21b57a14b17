"""The stored call records: every revision of each, sealed, found by blind indexes of their numbers.

A record is known by tenant space, source and call. A push with the content of any stored revision is a
repeat, and stores nothing, whenever it comes. Any other content is a new revision. The last revision is the
one that arrived last: the sender numbers and dates nothing, so its order is not known otherwise.

A revision is one ciphertext, bound to its row and tenant. The numbers of its parties and its line have blind
indexes, which differ from those of customers' numbers: without the keys, nobody can say which customer
called.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Connection, Row, Select, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from validator.callcentre.indexing import NumberIndex, open_content, open_kept, purpose
from validator.callcentre.record import CallRecord, KeptRecord, shown
from validator.callcentre.tables import expected, numbers, records
from validator.clock import Clock, to_milliseconds
from validator.errors import Fault, Reason, Refusal
from validator.keys.encryption import Cipher, SecretEncryption
from validator.keys.index import FILE, IndexKey, IndexKeys
from validator.store.database import Database

BATCH = 500
MAX_REVISIONS = 20  # of one record
_ATTEMPTS = 3  # two pushes of one call at the same moment: the second one reads the first
_OLD_AT_ONCE = 200  # deleted with each push
_NEWEST = select(records.c.index_key).order_by(records.c.record.desc()).limit(1)
_FOREIGN = (
    f"{FILE} is not that of the stored call records: copy it from the node that made them, or run "
    "`validator keys rotate --index`"
)


class Result(StrEnum):
    """What became of a pushed record."""

    CREATED = "created"
    REVISED = "revised"
    REPEATED = "repeated"
    TOO_MANY = "too_many"  # revisions of one record: nothing is stored

    def check(self) -> None:
        """Raise Refusal when the record had too many revisions."""
        if self is Result.TOO_MANY:
            raise Refusal(Reason.FIELD_INVALID, f"callId: has {MAX_REVISIONS} revisions already")


class Listener(Protocol):
    """Who learns of each new revision, within the transaction that stores it."""

    def add(
        self, connection: Connection, tenant: str, kind: str, data: Mapping[str, Any], at: datetime, /
    ) -> None:
        """Take an event of a *kind* with its *data*, which happened *at*."""
        ...

    def erase(
        self, connection: Connection, tenant: str, matches: Callable[[Mapping[str, Any]], bool], /
    ) -> int:
        """Forget the events whose data *matches*."""
        ...


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are wanted; None and "" are any."""

    tenant: str
    source: str = ""
    call: str = ""
    number: str = ""
    since: datetime | None = None


class CallRecords:
    """The tables of call records."""

    def __init__(
        self,
        database: Database,
        encryption: SecretEncryption,
        keys: IndexKeys,
        clock: Clock,
        keep: timedelta,
        region: str,
        listener: Listener | None = None,
    ) -> None:
        """Store records until *keep* after their receipt; *region* is that of numbers without a country."""
        self._database, self._encryption, self._keys, self._clock = database, encryption, keys, clock
        self._keep, self._listener = keep, listener
        self._index = NumberIndex(keys, region)

    def put(self, tenant: str, source: str, record: CallRecord) -> Result:
        """Store *record*, unless it is stored already; when this returns it is on the disk.

        Raises Fault when it is not.
        """
        for _ in range(_ATTEMPTS):
            try:
                return self._put(tenant, source, record)
            except IntegrityError:  # the same call was stored since it was read
                continue
        raise Fault(Reason.STORE_UNAVAILABLE, "a call's record is pushed by several senders at once")

    def find(self, wanted: Wanted, maximum: int, *, every_revision: bool = False) -> list[KeptRecord]:
        """Return at most *maximum* records that are *wanted*, the newest first, by their last revision.

        Raises Fault(KEYS_UNAVAILABLE) when this node has another index key than the records.
        """
        return [
            kept
            for kept, _ in zip(
                self.every(wanted, every_revision=every_revision, size=min(maximum, BATCH)),
                range(maximum),
                strict=False,
            )
        ]

    def every(
        self, wanted: Wanted, *, every_revision: bool = False, size: int = BATCH
    ) -> Iterator[KeptRecord]:
        """Yield what `find` returns, all of it, *size* of it in memory at a time."""
        query = self._query(wanted, every_revision=every_revision).order_by(records.c.record.desc())
        last, cipher = None, self._encryption.cipher()
        while True:
            page = query if last is None else query.where(records.c.record < last)
            with self._database.confirmed() as connection:
                rows = connection.execute(page.limit(size)).all()
                newest = None if rows or last else connection.execute(_NEWEST).scalar()
            if newest is not None and newest not in {key.id for key in self._keys.list()}:
                raise Fault(Reason.KEYS_UNAVAILABLE, _FOREIGN)
            if not rows:
                return
            yield from (open_kept(row, cipher) for row in rows)
            last = rows[-1].record

    def erase(self, tenant: str, number: str) -> int:
        """Erase every revision of each call with the party *number*; return how many calls.

        The calls of a line are not erased by the number of the line.
        """
        digests = self._index.of_party(tenant, number)
        holders = select(numbers.c.record).where(numbers.c.number.in_(digests))
        found = (
            select(records.c.source, records.c.call)
            .distinct()
            .where(records.c.record.in_(holders), records.c.tenant == tenant)
        )
        with self._database.durable_write(self._clock.now()) as connection:
            calls = connection.execute(found).all()
            for source, call in calls:
                connection.execute(delete(records).where(*_of_call(tenant, source, call)))
                connection.execute(delete(expected).where(*_of_call(tenant, source, call, expected)))
            erased = {(source, call) for source, call in calls}
            if self._listener is not None:
                self._listener.erase(connection, tenant, lambda data: _call_in(data) in erased)
        return len(calls)

    def erase_all(self, tenant: str) -> int:
        """Erase every record of *tenant*; return how many revisions there were."""
        if self._listener is not None:
            with self._database.durable_write(self._clock.now()) as connection:
                self._listener.erase(connection, tenant, lambda data: _call_in(data) != (None, None))
        return self._delete(records.c.tenant == tenant)

    def purge(self) -> int:
        """Delete the revisions, of every tenant, that were received too long ago; return how many."""
        now = self._clock.now()
        ahead = records.c.received_at > now  # by a clock that was wrong: from now on they get older
        with self._database.write() as connection:
            connection.execute(update(records).where(ahead).values(received_at=now))
        return self._delete(records.c.received_at < now - self._keep)

    def overdue(self) -> int:
        """Return how many revisions, of every tenant, were received too long ago."""
        old = records.c.received_at < self._clock.now() - self._keep
        with self._database.confirmed() as connection:
            return connection.execute(select(func.count()).select_from(records).where(old)).scalar_one()

    def reindex(self, key: IndexKey) -> Iterator[int]:
        """Make the entries of every revision again with *key*, reading numbers anew; yield how many are done.

        Revisions that are pushed meanwhile have that key already.
        """
        done, cipher = 0, self._encryption.cipher()
        others = select(records).where(records.c.index_key != key.id).limit(BATCH).with_for_update()
        while True:
            with self._database.write() as connection:
                rows = connection.execute(others).all()
                if rows:
                    self._reindex(connection, rows, key, cipher)
            if not rows:
                return
            done += len(rows)
            yield done

    def _put(self, tenant: str, source: str, record: CallRecord) -> Result:
        cipher, content = self._encryption.cipher(), record.content
        with self._database.write() as connection:
            query = select(records).where(*_of_call(tenant, source, record.call))
            rows = connection.execute(query.order_by(records.c.revision)).all()
            if any(open_content(row, cipher) == content for row in rows):
                return Result.REPEATED
            if len(rows) >= MAX_REVISIONS:
                return Result.TOO_MANY
            revision = rows[-1].revision + 1 if rows else 1
            connection.execute(
                update(records).where(*_of_call(tenant, source, record.call)).values(is_last=False)
            )
            kept = KeptRecord(tenant, source, revision, self._clock.now(), is_last=True, record=record)
            self._insert(connection, kept, cipher)
            self._forget(connection)
        return Result.REVISED if rows else Result.CREATED

    def _insert(self, connection: Connection, kept: KeptRecord, cipher: Cipher) -> None:
        key = self._keys.list()[0]
        # They sort by time and revision: records are listed by it, and written one page after the other.
        row = f"{to_milliseconds(kept.received_at):012x}{kept.revision:04x}{secrets.token_hex(8)}"
        values = {
            "record": row,
            "tenant": kept.tenant,
            "source": kept.source,
            "call": kept.record.call,
            "revision": kept.revision,
            "is_last": True,
            "index_key": key.id,
            "sealed": cipher.encrypt(kept.record.content, purpose(kept.tenant, row)),
            "received_at": kept.received_at,
        }
        connection.execute(insert(records).values(values))
        entries = self._index.entries(kept.tenant, row, kept.record, key)
        if entries:
            connection.execute(insert(numbers), entries)
        if self._listener is not None:
            event = "callrecord.revised" if kept.revision > 1 else "callrecord.created"
            self._listener.add(connection, kept.tenant, event, shown(kept), kept.received_at)

    def _forget(self, connection: Connection) -> None:
        """Delete a few revisions that were received too long ago."""
        old = select(records.c.record).where(records.c.received_at < self._clock.now() - self._keep)
        connection.execute(delete(records).where(records.c.record.in_(old.limit(_OLD_AT_ONCE))))

    def _query(self, wanted: Wanted, *, every_revision: bool) -> Select[Any]:
        query = select(records).where(
            records.c.tenant == wanted.tenant, records.c.received_at >= self._clock.now() - self._keep
        )
        if not every_revision:
            query = query.where(records.c.is_last)
        if wanted.source:
            query = query.where(records.c.source == wanted.source)
        if wanted.call:
            query = query.where(records.c.call == wanted.call)
        if wanted.since:
            query = query.where(records.c.received_at >= wanted.since)
        if wanted.number:
            digests = self._index.of_number(wanted.tenant, wanted.number)
            holders = select(numbers.c.record).where(numbers.c.number.in_(digests))
            query = query.where(records.c.record.in_(holders))
        return query

    def _delete(self, condition: Any) -> int:
        deleted, query = 0, select(records.c.record).where(condition).limit(BATCH)
        while True:
            with self._database.durable_write(self._clock.now()) as connection:
                found = connection.execute(query).scalars().all()
                connection.execute(delete(records).where(records.c.record.in_(found)))
            if not found:
                return deleted
            deleted += len(found)

    def _reindex(
        self, connection: Connection, rows: Sequence[Row[*tuple[Any, ...]]], key: IndexKey, cipher: Cipher
    ) -> None:
        entries: list[dict[str, object]] = []
        for row in rows:
            record = CallRecord.of_content(open_content(row, cipher))
            entries += self._index.entries(row.tenant, row.record, record, key)
        connection.execute(delete(numbers).where(numbers.c.record.in_([row.record for row in rows])))
        if entries:
            connection.execute(insert(numbers), entries)
        again = update(records).where(records.c.record == bindparam("of")).values(index_key=key.id)
        connection.execute(again, [{"of": row.record} for row in rows])


def _call_in(data: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the source and the call of an event's *data*."""
    return data.get("source"), data.get("callId")


def _of_call(tenant: str, source: str, call: str, table: Table = records) -> tuple[Any, ...]:
    return (table.c.tenant == tenant, table.c.source == source, table.c.call == call)

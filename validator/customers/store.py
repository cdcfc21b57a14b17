"""The source `store`: customers that the enterprise imported, sealed in this server's database.

A record is one ciphertext, bound to its row and tenant: moved to another row it does not decrypt. Its id and
its numbers are blind indexes (`validator.keys.index`). So neither the database nor a backup of it shows a
customer or a number without the keys, which are separate.

Records not imported again for `customers.keep` are not found, and each import deletes them. A record that
the clock put into the future is dated to the present then, so that it is not stored longer than that.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from validator.clock import Clock, to_milliseconds
from validator.customers.directory import Customer
from validator.customers.sealing import open_record, seal_record
from validator.customers.tables import customer_numbers, customers
from validator.errors import Fault, OperatorError, Reason
from validator.keys.encryption import Cipher, SecretEncryption
from validator.keys.index import FILE, IndexKey, IndexKeys
from validator.numbers.reading import Number, read_number
from validator.store.database import Database

BATCH = 500  # records of one transaction: a login waits for it no longer than a moment
_NEWEST = select(customers.c.index_key).order_by(customers.c.record.desc()).limit(1)
_FOREIGN = (
    f"{FILE} is not that of the stored customers: copy it from the node that made them, or run "
    "`validator keys rotate --index`"
)
_MEMBERS = (customers.c.record, customers.c.tenant, customers.c.sealed)


@dataclass(frozen=True, slots=True)
class Stored:
    """How many records an import added, changed, and met a second time in its file."""

    added: int = 0
    changed: int = 0
    repeated: int = 0

    def __add__(self, other: "Stored") -> "Stored":
        return Stored(self.added + other.added, self.changed + other.changed, self.repeated + other.repeated)


class CustomerStore:
    """The tables of customers."""

    def __init__(
        self, database: Database, encryption: SecretEncryption, keys: IndexKeys, clock: Clock, keep: timedelta
    ) -> None:
        """Store records with *encryption* and the index *keys*, each until *keep* after its import."""
        self._database, self._encryption, self._keys, self._clock = database, encryption, keys, clock
        self._keep = keep

    def find(self, tenant: str, number: Number, maximum: int, call_id: str | None = None) -> list[Customer]:
        """Return at most *maximum* customers of *tenant* with *number*, by when they were first imported.

        Raises Fault(KEYS_UNAVAILABLE) when this node has another index key than the records: nobody would be
        found then, although somebody has the number.
        """
        keys = self._keys.list()
        digests = [key.digest(tenant, number.key) for key in keys]
        query = (
            select(*_MEMBERS)
            .join_from(customer_numbers, customers)
            .where(customer_numbers.c.number.in_(digests), *self._current(tenant))
            .order_by(customers.c.record)
            .limit(maximum)
        )
        with self._database.confirmed() as connection:
            rows = connection.execute(query).all()
            newest = None if rows else connection.execute(_NEWEST).scalar()
        if newest is not None and newest not in {key.id for key in keys}:
            raise Fault(Reason.KEYS_UNAVAILABLE, _FOREIGN)
        cipher = self._encryption.cipher()
        return [open_record(row, cipher) for row in rows]

    def close(self) -> None:
        """Close nothing: the database is the server's."""

    def get(self, tenant: str, customer_id: str) -> Customer | None:
        """Return the customer of *tenant* with the enterprise's id *customer_id*, or None."""
        digests = self._keys.digests(tenant, _of_id(customer_id))
        query = select(*_MEMBERS).where(customers.c.blind_id.in_(digests), *self._current(tenant))
        with self._database.confirmed() as connection:
            row = connection.execute(query).first()
        return None if row is None else open_record(row, self._encryption.cipher())

    def ids_of(self, tenant: str, number: Number) -> list[str]:
        """Return the ids of every customer of *tenant* with *number*, also of those not found any more."""
        query = select(*_MEMBERS).where(customers.c.record.in_(self._holders(tenant, number)))
        with self._database.confirmed() as connection:
            rows = connection.execute(query).all()
        return [open_record(row, self._encryption.cipher()).id for row in rows]

    def count(self, tenant: str) -> int:
        """Return how many customers *tenant* has."""
        query = select(func.count()).select_from(customers).where(*self._current(tenant))
        with self._database.confirmed() as connection:
            return connection.execute(query).scalar_one()

    def every(self, tenant: str) -> Iterator[Customer]:
        """Yield every customer of *tenant*, by when they were first imported, a batch in memory at a time."""
        query, cipher = select(*_MEMBERS).where(*self._current(tenant)), self._encryption.cipher()
        for rows in self._batches(query):
            yield from (open_record(row, cipher) for row in rows)

    def put(self, tenant: str, batch: Sequence[Customer], at: datetime) -> Stored:
        """Add the customers of *batch*, or replace those with their ids, for an import that began *at*.

        Raises OperatorError when another import adds one of them at the same moment.
        """
        keys, cipher = self._keys.list(), self._encryption.cipher()
        wanted = {keys[0].digest(tenant, _of_id(each.id)): each for each in batch}  # the last of an id counts
        every_digest = {key.digest(tenant, _of_id(each.id)): each.id for key in keys for each in batch}
        query = select(customers.c.record, customers.c.blind_id, customers.c.imported_at)
        try:
            with self._database.write() as connection:
                found = connection.execute(query.where(customers.c.blind_id.in_(every_digest))).all()
                known = {every_digest[bytes(row.blind_id)]: row.record for row in found}
                _remove(connection, list(known.values()))
                records = self._new_records(wanted.values()) | known
                _add(connection, tenant, wanted, records, keys[0], cipher, at)
        except IntegrityError:
            raise OperatorError("another import changed the same customers: run this one again") from None
        again = sum(row.imported_at == at for row in found)
        return Stored(
            added=len(wanted) - len(found),
            changed=len(found) - again,
            repeated=again + len(batch) - len(wanted),
        )

    def erase(self, tenant: str, customer_id: str) -> int:
        """Erase the customer with an id, also one that is not found any more; return how many: 0 or 1."""
        digests = self._keys.digests(tenant, _of_id(customer_id))
        return self._erase_one(select(customers.c.record).where(customers.c.blind_id.in_(digests)))

    def erase_number(self, tenant: str, number: Number) -> int:
        """Erase the customer with *number*, as `erase`; raises OperatorError when several have it."""
        return self._erase_one(self._holders(tenant, number))

    def _holders(self, tenant: str, number: Number) -> Select[Any]:
        digests = self._keys.digests(tenant, number.key)
        return select(customer_numbers.c.record).distinct().where(customer_numbers.c.number.in_(digests))

    def _erase_one(self, query: Select[Any]) -> int:
        # A restored older database, which has the customer again, must be noticed.
        with self._database.durable_write(self._clock.now()) as connection:
            records = connection.execute(query).scalars().all()
            if len(records) > 1:
                raise OperatorError(f"{len(records)} customers have this number: erase each by its id")
            _remove(connection, records)
        return len(records)

    def erase_all(self, tenant: str) -> int:
        """Erase every customer of *tenant*, also one that is not found any more; return how many."""
        return self._erase_where(customers.c.tenant == tenant)

    def purge(self) -> int:
        """Delete the records, of every tenant, that were not imported again in time; return how many."""
        now = self._clock.now()
        with self._database.write() as connection:
            connection.execute(update(customers).where(customers.c.imported_at > now).values(imported_at=now))
        return self._erase_where(customers.c.imported_at < now - self._keep)

    def overdue(self) -> int:
        """Return how many records, of every tenant, were not imported again in time."""
        old = customers.c.imported_at < self._clock.now() - self._keep
        with self._database.confirmed() as connection:
            return connection.execute(select(func.count()).select_from(customers).where(old)).scalar_one()

    def reindex(self, key: IndexKey, region: str) -> Iterator[int]:
        """Make the entries of every record again with *key*, reading numbers anew; yield how many are done.

        Records that are imported or erased meanwhile stay as they are then.
        """
        cipher, done = self._encryption.cipher(), 0
        others = select(customers.c.record).where(customers.c.index_key != key.id)
        while self._has(others):
            for rows in self._batches(others):
                with self._database.write() as connection:
                    _reindex(connection, [row.record for row in rows], cipher, key, region)
                done += len(rows)
                yield done

    def _has(self, query: Select[Any]) -> bool:
        with self._database.confirmed() as connection:
            return connection.execute(query.limit(1)).first() is not None

    def _new_records(self, batch: Iterable[Customer]) -> dict[str, str]:
        """Return a new key for each of *batch*, by their ids."""
        # They sort by time, so that a large import writes one page of the table after the other.
        time = to_milliseconds(self._clock.now())
        return {
            each.id: f"{time:012x}{position:04x}{secrets.token_hex(8)}" for position, each in enumerate(batch)
        }

    def _current(self, tenant: str) -> tuple[Any, ...]:
        return (customers.c.tenant == tenant, customers.c.imported_at >= self._clock.now() - self._keep)

    def _batches(self, query: Select[Any]) -> Iterator[Sequence[Row[*tuple[Any, ...]]]]:
        """Yield the rows of *query* in batches, each read by its own statement, sorted by record."""
        last = ""
        ordered = query.order_by(customers.c.record).limit(BATCH)
        while True:
            with self._database.confirmed() as connection:
                rows = connection.execute(ordered.where(customers.c.record > last)).all()
            if not rows:
                return
            yield rows
            last = rows[-1].record

    def _erase_where(self, condition: Any) -> int:
        erased, query = 0, select(customers.c.record).where(condition).limit(BATCH)
        while True:
            with self._database.confirmed() as connection:
                records = connection.execute(query).scalars().all()
            if not records:
                return erased
            with self._database.durable_write(self._clock.now()) as connection:
                _remove(connection, records)
            erased += len(records)


def _of_id(customer_id: str) -> str:
    """Return the value whose blind index is that of an id; no number begins like it."""
    return f"id:{customer_id}"


def _remove(connection: Connection, records: Sequence[str]) -> None:
    connection.execute(delete(customer_numbers).where(customer_numbers.c.record.in_(records)))
    connection.execute(delete(customers).where(customers.c.record.in_(records)))


def _add(
    connection: Connection,
    tenant: str,
    wanted: dict[bytes, Customer],
    records: dict[str, str],
    key: IndexKey,
    cipher: Cipher,
    at: datetime,
) -> None:
    """Insert the customers *wanted*, by their blind ids; *records* has their keys, by their ids."""
    rows, entries = [], []
    for blind_id, customer in wanted.items():
        record = records[customer.id]
        rows.append(
            {
                "record": record,
                "tenant": tenant,
                "blind_id": blind_id,
                "index_key": key.id,
                "sealed": seal_record(customer, cipher, tenant, record),
                "imported_at": at,
            }
        )
        entries += [{"number": key.digest(tenant, number), "record": record} for number in customer.numbers]
    connection.execute(insert(customers), rows)
    connection.execute(insert(customer_numbers), entries)


def _reindex(
    connection: Connection, records: Sequence[str], cipher: Cipher, key: IndexKey, region: str
) -> None:
    """Make the entries of *records* again, which may have been imported or erased since they were listed."""
    query = select(*_MEMBERS).where(customers.c.record.in_(records)).with_for_update()
    changes, entries = [], []
    for row in connection.execute(query).all():
        old = open_record(row, cipher)
        read = (read_number(number, region) for number in old.numbers)
        numbers = tuple(dict.fromkeys(number.key for number in read if number))
        new = Customer(old.id, numbers, old.values)
        changes.append(
            {
                "of": row.record,
                "blind_id": key.digest(row.tenant, _of_id(old.id)),
                "index_key": key.id,
                "sealed": seal_record(new, cipher, row.tenant, row.record),
            }
        )
        entries += [{"number": key.digest(row.tenant, number), "record": row.record} for number in numbers]
    if changes:
        connection.execute(delete(customer_numbers).where(customer_numbers.c.record.in_(records)))
        connection.execute(update(customers).where(customers.c.record == bindparam("of")), changes)
        connection.execute(insert(customer_numbers), entries)

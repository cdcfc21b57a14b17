"""The stored customers: sealed, found by blind indexes only, gone when they must be; on both databases."""

import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from tests.support.fakes import OTHER_TENANT, TENANT, FakeClock
from validator.customers.cataloguefile import parse_catalogue
from validator.customers.directory import Customer, Directory, Failed, One
from validator.customers.importing import Import
from validator.customers.rows import RowReader
from validator.customers.store import BATCH, CustomerStore, Stored
from validator.customers.tables import customer_numbers, customers
from validator.errors import Fault, OperatorError, Reason
from validator.keys.encryption import SecretEncryption
from validator.keys.index import IndexKeys
from validator.numbers.reading import Number
from validator.shipped import shipped
from validator.store.database import Database
from validator.tenants import Tenants

KEEP = timedelta(days=30)
MOBILE, HOTLINE = Number("+8613606254580"), Number("95588")
LI = Customer("C-1", (MOBILE.key, HOTLINE.key), {"name": "李伟", "level": "gold"})
WANG = Customer("C-2", (HOTLINE.key,), {"name": "王芳"})


@pytest.fixture
def store(
    database: Database, tenants: Tenants, encryption: SecretEncryption, keys: IndexKeys, clock: FakeClock
) -> CustomerStore:
    return CustomerStore(database, encryption, keys, clock, KEEP)


@pytest.fixture
def filled(store: CustomerStore, clock: FakeClock) -> CustomerStore:
    """Return the store with two customers, who share a number."""
    store.put(TENANT, [LI, WANG], clock.now())
    return store


def stored_bytes(database: Database) -> bytes:
    """Return every stored value of both tables, one after the other."""
    with database.read() as connection:
        rows = [*connection.execute(select(customers)), *connection.execute(select(customer_numbers))]
    return b"\n".join(
        value if isinstance(value, bytes) else str(value).encode() for row in rows for value in row
    )


def test_customer_is_found_by_each_number(filled: CustomerStore) -> None:
    """Each number finds its customers, the first imported first, and at most as many as wanted."""
    assert filled.find(TENANT, MOBILE, 6) == [LI]
    assert filled.find(TENANT, HOTLINE, 6) == [LI, WANG]
    assert filled.find(TENANT, HOTLINE, 1) == [LI]
    assert filled.find(TENANT, Number("1001"), 6) == []
    assert filled.get(TENANT, "C-2") == WANG
    assert filled.get(TENANT, "95588") is None


def test_tenants_have_separate_customers(filled: CustomerStore, clock: FakeClock) -> None:
    """The same id and number of another tenant is another customer."""
    other = Customer("C-1", (MOBILE.key,), {"name": "other"})
    filled.put(OTHER_TENANT, [other], clock.now())

    assert filled.find(TENANT, MOBILE, 6) == [LI]
    assert filled.find(OTHER_TENANT, MOBILE, 6) == [other]
    assert [filled.count(TENANT), filled.count(OTHER_TENANT)] == [2, 1]
    assert list(filled.every(OTHER_TENANT)) == [other]


def test_nothing_is_readable_in_the_database(filled: CustomerStore, database: Database) -> None:
    """Neither a number, an id nor a value is in the tables; the control finds the tenant there."""
    content = stored_bytes(database)
    secrets = (MOBILE.key, MOBILE.key[3:], HOTLINE.key, "C-1", "C-2", "李伟", "gold", "name")

    assert TENANT.encode() in content
    assert [secret for secret in secrets if secret.encode() in content] == []


def test_import_again_replaces(filled: CustomerStore, clock: FakeClock) -> None:
    """A customer imported again has the new numbers and values only, and keeps its place."""
    clock.advance(days=1)
    changed = Customer("C-1", ("1001",), {"name": "李薇"})

    assert filled.put(TENANT, [changed], clock.now()) == Stored(changed=1)
    assert filled.find(TENANT, MOBILE, 6) == []
    assert filled.find(TENANT, Number("1001"), 6) == [changed]
    assert list(filled.every(TENANT)) == [changed, WANG]


def test_last_row_of_an_id_counts(store: CustomerStore, clock: FakeClock) -> None:
    """An id that an import has twice is counted as repeated, within a batch and in a later one."""
    first, second, third = (Customer("C-1", ("1001",), {"name": name}) for name in "abc")

    assert store.put(TENANT, [first, second], clock.now()) == Stored(added=1, repeated=1)
    assert store.put(TENANT, [third], clock.now()) == Stored(repeated=1)
    assert list(store.every(TENANT)) == [third]


def test_every_batch_is_read(store: CustomerStore, clock: FakeClock) -> None:
    """An export reads all batches, each customer once."""
    many = [Customer(f"C-{number}", (f"{10_000 + number}",), {}) for number in range(BATCH + 7)]
    for start in range(0, len(many), BATCH):
        store.put(TENANT, many[start : start + BATCH], clock.now())
        clock.advance(seconds=1)

    assert list(store.every(TENANT)) == many


def test_erased_customer_is_gone(filled: CustomerStore, database: Database) -> None:
    """Erasing by number or id removes the record and its entries, and nothing else."""
    assert filled.erase_number(TENANT, MOBILE) == 1
    assert filled.erase_number(TENANT, MOBILE) == 0
    assert filled.erase(TENANT, "C-1") == 0

    assert list(filled.every(TENANT)) == [WANG]
    with database.read() as connection:
        assert len(connection.execute(select(customer_numbers)).all()) == 1


def test_shared_number_erases_nobody(filled: CustomerStore) -> None:
    """Of several customers with a number none is erased: each has an id."""
    with pytest.raises(OperatorError, match="2 customers have this number"):
        filled.erase_number(TENANT, HOTLINE)

    assert filled.count(TENANT) == 2
    assert filled.erase(TENANT, "C-2") == 1
    assert filled.erase_number(TENANT, HOTLINE) == 1


def test_other_tenant_erases_nothing(filled: CustomerStore) -> None:
    """A number or id is erased for the named tenant only, as is everything."""
    erased = (
        filled.erase_number(OTHER_TENANT, MOBILE),
        filled.erase(OTHER_TENANT, "C-1"),
        filled.erase_all(OTHER_TENANT),
    )

    assert erased == (0, 0, 0)
    assert filled.erase_all(TENANT) == 2
    assert filled.count(TENANT) == 0


def test_old_record_is_not_found_and_is_purged(filled: CustomerStore, clock: FakeClock) -> None:
    """A record that was not imported again in time is not found at once, and deleted by a purge."""
    clock.advance(days=20)
    filled.put(TENANT, [WANG], clock.now())
    assert (filled.count(TENANT), filled.purge()) == (2, 0)

    clock.advance(days=11)

    assert list(filled.every(TENANT)) == [WANG]
    assert filled.find(TENANT, MOBILE, 6) == []
    assert filled.get(TENANT, "C-1") is None
    assert [filled.purge(), filled.purge()] == [1, 0]


def test_old_record_can_be_erased(filled: CustomerStore, clock: FakeClock) -> None:
    """A record that is not found any more but not deleted yet can still be erased by its number."""
    clock.advance(days=31)

    assert filled.find(TENANT, MOBILE, 6) == []
    assert filled.erase_number(TENANT, MOBILE) == 1


def test_clock_that_was_ahead_stores_nothing_longer(filled: CustomerStore, clock: FakeClock) -> None:
    """A record dated into the future by a wrong clock is stored no longer than others from the next purge."""
    filled.put(TENANT, [LI], clock.now() + timedelta(days=3650))
    assert filled.purge() == 0

    clock.advance(days=31)

    assert filled.purge() == 2


def test_record_moved_to_another_row_does_not_decrypt(filled: CustomerStore, database: Database) -> None:
    """A writer of the database cannot put one customer's record into another row or tenant."""
    with database.write() as connection:
        first, second = connection.execute(select(customers.c.record).order_by(customers.c.record)).scalars()
        sealed = connection.execute(
            select(customers.c.sealed).where(customers.c.record == first)
        ).scalar_one()
        connection.execute(update(customers).where(customers.c.record == second).values(sealed=sealed))

    with pytest.raises(Fault) as raised:
        filled.find(TENANT, HOTLINE, 6)
    assert raised.value.reason is Reason.KEYS_UNAVAILABLE


def test_record_moved_to_another_tenant_does_not_decrypt(filled: CustomerStore, database: Database) -> None:
    """A writer of the database cannot give a customer to another tenant."""
    with database.write() as connection:
        connection.execute(update(customers).values(tenant=OTHER_TENANT))

    with pytest.raises(Fault):
        list(filled.every(OTHER_TENANT))


def test_entry_moved_to_another_record_finds_nobody(filled: CustomerStore, database: Database) -> None:
    """An index entry that leads to another record is noticed, since the record has not that number."""
    directory = Directory(filled, "CN", threads=4, budget=timedelta(seconds=30))
    assert directory.look_up(TENANT, "13606254580") == One(LI)
    with database.write() as connection:
        other = (
            connection.execute(select(customers.c.record).order_by(customers.c.record.desc()))
            .scalars()
            .first()
        )
        (entry,) = connection.execute(
            select(customer_numbers.c.number)
            .group_by(customer_numbers.c.number)
            .having(customer_numbers.c.number.not_in(_entries_of(filled, HOTLINE)))
        ).scalars()
        is_entry = customer_numbers.c.number == entry
        connection.execute(update(customer_numbers).where(is_entry).values(record=other))

    assert filled.find(TENANT, MOBILE, 6) == [
        WANG
    ]  # the control: the index alone would show another customer
    assert directory.look_up(TENANT, "13606254580") == Failed(Reason.SYSTEM_FAILED)


def _entries_of(store: CustomerStore, number: Number) -> list[bytes]:
    return [key.digest(TENANT, number.key) for key in store._keys.list()]


def test_rotation_finds_customers_all_along(filled: CustomerStore, keys: IndexKeys, clock: FakeClock) -> None:
    """Customers are found before, while and after the entries are made again, new ones too."""
    chen = Customer("C-3", ("1001",), {})
    old = keys.list()[0]
    new = keys.rotate()

    assert filled.find(TENANT, HOTLINE, 6) == [LI, WANG]
    assert filled.put(TENANT, [WANG, chen], clock.now()) == Stored(added=1, repeated=1)
    assert [*filled.reindex(new, "CN")] == [1]
    keys.finish()

    assert filled.find(TENANT, MOBILE, 6) == [LI]
    assert filled.find(TENANT, HOTLINE, 6) == [LI, WANG]
    assert filled.get(TENANT, "C-3") == chen
    assert [*filled.reindex(new, "CN")] == []
    assert old not in keys.list()


def test_changes_during_a_rotation_stay(
    filled: CustomerStore, keys: IndexKeys, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A customer that is erased or imported between the listing and the writing of a batch stays so."""
    changed = Customer("C-2", ("1001",), {"name": "王方"})
    batches = filled._batches

    def racing(query: Any) -> Iterator[Any]:
        for rows in batches(query):
            filled.erase(TENANT, "C-1")
            filled.put(TENANT, [changed], clock.now())
            yield rows

    new = keys.rotate()
    with monkeypatch.context() as patch:
        patch.setattr(filled, "_batches", racing)
        [*filled.reindex(new, "CN")]
    keys.finish()

    assert list(filled.every(TENANT)) == [changed]
    assert filled.find(TENANT, MOBILE, 6) == filled.find(TENANT, HOTLINE, 6) == []
    assert filled.find(TENANT, Number("1001"), 6) == [changed]


def test_entries_of_the_old_key_are_gone(filled: CustomerStore, keys: IndexKeys, database: Database) -> None:
    """After a rotation nothing is stored that the destroyed key could be tried on."""
    before = stored_bytes(database)
    old = keys.list()[0].digest(TENANT, MOBILE.key)

    [*filled.reindex(keys.rotate(), "CN")]

    assert old in before
    assert old not in stored_bytes(database)


def test_rotation_reads_numbers_anew(filled: CustomerStore, keys: IndexKeys, clock: FakeClock) -> None:
    """A number stored by its digits gets its E.164 key once the library knows it."""
    unknown = Customer("C-4", ("13606254581",), {})  # as a release without this range would have read it
    filled.put(TENANT, [unknown], clock.now())
    number = Number("+8613606254581")
    assert filled.find(TENANT, number, 6) == []

    [*filled.reindex(keys.rotate(), "CN")]

    assert [each.id for each in filled.find(TENANT, number, 6)] == ["C-4"]


def test_lost_index_key_is_replaced(filled: CustomerStore, keys: IndexKeys, tmp_path: Path) -> None:
    """The entries can be made again from the sealed records alone."""
    (tmp_path / "keys" / "index.key").unlink()
    with pytest.raises(Fault):
        filled.find(TENANT, MOBILE, 6)

    [*filled.reindex(keys.rotate(), "CN")]
    keys.finish()

    assert filled.find(TENANT, MOBILE, 6) == [LI]


def test_foreign_index_key_is_not_nobody(
    filled: CustomerStore, keys: IndexKeys, tmp_path: Path, clock: FakeClock
) -> None:
    """A node with another index key than the records reports that, and not that nobody has the number."""
    own = (tmp_path / "keys" / "index.key").read_bytes()
    (tmp_path / "keys" / "index.key").unlink()
    keys.create()

    with pytest.raises(Fault, match="not that of the stored customers") as raised:
        filled.find(TENANT, MOBILE, 6)

    assert raised.value.reason is Reason.KEYS_UNAVAILABLE
    (tmp_path / "keys" / "index.key").write_bytes(own)
    assert filled.find(TENANT, Number("1001"), 6) == []


def test_file_that_changes_is_noticed(store: CustomerStore, clock: FakeClock) -> None:
    """A file that has other rows when it is imported than when it was checked is refused."""
    work = Import(
        RowReader(parse_catalogue(shipped("config/customers.toml").read_bytes()), "CN"), store, clock, print
    )
    header = b"id,number\n"
    checked = work.check(io.BytesIO(header + b"a,1001\nb,1002\n"), is_csv=True)

    for rows in (b"a,1001\n", b"a,1001\nb,x\n", b"a,1001\nb,1002\nc,1003\n"):
        with pytest.raises(OperatorError, match="the file changed"):
            work.store(io.BytesIO(header + rows), TENANT, checked, is_csv=True)
    assert work.store(io.BytesIO(header + b"a,1001\nb,1002\n"), TENANT, checked, is_csv=True).added <= 2


def test_ids_are_found_after_their_time(filled: CustomerStore, clock: FakeClock) -> None:
    """By a number every id is found, also of customers that a look-up does not find any more."""
    clock.advance(days=KEEP.days + 1)

    assert filled.find(TENANT, HOTLINE, 5) == []
    assert sorted(filled.ids_of(TENANT, HOTLINE)) == ["C-1", "C-2"]
    assert filled.ids_of(OTHER_TENANT, HOTLINE) == []

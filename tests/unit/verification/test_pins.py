"""PINs: sealed and hashed, found by the id only, gone when they must be; on both databases."""

from pathlib import Path

import pytest
from sqlalchemy import select

from tests.support.fakes import OTHER_TENANT, TENANT, FakeClock
from validator.errors import Fault, OperatorError, Reason
from validator.keys.encryption import SecretEncryption
from validator.keys.index import IndexKeys
from validator.passwords.hashing import PROFILES, Passwords
from validator.store.database import Database
from validator.verification.pins import Pins, problem_of
from validator.verification.tables import pins as table

PIN, NEW_PIN, CUSTOMER = "902718", "118203", "C-1001"


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(PROFILES["argon2id-19m"])


@pytest.fixture
def pins(
    database: Database,
    encryption: SecretEncryption,
    keys: IndexKeys,
    passwords: Passwords,
    clock: FakeClock,
) -> Pins:
    made = Pins(database, encryption, keys, passwords, clock)
    made.set(TENANT, CUSTOMER, PIN)
    return made


def is_pin(
    pins: Pins, passwords: Passwords, text: str, customer: str = CUSTOMER, tenant: str = TENANT
) -> bool:
    """Return whether *text* is the PIN of *customer*."""
    return passwords.verify(text, pins.hash_of(tenant, customer))


def test_pin_is_of_one_customer(pins: Pins, passwords: Passwords) -> None:
    """The PIN is that of the customer it was set for, in that tenant space only."""
    assert is_pin(pins, passwords, PIN)
    assert not is_pin(pins, passwords, NEW_PIN)
    assert pins.hash_of(TENANT, "C-1002") is None
    assert pins.hash_of(OTHER_TENANT, CUSTOMER) is None


def test_new_pin_replaces_the_old_one(pins: Pins, passwords: Passwords) -> None:
    """After a change only the new PIN is right; a removed one is gone."""
    pins.set(TENANT, CUSTOMER, NEW_PIN)

    assert (is_pin(pins, passwords, PIN), is_pin(pins, passwords, NEW_PIN)) == (False, True)
    assert (pins.remove(TENANT, CUSTOMER), pins.remove(TENANT, CUSTOMER)) == (1, 0)
    assert pins.hash_of(TENANT, CUSTOMER) is None
    pins.set(TENANT, CUSTOMER, PIN)
    assert (pins.remove_all(OTHER_TENANT), pins.remove_all(TENANT)) == (0, 1)


def test_database_has_neither_pin_nor_id_nor_hash(pins: Pins, database: Database) -> None:
    """No column shows the PIN, its hash or the customer."""
    with database.read() as connection:
        (row,) = connection.execute(select(table)).all()
    stored = b"\n".join(each if isinstance(each, bytes) else str(each).encode() for each in row)

    assert [word for word in (PIN, CUSTOMER, "argon2") if word.encode() in stored] == []


@pytest.mark.parametrize(
    "pin", ["", "123", "1234567890123", "12a4", "１２３４", "0000", "1234", "4321", "12 34"]
)
def test_weak_pins_are_refused(pins: Pins, passwords: Passwords, pin: str) -> None:
    """Too few digits, other characters, one digit again and again, and rows are refused, not quoted."""
    with pytest.raises(OperatorError) as refused:
        pins.set(TENANT, CUSTOMER, pin)

    assert not pin or pin not in str(refused.value)
    assert is_pin(pins, passwords, PIN)


@pytest.mark.parametrize("pin", ["1235", "0102", "902718", "112233445566"])
def test_other_pins_are_accepted(pin: str) -> None:
    """The control: other digits are a PIN."""
    assert problem_of(pin) is None


def test_index_key_is_rotated(pins: Pins, passwords: Passwords, keys: IndexKeys) -> None:
    """With each entry made again by the new key, PINs are found; during the rotation, too."""
    key = keys.rotate()
    assert is_pin(pins, passwords, PIN)

    assert list(pins.reindex(key)) == [1]
    keys.finish()

    assert is_pin(pins, passwords, PIN)
    assert list(pins.reindex(key)) == []


def test_foreign_index_key_is_a_fault(pins: Pins, keys: IndexKeys, tmp_path: Path) -> None:
    """A node with another index key does not say that there is no PIN: nothing is known."""
    (tmp_path / "keys" / "index.key").unlink()
    keys.create()

    with pytest.raises(Fault) as raised:
        pins.hash_of(TENANT, CUSTOMER)

    assert raised.value.reason is Reason.KEYS_UNAVAILABLE

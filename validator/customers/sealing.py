"""A customer's record as one ciphertext, which is bound to its row and tenant space."""

from typing import Any

import orjson
from sqlalchemy import Row

from validator.customers.directory import Customer
from validator.keys.encryption import Cipher


def open_record(row: Row[*tuple[Any, ...]], cipher: Cipher) -> Customer:
    """Return the customer of *row*; raises Fault when it is not the ciphertext of this row."""
    customer_id, numbers, values = orjson.loads(cipher.decrypt(row.sealed, _purpose(row.tenant, row.record)))
    return Customer(customer_id, tuple(numbers), values)


def seal_record(customer: Customer, cipher: Cipher, tenant: str, record: str) -> bytes:
    """Return the ciphertext of *customer* for the row *record* of *tenant*."""
    content = orjson.dumps([customer.id, customer.numbers, customer.values])
    return cipher.encrypt(content.decode(), _purpose(tenant, record))


def _purpose(tenant: str, record: str) -> str:
    return f"customer:{tenant}:{record}"

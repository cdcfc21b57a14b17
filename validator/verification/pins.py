"""PINs: numbers that customers chose with the enterprise, by the enterprise's id of the customer.

A PIN is stored as its argon2id hash, sealed together with the id and bound to its row; the row is found by a
blind index of the id. A PIN has few digits: a holder of the keys and the database can try all. Without the
keys the table shows how many there are and when they were set, and nothing else.
"""

import re
import secrets
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import orjson
from sqlalchemy import Row, bindparam, delete, insert, select, update

from validator.clock import Clock
from validator.errors import Fault, OperatorError, Reason
from validator.keys.encryption import SecretEncryption
from validator.keys.index import IndexKey, IndexKeys
from validator.passwords.hashing import Passwords
from validator.store.database import Database
from validator.verification.tables import pins

MIN_DIGITS, MAX_DIGITS = 4, 12
_FORM = re.compile(rf"[0-9]{{{MIN_DIGITS},{MAX_DIGITS}}}", re.ASCII)
_BATCH = 500
_MEMBERS = (pins.c.record, pins.c.tenant, pins.c.sealed)
_REINDEX = (
    update(pins)
    .where(pins.c.record == bindparam("of"))
    .values(blind_id=bindparam("new_id"), index_key=bindparam("new_key"))
)


class Pins:
    """The table of PINs."""

    def __init__(
        self,
        database: Database,
        encryption: SecretEncryption,
        keys: IndexKeys,
        passwords: Passwords,
        clock: Clock,
    ) -> None:
        self._database, self._encryption, self._keys = database, encryption, keys
        self._passwords, self._clock = passwords, clock

    def set(self, tenant: str, customer_id: str, pin: str) -> None:
        """Set the *pin* of a customer; raises OperatorError, which does not quote it, for a weak one."""
        problem = problem_of(pin)
        if problem:
            raise OperatorError(f"the PIN {problem}")
        key, record = self._keys.list()[0], secrets.token_hex(16)
        content = orjson.dumps([customer_id, self._passwords.hash(pin)]).decode()
        values = {
            "record": record,
            "tenant": tenant,
            "blind_id": key.digest(tenant, _of_id(customer_id)),
            "index_key": key.id,
            "sealed": self._encryption.encrypt(content, _purpose(tenant, record)),
            "changed_at": self._clock.now(),
        }
        of_customer = pins.c.blind_id.in_(self._keys.digests(tenant, _of_id(customer_id)))
        with self._database.durable_write(self._clock.now()) as connection:
            connection.execute(delete(pins).where(of_customer))
            connection.execute(insert(pins).values(values))

    def hash_of(self, tenant: str, customer_id: str) -> str | None:
        """Return the hash of a customer's PIN, or None without one.

        Raises Fault(KEYS_UNAVAILABLE) when this node has another index key than the PINs.
        """
        keys = self._keys.list()
        of_customer = pins.c.blind_id.in_([key.digest(tenant, _of_id(customer_id)) for key in keys])
        newest = select(pins.c.index_key).order_by(pins.c.changed_at.desc()).limit(1)
        with self._database.confirmed() as connection:
            row = connection.execute(select(*_MEMBERS).where(of_customer)).first()
            newest_key = None if row is not None else connection.execute(newest).scalar()
        if newest_key is not None and newest_key not in {key.id for key in keys}:
            raise Fault(Reason.KEYS_UNAVAILABLE, "index.key is not that of the PINs")
        if row is None:
            return None
        _, found = self._opened(row)
        return found

    def remove(self, tenant: str, customer_id: str) -> int:
        """Remove a customer's PIN; return how many there were: 0 or 1."""
        of_customer = pins.c.blind_id.in_(self._keys.digests(tenant, _of_id(customer_id)))
        with self._database.durable_write(self._clock.now()) as connection:
            return connection.execute(delete(pins).where(of_customer)).rowcount

    def remove_all(self, tenant: str) -> int:
        """Remove every PIN of *tenant*; return how many there were."""
        with self._database.durable_write(self._clock.now()) as connection:
            return connection.execute(delete(pins).where(pins.c.tenant == tenant)).rowcount

    def reindex(self, key: IndexKey) -> Iterator[int]:
        """Make the entry of every PIN again with *key*; yield how many are done."""
        done, others = 0, select(*_MEMBERS).where(pins.c.index_key != key.id).limit(_BATCH)
        while True:
            with self._database.write() as connection:
                rows = connection.execute(others.with_for_update()).all()
                if rows:
                    connection.execute(_REINDEX, [self._again(row, key) for row in rows])
            if not rows:
                return
            done += len(rows)
            yield done

    def _again(self, row: Row[*tuple[Any, ...]], key: IndexKey) -> dict[str, object]:
        customer_id, _ = self._opened(row)
        digest = key.digest(row.tenant, _of_id(customer_id))
        return {"of": row.record, "new_id": digest, "new_key": key.id}

    def _opened(self, row: Row[*tuple[Any, ...]]) -> tuple[str, str]:
        content = self._encryption.decrypt(row.sealed, _purpose(row.tenant, row.record))
        customer_id, found = orjson.loads(content)
        return customer_id, found


def problem_of(pin: str) -> str | None:
    """Return what is wrong with *pin*, which the complaint never quotes; None if nothing."""
    if not _FORM.fullmatch(pin):
        return f"must have {MIN_DIGITS} to {MAX_DIGITS} digits"
    steps = {int(right) - int(left) for left, right in pairwise(pin)}
    if len(steps) == 1 and steps <= {-1, 0, 1}:
        return "is one digit again and again, or digits in a row"
    return None


def _of_id(customer_id: str) -> str:
    """Return the value whose blind index is that of an id; no number begins like it."""
    return f"pin:{customer_id}"


def _purpose(tenant: str, record: str) -> str:
    return f"pin:{tenant}:{record}"

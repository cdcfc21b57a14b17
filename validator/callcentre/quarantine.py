"""What was pushed and could not be read: sealed, until an operator has looked at it.

The sender perhaps never sends it again, so it is stored and acknowledged. The number and the bytes of what is
stored for a tenant space and source are limited, so that a holder of the route's secret cannot fill the disk.
A body that is there already is not stored again. What is older than `KEEP` is deleted.
"""

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from validator.callcentre.policy import CallRecordsPolicy
from validator.callcentre.tables import quarantine
from validator.clock import Clock
from validator.errors import Fault, Reason
from validator.keys.encryption import Cipher, SecretEncryption
from validator.keys.index import IndexKey, IndexKeys
from validator.numbers.reading import read_number
from validator.numbers.writing import NumberForm, write_number
from validator.store.database import Database
from validator.tenants import table as tenants

KEEP = timedelta(days=30)
_BATCH = 100
_MAX_WHY = 128
_SEPARATORS = re.compile(r"[ ().-]")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A body that could not be read, and why; `record` is its name here."""

    record: str
    tenant: str
    source: str
    why: str
    received_at: datetime
    body: bytes = field(repr=False)


class Quarantine:
    """The table of what could not be read."""

    def __init__(
        self,
        database: Database,
        encryption: SecretEncryption,
        keys: IndexKeys,
        clock: Clock,
        policy: CallRecordsPolicy,
        region: str,
    ) -> None:
        self._database, self._encryption, self._keys, self._clock = database, encryption, keys, clock
        self._policy, self._region = policy, region

    def add(self, tenant: str, source: str, body: bytes, why: str) -> bool:
        """Store *body*; return whether it is new. When this returns it is on the disk.

        Raises Fault(QUARANTINE_FULL) when there is too much already. Concurrent additions to a tenant space
        wait for each other, so that none counts without the others.
        """
        keys, row, now = self._keys.list(), secrets.token_hex(16), self._clock.now()
        sealed = self._encryption.encrypt(body.decode("latin-1"), _purpose(tenant, row))
        digests = [key.digest(tenant, _of_body(source, body)) for key in keys]
        values = {
            "record": row,
            "tenant": tenant,
            "source": source,
            "blind_id": digests[0],
            "index_key": keys[0].id,
            "why": why[:_MAX_WHY],
            "size": len(sealed),
            "sealed": sealed,
            "received_at": now,
        }
        try:
            with self._database.write() as connection:
                self._wait_for_others(connection, tenant)
                is_old = (quarantine.c.received_at < now - KEEP) | (quarantine.c.received_at > now + KEEP)
                connection.execute(delete(quarantine).where(is_old))
                if connection.execute(select(1).where(quarantine.c.blind_id.in_(digests))).first():
                    return False
                self._check_room(connection, tenant, source, len(sealed))
                connection.execute(insert(quarantine).values(values))
        except IntegrityError:  # the same body was added since
            return False
        return True

    def list(self, tenant: str) -> list[Unreadable]:
        """Return what is stored for *tenant*, the newest first."""
        query = select(quarantine).where(quarantine.c.tenant == tenant)
        with self._database.confirmed() as connection:
            rows = connection.execute(query.order_by(quarantine.c.received_at.desc())).all()
        cipher = self._encryption.cipher()
        return [_opened(row, cipher) for row in rows]

    def count(self) -> int:
        """Return how many bodies are stored, of every tenant."""
        with self._database.confirmed() as connection:
            return connection.execute(select(func.count()).select_from(quarantine)).scalar_one()

    def erase(self, tenant: str, number: str) -> int:
        """Erase each body of *tenant* that has the digits of *number* in it; return how many."""
        spellings = self._spellings(number)
        found = [each.record for each in self.list(tenant) if _has_any(each.body, spellings)]
        return self._delete(quarantine.c.record.in_(found))

    def erase_all(self, tenant: str) -> int:
        """Erase every body of *tenant*; return how many."""
        return self._delete(quarantine.c.tenant == tenant)

    def purge(self) -> int:
        """Delete what is older than `KEEP`, of every tenant; return how many bodies."""
        now = self._clock.now()
        return self._delete((quarantine.c.received_at < now - KEEP) | (quarantine.c.received_at > now + KEEP))

    def reindex(self, key: IndexKey) -> Iterator[int]:
        """Make the entry of every body again with *key*; yield how many are done."""
        done, cipher = 0, self._encryption.cipher()
        others = select(quarantine).where(quarantine.c.index_key != key.id).limit(_BATCH).with_for_update()
        again = (
            update(quarantine)
            .where(quarantine.c.record == bindparam("of"))
            .values(blind_id=bindparam("new_id"), index_key=key.id)
        )
        while True:
            with self._database.write() as connection:
                rows = connection.execute(others).all()
                opened = [_opened(row, cipher) for row in rows]
                entries = [
                    {"of": each.record, "new_id": key.digest(each.tenant, _of_body(each.source, each.body))}
                    for each in opened
                ]
                if entries:
                    connection.execute(again, entries)
            if not rows:
                return
            done += len(rows)
            yield done

    def _wait_for_others(self, connection: Connection, tenant: str) -> None:
        """Wait until no other addition to *tenant* is in progress; SQLite has one writer anyway."""
        row = select(tenants.c.id).where(tenants.c.id == tenant)
        # Not as strong as an update of the key: what only refers to the tenant space does not wait.
        connection.execute(row.with_for_update(key_share=True))

    def _check_room(self, connection: Connection, tenant: str, source: str, size: int) -> None:
        query = select(func.count(), func.coalesce(func.sum(quarantine.c.size), 0)).where(
            quarantine.c.tenant == tenant, quarantine.c.source == source
        )
        count, total = connection.execute(query).one()
        if count >= self._policy.quarantine_records or total + size > self._policy.quarantine_bytes:
            raise Fault(Reason.QUARANTINE_FULL)

    def _delete(self, condition: ColumnElement[bool]) -> int:
        with self._database.durable_write(self._clock.now()) as connection:
            return connection.execute(delete(quarantine).where(condition)).rowcount

    def _spellings(self, number: str) -> set[str]:
        """Return how a sender may have written *number*, each contained in every longer way to write it."""
        read = read_number(number, self._region)
        if read is None:
            return {number.strip()}
        return {write_number(read.key, NumberForm.NATIONAL, self._region), read.key.lstrip("+")}


def _has_any(body: bytes, spellings: set[str]) -> bool:
    plain = _SEPARATORS.sub("", body.decode("latin-1"))
    return any(spelling in plain for spelling in spellings)


def _opened(row: Row[*tuple[Any, ...]], cipher: Cipher) -> Unreadable:
    body = cipher.decrypt(row.sealed, _purpose(row.tenant, row.record)).encode("latin-1")
    return Unreadable(row.record, row.tenant, row.source, row.why, row.received_at, body)


def _purpose(tenant: str, row: str) -> str:
    return f"callquarantine:{tenant}:{row}"


def _of_body(source: str, body: bytes) -> str:
    return f"quarantine:{source}:{sha256(body).hexdigest()}"

"""Attempts: how often a customer's answer may be guessed, by however many callers.

An attempt is reserved before it is verified, in one transaction in which the attempts of one customer queue,
so that no two of them pass on the same count (TOCTOU). It is counted for the customer and the calling number,
and for the customer in all, each for a day from the attempt: a sliding window, exact because few rows are
enough. A passed attempt is given back, and so is one that could not be decided. A refused one is not counted.

A customer that does not exist counts the same. Customers and numbers are HMACs of 128 bits with the current
index key; a rotation of that key begins the counts anew. What a clock that was ahead wrote is dated to the
present by the next attempt, so that nothing counts for longer than a day from now.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, case, delete, func, insert, select, text, update

from validator.clock import Clock, to_milliseconds
from validator.keys.index import IndexKeys
from validator.store.database import Database
from validator.verification.tables import attempts

PERIOD = timedelta(days=1)
_DIGITS = 32  # hexadecimal ones of a key
_QUEUE = ""
_JOIN_QUEUE = text("""
INSERT INTO verification_attempts (customer, attempt, caller, at) VALUES (:customer, '', '', :at)
ON CONFLICT (customer, attempt) DO UPDATE SET at = excluded.at
""")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A reserved attempt: the customer's key, and its own."""

    customer: str
    id: str


class Attempts:
    """The table of attempts."""

    def __init__(
        self, database: Database, keys: IndexKeys, clock: Clock, *, per_caller: int, per_customer: int
    ) -> None:
        """Allow *per_caller* attempts a day of a caller at a customer, and *per_customer* at one in all."""
        self._database, self._keys, self._clock = database, keys, clock
        self._per_caller, self._per_customer = per_caller, per_customer

    def key(self, tenant: str, who: str) -> str:
        """Return the key of a customer or number *who* of *tenant*; raises Fault without the index key."""
        return self._keys.list()[0].digest(tenant, f"verification:{who}").hex()[:_DIGITS]

    def reserve(self, customer: str, caller: str) -> Attempt | None:
        """Count an attempt at *customer* by *caller*, both keys, in advance; None when there were too many.

        Raises Fault when it cannot be stored: then nothing may be verified.
        """
        now, attempt = self._clock.now(), Attempt(customer, secrets.token_hex(16))
        of_customer = (attempts.c.customer == customer) & (attempts.c.attempt != _QUEUE)
        with self._database.write() as connection:
            connection.execute(_JOIN_QUEUE, {"customer": customer, "at": to_milliseconds(now)})
            connection.execute(update(attempts).where(of_customer, attempts.c.at > now).values(at=now))
            by_caller = func.count(case((attempts.c.caller == caller, 1)))
            query = select(by_caller, func.count()).where(of_customer, attempts.c.at > now - PERIOD)
            of_caller, in_all = connection.execute(query).one()
            if of_caller >= self._per_caller or in_all >= self._per_customer:
                return None
            values = {"customer": customer, "attempt": attempt.id, "caller": caller, "at": now}
            connection.execute(insert(attempts).values(values))
        return attempt

    def give_back(self, attempt: Attempt) -> None:
        """Undo what `reserve` counted, and delete attempts that do not count any more."""
        of_attempt = (attempts.c.customer == attempt.customer) & (attempts.c.attempt == attempt.id)
        with self._database.write() as connection:
            connection.execute(delete(attempts).where(of_attempt))
            self._prune(connection)

    def reset(self, customer: str) -> int:
        """Forget every attempt at *customer*, a key; return how many there were."""
        of_customer = (attempts.c.customer == customer) & (attempts.c.attempt != _QUEUE)
        with self._database.write() as connection:
            return connection.execute(delete(attempts).where(of_customer)).rowcount

    def _prune(self, connection: Connection) -> None:
        connection.execute(delete(attempts).where(attempts.c.at <= self._clock.now() - PERIOD))

"""Claims messages for an attempt by a lease in the database, so that workers of several nodes share them.

A claimed message is due again when its lease ends. So no other worker sends it meanwhile, and the message of
a killed worker is sent again. A claim counts as an attempt; its number shows whether the lease was lost.

Instants are of the clock that all nodes share. What a clock that was ahead wrote is dated to the present.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, Select, bindparam, delete, func, select, update

from validator.clock import Clock
from validator.store.database import Database
from validator.webhooks.policy import WebhooksPolicy
from validator.webhooks.schedule import LONGEST
from validator.webhooks.tables import MAX_ERROR, messages

_MARGIN = timedelta(minutes=1)  # of a lease, beyond the time for one attempt


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message to send: its id, its tenant space, its type, and which attempt this is, from 1."""

    id: str
    tenant: str
    type: str
    attempt: int
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt: why, and after which time there is another; None makes it a dead letter."""

    message: Claimed
    error: str
    delay: timedelta | None


class Claims:
    """The messages to send, for the workers."""

    def __init__(self, database: Database, clock: Clock, policy: WebhooksPolicy) -> None:
        """Use *clock*, which all nodes share; a lease is longer than an attempt by *policy*."""
        self._database, self._clock = database, clock
        self._lease, self._keep = policy.timeout + _MARGIN, policy.keep
        self._maximum = policy.max_messages

    def claim(self, maximum: int) -> list[Claimed]:
        """Return at most *maximum* messages that are due: new ones first, by when they were added.

        Raises Fault when the database is unavailable, or an older copy: it may have what was erased since.
        """
        now = self._clock.now()
        due = select(messages.c.id).where(messages.c.due_at <= now)
        with self._database.confirmed() as connection:
            if connection.execute(due.limit(1)).first() is None:
                return []  # an idle outbox is not locked
        # Another worker's are passed over. An embedded database has one writer at a time anyway.
        first = (
            due.order_by(messages.c.due_at, messages.c.id).limit(maximum).with_for_update(skip_locked=True)
        )
        with self._database.write() as connection:
            ids = connection.execute(first).scalars().all()
            taken = update(messages).where(messages.c.id.in_(ids))
            taken = taken.values(attempts=messages.c.attempts + 1, due_at=now + self._lease)
            rows = connection.execute(
                taken.returning(
                    messages.c.id, messages.c.tenant, messages.c.type, messages.c.attempts, messages.c.sealed
                )
            )
            return [Claimed(*row) for row in sorted(rows)]

    def settle(self, delivered: Sequence[str], failed: Sequence[Failure]) -> None:
        """Delete messages *delivered*; store when *failed* ones are due, unless their lease was lost."""
        if not delivered and not failed:
            return
        now = self._clock.now()
        with self._database.write() as connection:
            if delivered:
                connection.execute(delete(messages).where(messages.c.id.in_(delivered)))
            if failed:
                _store(connection, failed, now)

    def trim(self) -> int:
        """Delete the dead letters that were stored long enough, and the oldest messages that are too many.

        Of those dead letters go first. Return how many were too many.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            ahead = update(messages).where(messages.c.due_at > now + LONGEST)
            connection.execute(ahead.values(due_at=now))
            connection.execute(update(messages).where(messages.c.dead_at > now).values(dead_at=now))
            connection.execute(delete(messages).where(messages.c.dead_at < now - self._keep))
            excess = (
                connection.execute(select(func.count()).select_from(messages)).scalar_one() - self._maximum
            )
            oldest = select(messages.c.id).order_by(messages.c.id)
            dropped = 0
            for of_kind in (messages.c.dead_at.is_not(None), messages.c.dead_at.is_(None)):
                dropped += _drop(connection, oldest.where(of_kind), excess - dropped)
        return dropped


def _drop(connection: Connection, oldest: Select[tuple[str]], count: int) -> int:
    """Delete the first *count* messages of *oldest*; return how many there were."""
    if count <= 0:
        return 0
    return connection.execute(delete(messages).where(messages.c.id.in_(oldest.limit(count)))).rowcount


def _store(connection: Connection, failed: Sequence[Failure], now: datetime) -> None:
    of_lease = (messages.c.id == bindparam("of")) & (messages.c.attempts == bindparam("attempt"))
    rows = [
        {
            "of": each.message.id,
            "attempt": each.message.attempt,
            "due_at": None if each.delay is None else now + each.delay,
            "dead_at": now if each.delay is None else None,
            "error": each.error[:MAX_ERROR],
        }
        for each in failed
    ]
    connection.execute(update(messages).where(of_lease), rows)

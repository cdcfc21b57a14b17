"""The stored messages for operators: how many wait, which are dead letters, sending and deleting those."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, select, update

from validator.clock import EPOCH
from validator.store.database import Database
from validator.webhooks.tables import messages

WAITING, DEAD = "waiting", "dead"
OLD = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Summary:
    """How many messages wait, since when the oldest of them does, and how many are dead letters."""

    waiting: int
    oldest: datetime | None
    dead: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A message without its content; a dead letter has no next attempt."""

    id: str
    tenant: str
    type: str
    added_at: datetime
    attempts: int
    due_at: datetime | None
    error: str

    @property
    def state(self) -> str:
        """Whether it waits or is a dead letter."""
        return DEAD if self.due_at is None else WAITING


@dataclass(frozen=True, slots=True)
class Selection:
    """Dead letters: those with *ids*, or those that were added at *since* or later and before *until*."""

    ids: Collection[str] = ()
    since: datetime | None = None
    until: datetime | None = None

    def condition(self) -> ColumnElement[bool]:
        """Return the condition of a query."""
        chosen: ColumnElement[bool] = messages.c.dead_at.is_not(None)
        if self.ids:
            chosen &= messages.c.id.in_(sorted(self.ids))
        if self.since is not None:
            chosen &= messages.c.added_at >= self.since
        if self.until is not None:
            chosen &= messages.c.added_at < self.until
        return chosen


def shortcomings(summary: Summary, now: datetime) -> list[str]:
    """Return what an operator should look at, in words; nothing if all is well *now*."""
    words = [f"{summary.dead} dead letters: `validator webhooks list`"] if summary.dead else []
    if summary.oldest is not None and now - summary.oldest > OLD:
        words.append(f"{summary.waiting} messages wait, some for over an hour: does the receiver work?")
    return words


class Messages:
    """The table of messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def summary(self) -> Summary:
        """Return how many messages there are."""
        waits = messages.c.dead_at.is_(None)
        query = select(
            func.count().filter(waits), func.min(messages.c.added_at).filter(waits), func.count()
        ).select_from(messages)
        with self._database.read() as connection:
            waiting, oldest, total = connection.execute(query).one()
        return Summary(waiting, oldest, total - waiting)

    def list(self, state: str, limit: int) -> list[Listed]:
        """Return the first *limit* messages in *state*, the oldest first."""
        is_dead = messages.c.dead_at.is_not(None)
        query = select(*(messages.c[name] for name in Listed.__dataclass_fields__))
        query = query.where(is_dead if state == DEAD else ~is_dead).order_by(messages.c.id).limit(limit)
        with self._database.read() as connection:
            return [Listed(*row) for row in connection.execute(query)]

    def replay(self, selection: Selection) -> int:
        """Send dead letters again, from the first attempt, with their ids; return how many."""
        again = update(messages).where(selection.condition())
        with self._database.write() as connection:
            return connection.execute(again.values(dead_at=None, due_at=EPOCH, attempts=0)).rowcount

    def discard(self, selection: Selection) -> int:
        """Delete dead letters; return how many."""
        with self._database.write() as connection:
            return connection.execute(delete(messages).where(selection.condition())).rowcount

"""The marks: how a database that lost changes is noticed, after a restore, on a standby or by a failover.

A revocation, a logout, a disabled account or a changed password must not be undone by an older copy of the
database. Each such change has a number, greater than all of its kind before it, and an id that the database
records in the same transaction (`store.history`). A node remembers the last id of each kind that it
acknowledged or that a query returned (`store.memory`). A database without that id has lost changes:

- of the kind *ended*: this node refuses the tokens and sessions from before it noticed, and serves newer
  ones. No clock decides which are newer: the node makes one more change, the *fence*, and what is issued from
  then on carries its number or a greater one.
- of the kind *changed*: this node answers nothing from it until `validator db accept-restore` has run.

A greater number in the database does not show that it lost nothing, since others may go on changing it. So
what counts is whether it has the very id.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, select, text

from validator.clock import EPOCH
from validator.cooldown import Cooldown
from validator.errors import Fault, Reason
from validator.store import history
from validator.store.database import Database, DatabasePolicy
from validator.store.known import Kind, Known, Seen, number_of
from validator.store.memory import FILE, Memory

OLDER = "the database is older than the last change that this node knows: run `validator db accept-restore`"
FENCED = (
    "the database lost a logout or a revocation, so this node refuses what was issued before it noticed;"
    " to end that on every node, run `validator db accept-restore`"
)
NOT_FENCED = 2**62  # greater than every number: nothing is from after the loss
_REST = timedelta(seconds=1)
_LOG = logging.getLogger(__name__)


class GuardedDatabase(Database):
    """A database that is compared with what this node knows."""

    def __init__(self, policy: DatabasePolicy, directory: Path) -> None:
        """Keep what is known in a file of *directory*, the folder of the keys."""
        super().__init__(policy)
        self._memory = Memory(directory / FILE)
        self._fencing, self._cooldown = Lock(), Cooldown(_REST)
        self._is_server = self.engine.dialect.name == "postgresql"

    def known(self) -> Known:
        """Return what this node knows; raises Fault(KEYS_UNAVAILABLE) when the file cannot be used."""
        return self._memory.known()

    @contextmanager
    def durable_write(self, at: datetime, kind: Kind = Kind.CHANGED) -> Iterator[Connection]:
        """Like `write`, for a change of *kind* that restoring an older copy must not undo silently.

        Raises Fault when the file cannot be written: the change is made then, but not acknowledged.
        """
        known = self.known()
        with self.write() as connection:
            yield connection
            has_all = history.has(connection, kind, known.of(kind))
            change = history.record(connection, kind, at, above=number_of(known.of(kind)))
        if kind is Kind.ENDED:
            self._memory.record(ended=change, fence=0 if has_all else number_of(change))
        else:
            # What was lost stays known, so that this node goes on refusing the database.
            self._memory.record(changed=change if has_all else "")

    @contextmanager
    def confirmed(self) -> Iterator[Connection]:
        """Like `read`, from a database that has every change which this node knows.

        Raises Fault(STORE_UNAVAILABLE) when it has not.
        """
        known = self.known()
        with self.read() as connection:
            if self.trust(known, _look(connection, known)) == NOT_FENCED:
                raise Fault(Reason.STORE_UNAVAILABLE, FENCED)
            yield connection

    def trust(self, known: Known, seen: Seen) -> int:
        """Return the number that tokens and sessions carry at least, to be from after the last loss.

        *known* is what was known before the query that returned *seen* was sent. Raises
        Fault(STORE_UNAVAILABLE) when the database has lost a change of the kind *changed*.
        """
        if seen.found == known.count:
            self._memory.learn(seen.ended, seen.changed)
            return known.horizon
        return self._doubt(known)

    def check_mark(self) -> str | None:
        """Return how the database is degraded, or None; raises Fault(STORE_UNAVAILABLE) when it is older.

        What this process has learned is in the file before this returns.
        """
        with self.read() as connection:
            self._follow(connection, self.known())
            known = self.known()
            horizon = self.trust(known, _look(connection, known))
        self._memory.save()
        return FENCED if horizon == NOT_FENCED or self.known().fence else None

    def accept_restore(self, at: datetime) -> None:
        """Accept the database as it is; the caller has ended every token and session in it."""
        known = self.known()
        with self.write() as connection:
            now_known = history.accept(
                connection, at, above=max(number_of(known.ended), number_of(known.changed), known.accepted)
            )
        self._memory.take_over(now_known)

    def instants(self, connection: Connection, at: datetime) -> tuple[datetime, datetime]:
        """Return the earlier and the later one of *at* and the present instant of the server's clock."""
        server = self.server_time(connection)
        return (at, at) if server is None else (min(at, server), max(at, server))

    def server_time(self, connection: Connection) -> datetime | None:
        """Return the present instant by the clock of the server; None when the database is embedded."""
        if not self._is_server:
            return None
        now: datetime = connection.execute(select(text("clock_timestamp()"))).scalar_one()
        return now

    def close(self) -> None:
        """Close every connection, and finish the file."""
        self._memory.close()
        super().close()

    def _doubt(self, known: Known) -> int:
        """Find out what is missing in a database that has not each of the *known* changes."""
        with self.read() as connection:
            lost = _lost(connection, known)
            if lost and self._follow(connection, known):
                return self.known().horizon
            seen = _look(connection, known)
        if Kind.CHANGED in lost:
            raise Fault(Reason.STORE_UNAVAILABLE, OLDER)
        if Kind.ENDED in lost:
            return self._fence()
        self._memory.learn(seen.ended, seen.changed)
        return known.horizon

    def _follow(self, connection: Connection, known: Known) -> bool:
        """Take over a restore that was accepted on another node; return whether there was one.

        Its number is greater than what this node knows, unless a clock was ahead when that was made.
        """
        accepted = history.accepted_in(connection)
        if accepted <= known.accepted:
            return False
        if any(number_of(known.of(kind)) > accepted for kind in _lost(connection, known)):
            return False
        seen = _look(connection, known)
        self._memory.take_over(Known(seen.ended, seen.changed, accepted=accepted))
        return True

    def _fence(self) -> int:
        """Record the change that separates what was issued before the loss from what is issued now.

        One thread does it; the others trust nothing meanwhile, and when it cannot be done.
        """
        if self._cooldown.is_on or not self._fencing.acquire(blocking=False):
            return NOT_FENCED
        try:
            with self.durable_write(EPOCH, Kind.ENDED):
                _LOG.error(FENCED)
        except Fault:
            self._cooldown.begin()
            return NOT_FENCED
        finally:
            self._fencing.release()
        return self.known().horizon


def _look(connection: Connection, known: Known) -> Seen:
    return Seen.of(connection.execute(select(*history.seen_columns()), history.parameters(known)).one())


def _lost(connection: Connection, known: Known) -> list[Kind]:
    return [kind for kind in Kind if not history.has(connection, kind, known.of(kind))]

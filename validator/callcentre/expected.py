"""Calls that were seen, and whose record has to come: so that a lost push is noticed.

Nothing is removed when the record comes: a call is missing while there is no record of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Select, delete, func, select, text

from validator.callcentre.policy import CallRecordsPolicy, route_name
from validator.callcentre.tables import expected, records
from validator.causes import cause_name
from validator.clock import Clock, to_milliseconds
from validator.errors import Fault
from validator.store.database import Database

PATIENCE = timedelta(hours=1)  # how long after a call its record may come
KEEP = timedelta(days=7)  # how long a missing record is reported
_EXPECT = text("""
INSERT INTO call_expected (tenant, source, call, at) VALUES (:tenant, :source, :call, :at)
ON CONFLICT (tenant, source, call) DO NOTHING
""")

log = structlog.get_logger("validator.callcentre")


@dataclass(frozen=True, slots=True)
class MissingRecord:
    """A call that was seen, and has no record."""

    tenant: str
    source: str
    call: str
    seen_at: datetime


class ExpectedCalls:
    """The table of calls that were seen."""

    def __init__(self, database: Database, clock: Clock, policy: CallRecordsPolicy) -> None:
        """Expect records of the routes of *policy*; report missing ones no longer than records are stored."""
        self._database, self._clock = database, clock
        self._routes, self._keep = policy.routes, min(policy.keep, KEEP)

    def expect(
        self, connection: Connection | None, tenant: str, source: str, call_id: str, at: datetime
    ) -> None:
        """Remember that a call was seen *at*; a second time changes nothing. In *connection*, if given.

        Nothing is expected of a *source* whose records of *tenant* are not received.
        """
        if route_name(tenant, source) not in self._routes:
            return
        if connection is None:
            with self._database.write() as own:
                self.expect(own, tenant, source, call_id, at)
            return
        seen = {"tenant": tenant, "source": source, "call": call_id, "at": to_milliseconds(at)}
        connection.execute(delete(expected).where(self._is_over()))
        connection.execute(_EXPECT, seen)

    def note(self, tenant: str, source: str, call_id: str, at: datetime) -> None:
        """Like `expect`, after a call that must not fail by this: a fault is logged only."""
        try:
            self.expect(None, tenant, source, call_id, at)
        except Fault as fault:
            log.error("a call's record is not expected", reason=fault.reason, cause=cause_name(fault))

    def missing(self, tenant: str, maximum: int) -> Sequence[MissingRecord]:
        """Return at most *maximum* calls of *tenant* that have no record after `PATIENCE`, oldest first."""
        query = self._missing(expected).where(expected.c.tenant == tenant).order_by(expected.c.at)
        with self._database.confirmed() as connection:
            rows = connection.execute(query.limit(maximum)).all()
        return [MissingRecord(row.tenant, row.source, row.call, row.at) for row in rows]

    def count_missing(self) -> int:
        """Return how many calls, of every tenant, have no record after `PATIENCE`."""
        with self._database.read() as connection:
            return int(connection.execute(self._missing(func.count())).scalar_one())

    def _missing(self, what: Any) -> Select[Any]:
        has_record = (
            select(1)
            .where(
                records.c.tenant == expected.c.tenant,
                records.c.source == expected.c.source,
                records.c.call == expected.c.call,
            )
            .exists()
        )
        is_due = expected.c.at <= self._clock.now() - PATIENCE
        return select(what).select_from(expected).where(is_due, ~has_record, ~self._is_over())

    def _is_over(self) -> ColumnElement[bool]:
        now = self._clock.now()
        return (expected.c.at < now - self._keep) | (expected.c.at > now + self._keep)

"""The present condition of call records, and what is wrong with it in words for the operator."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from validator.callcentre.expected import ExpectedCalls
from validator.callcentre.quarantine import Quarantine
from validator.callcentre.records import CallRecords
from validator.callcentre.tables import records as table
from validator.store.database import Database

RECENT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Summary:
    """How many revisions were received within `RECENT`, the last one ever, and what is not well."""

    recent: int
    last: datetime | None
    unreadable: int
    missing: int


def summary(database: Database, expected: ExpectedCalls, quarantine: Quarantine, now: datetime) -> Summary:
    """Return the condition *now*, of every tenant. Raises Fault when the database cannot be read."""
    recent = select(func.count()).select_from(table).where(table.c.received_at > now - RECENT)
    last = select(func.max(table.c.received_at))
    with database.confirmed() as connection:
        found = connection.execute(select(recent.scalar_subquery(), last.scalar_subquery())).one()
    return Summary(found[0], found[1], quarantine.count(), expected.count_missing())


def shortcomings(records: CallRecords, expected: ExpectedCalls, quarantine: Quarantine) -> Iterator[str]:
    """Yield what is wrong; nothing if all is well. Raises Fault when the database cannot be read."""
    yield from _words(expected.count_missing(), quarantine.count())
    if overdue := records.overdue():
        yield f"callrecords.keep is over for {overdue} records: run `validator callrecords purge` daily"


def notices(found: Summary) -> Iterator[str]:
    """Yield what is wrong in *found*."""
    yield from _words(found.missing, found.unreadable)


def _words(missing: int, unreadable: int) -> Iterator[str]:
    if missing:
        yield f"{missing} calls have no record after an hour: see `validator callrecords missing`"
    if unreadable:
        yield f"{unreadable} pushes could not be read: see `validator callrecords quarantine`"

"""What is wrong with call records, in words for the operator."""

from collections.abc import Iterator

from validator.callcentre.expected import ExpectedCalls
from validator.callcentre.quarantine import Quarantine
from validator.callcentre.records import CallRecords


def shortcomings(records: CallRecords, expected: ExpectedCalls, quarantine: Quarantine) -> Iterator[str]:
    """Yield what is wrong; nothing if all is well. Raises Fault when the database cannot be read."""
    missing, unreadable, overdue = expected.count_missing(), quarantine.count(), records.overdue()
    if missing:
        yield f"{missing} calls have no record after an hour: see `validator callrecords missing`"
    if unreadable:
        yield f"{unreadable} pushes could not be read: see `validator callrecords quarantine`"
    if overdue:
        yield f"callrecords.keep is over for {overdue} records: run `validator callrecords purge` daily"

"""Imports a file of customers: every row is checked before anything is written.

Then the rows are written in short transactions, so that a login never waits for an import. One that is
interrupted leaves its first rows imported; run again, it replaces them and goes on.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from validator.clock import Clock
from validator.customers.directory import Customer
from validator.customers.rows import RowError, RowReader
from validator.customers.store import BATCH, CustomerStore, Stored
from validator.errors import OperatorError

MAX_ERRORS = 20
_PROGRESS = 50_000  # rows


@dataclass(frozen=True, slots=True)
class Checked:
    """How many rows a file has and how many are wrong, with the first of their errors."""

    rows: int
    bad: int
    errors: tuple[RowError, ...]


class Import:
    """One import; *progress* gets a line of text now and then."""

    def __init__(
        self, reader: RowReader, store: CustomerStore, clock: Clock, progress: Callable[[str], None]
    ) -> None:
        self._reader, self._store, self._clock, self._progress = reader, store, clock, progress

    def check(self, file: BinaryIO, *, is_csv: bool) -> Checked:
        """Read every row of *file*; raises OperatorError when it cannot be read as rows."""
        rows, bad, errors = 0, 0, []
        for row in self._reader.rows(file, is_csv=is_csv):
            rows += 1
            if isinstance(row, RowError):
                bad += 1
                errors += [row] if bad <= MAX_ERRORS else []
            if rows % _PROGRESS == 0:
                self._progress(f"{rows} rows are checked")
        return Checked(rows, bad, tuple(errors))

    def store(self, file: BinaryIO, tenant: str, checked: Checked, *, is_csv: bool) -> Stored:
        """Write the rows of *file* that are right, as *checked* found them; raises OperatorError, Fault."""
        at, stored, written = self._clock.now(), Stored(), 0
        for batch in _batched(self._right_rows(file, checked, is_csv=is_csv)):
            stored += self._store.put(tenant, batch, at)
            before, written = written, written + len(batch)
            if before // _PROGRESS != written // _PROGRESS:
                self._progress(f"{written} of {checked.rows - checked.bad} rows are imported")
        return stored

    def _right_rows(self, file: BinaryIO, checked: Checked, *, is_csv: bool) -> Iterator[Customer]:
        bad = rows = 0
        for row in self._reader.rows(file, is_csv=is_csv):
            rows += 1
            if not isinstance(row, RowError):
                yield row
                continue
            bad += 1
            if bad > checked.bad:
                break
        if (rows, bad) != (checked.rows, checked.bad):
            raise OperatorError("the file changed while it was imported: import it again")


def _batched(rows: Iterable[Customer]) -> Iterator[list[Customer]]:
    batch: list[Customer] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch

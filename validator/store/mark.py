"""The high-water mark: how a database that came back from a backup is noticed.

A revocation, a disabled account or a changed password must not be undone by restoring an older copy. Each
such change writes its instant into the database, in the same transaction, and then into a file beside the
keys, which is in no backup of the database. A database whose mark is behind the file's is an older one: the
server is not ready with it until an operator has ended every token and session (`validator db restored`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sqlalchemy import Column, Connection, String, Table, bindparam, select, text

from validator.clock import iso_milliseconds, to_milliseconds
from validator.errors import Fault, Reason
from validator.files import locked, read_private, write_private
from validator.store.database import Database, DatabasePolicy, Instant, metadata

FILE = "high-water"
_NAME = "lasting"

table = Table(
    "marks",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("reached", Instant, nullable=False),
)
_ADVANCE = text("""
INSERT INTO marks (name, reached) VALUES (:name, :reached)
ON CONFLICT (name) DO UPDATE SET reached = excluded.reached WHERE excluded.reached > marks.reached
""").bindparams(bindparam("reached", type_=Instant))


_NEXT = text("""
INSERT INTO marks (name, reached) VALUES ('number', :now)
ON CONFLICT (name) DO UPDATE SET
    reached = CASE WHEN excluded.reached > marks.reached THEN excluded.reached ELSE marks.reached + 1 END
RETURNING reached
""")


def next_number(connection: Connection, now: datetime) -> int:
    """Return a number greater than every one before it, in the transaction of *connection*.

    It is the time in milliseconds where that is greater, so that the numbers of a database that came back
    from a backup go on above those it has forgotten.
    """
    return int(connection.execute(_NEXT, {"now": to_milliseconds(now)}).scalar_one())


class MarkedDatabase(Database):
    """A database with a high-water mark in it and in a file."""

    def __init__(self, policy: DatabasePolicy, directory: Path) -> None:
        """Keep the file of the mark in *directory*, the folder of the keys."""
        super().__init__(policy)
        self._file = directory / FILE

    @contextmanager
    def lasting(self, at: datetime) -> Iterator[Connection]:
        """Give a connection in a transaction whose change, made *at* that instant, no restored copy may undo.

        Raises Fault when the file cannot be written: the change is made then, but the caller is not told so.
        """
        with self.write() as connection:
            yield connection
            connection.execute(_ADVANCE, {"name": _NAME, "reached": at})
        self._remember(at)

    def check_mark(self) -> None:
        """Raise Fault(STORE_UNAVAILABLE) when the database is older than what this node has seen last.

        A change that another node made is seen here, and remembered.
        """
        mark = self._read() or ""
        with self.read() as connection:
            reached = connection.execute(select(table.c.reached).where(table.c.name == _NAME)).scalar()
        seen = "" if reached is None else iso_milliseconds(reached)
        if seen < mark:
            raise Fault(
                Reason.STORE_UNAVAILABLE,
                f"the database is older than the last revocation ({mark}): run `validator db restored`",
            )
        if reached is not None and seen > mark:
            self._remember(reached)

    def _remember(self, at: datetime) -> None:
        try:
            with locked(self._file):
                write_private(self._file, max(self._read() or "", iso_milliseconds(at)).encode())
        except OSError as error:
            raise Fault(Reason.KEYS_UNAVAILABLE, f"{FILE}: {type(error).__name__}") from error

    def _read(self) -> str | None:
        """Return the instant in the file, in a form that sorts as it is later; None without a file."""
        try:
            instant = read_private(self._file).decode("ascii").strip()
            datetime.fromisoformat(instant)
            return instant
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise Fault(Reason.KEYS_UNAVAILABLE, f"{FILE}: {type(error).__name__}") from None

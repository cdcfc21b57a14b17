"""Counters in an SQLite file that all workers of a node share: a storage for the library `limits`.

A sliding window is two fixed windows, the past one weighted by how much of it is still in sight. Testing and
counting are one statement, so that no two workers pass on the same count. Losing the file loses
the counts and nothing else: it is not synced, and may lie on a tmpfs.
"""

import sqlite3
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from limits.errors import StorageError
from limits.storage import Storage
from limits.storage.base import SlidingWindowCounterSupport

from validator.clock import Clock, to_milliseconds
from validator.files import MODE
from validator.limits.entry import Entry
from validator.locks import locked

_MAX_ROWS = 500_000
_PRUNE_EVERY = 1_000
_PRUNE_AT_ONCE = 2_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS counters (
    name TEXT NOT NULL, slot INTEGER NOT NULL, n INTEGER NOT NULL, expires INTEGER NOT NULL,
    PRIMARY KEY (name, slot)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS counters_expires ON counters (expires);
"""
# One row for each counter, if every one of them stays within its limit. Numbered, for a mapping is slower to
# bind; of the first: ?1 name, ?2 slot, ?3 left, ?4 length, ?5 limit, ?6 expires, ?7 how much is added.
# The past window's share, `past * left / length`, is rounded down, as in the library.
_ROW = "(?{0}, ?{1}, ?{6}, ?{5})"
_IS_WITHIN = """?{6} + coalesce((SELECT n FROM counters WHERE name = ?{0} AND slot = ?{1}), 0)
    + coalesce((SELECT n FROM counters WHERE name = ?{0} AND slot = ?{1} - 1), 0) * ?{2} / ?{3} <= ?{4}"""
_COLUMNS = 7
_INCREMENT = """
INSERT INTO counters (name, slot, n, expires) VALUES (:name, 0, :amount, :expires)
ON CONFLICT (name, slot) DO UPDATE SET
    n = CASE WHEN expires <= :now THEN excluded.n ELSE n + excluded.n END,
    expires = CASE WHEN expires <= :now THEN excluded.expires ELSE expires END
RETURNING n
"""
_FORGET_OVER = """
DELETE FROM counters WHERE (name, slot) IN
    (SELECT name, slot FROM counters WHERE expires <= ? ORDER BY expires LIMIT ?)
"""
_FORGET_OLDEST = """
DELETE FROM counters WHERE (name, slot) IN (SELECT name, slot FROM counters ORDER BY expires LIMIT ?)
"""
# By the index on `expires`: a window's end is two lengths after its beginning.
_FULLEST = """
SELECT name, sum(CASE slot WHEN :slot THEN n ELSE n * :left / :length END) AS weighted FROM counters
WHERE expires IN ((:slot + 1) * :length, (:slot + 2) * :length) AND slot IN (:slot - 1, :slot)
    AND substr(name, -length(:ending)) = :ending
GROUP BY name HAVING weighted > 0 ORDER BY weighted DESC, name LIMIT :count
"""


class SqliteStorage(Storage, SlidingWindowCounterSupport):
    """Fixed and sliding windows in an SQLite file."""

    STORAGE_SCHEME = None  # it is not made from a URI, but with the clock it goes by

    def __init__(self, path: Path, clock: Clock) -> None:
        """Count in the file at *path*, which is made when it is missing."""
        super().__init__(wrap_exceptions=True)
        self._path, self._clock = path, clock
        self._local = threading.local()
        self._hits = 0

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What a file that is broken, or may not be used, raises."""
        return sqlite3.Error, OSError

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count *amount* for *key* unless that makes more than *limit* in the last *expiry* seconds."""
        return self.acquire_sliding_window_entries((Entry(key, limit, expiry),), amount)

    def acquire_sliding_window_entries(self, entries: Sequence[Entry], amount: int = 1) -> bool:
        """Count *amount* for each of *entries* if that keeps all of them within their limits, else nothing.

        Raises StorageError when the file cannot be used.
        """
        now = self._now()
        values: list[str | int] = []
        for each in entries:
            slot, left, length = _present(now, each.expiry)
            values += (each.key, slot, left, length, each.limit, (slot + 2) * length, amount)
        try:
            self._prune_sometimes()
            return self._connection().execute(_acquire(len(entries)), values).rowcount == len(entries)
        except self.base_exceptions as error:
            raise StorageError(error) from error

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Return the past window's count and seconds in sight, then the present one's and seconds left."""
        slot, left, _ = _present(self._now(), expiry)
        query = "SELECT slot, n FROM counters WHERE name = ?1 AND slot IN (?2, ?2 - 1)"
        counts = dict(self._connection().execute(query, (key, slot)).fetchall())
        return counts.get(slot - 1, 0), left / 1000, counts.get(slot, 0), left / 1000

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Forget what was counted for *key*."""
        self._connection().execute("DELETE FROM counters WHERE name = ?", (key,))

    def fullest(self, ending: str, expiry: int, count: int) -> list[tuple[str, int]]:
        """Return the *count* keys on *ending* with the most in the last *expiry* seconds, and how many."""
        slot, left, length = _present(self._now(), expiry)
        values = {"slot": slot, "left": left, "length": length, "ending": ending, "count": count}
        return self._connection().execute(_FULLEST, values).fetchall()

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count *amount* for *key* in a window that began with its first count; return the sum."""
        now = self._now()
        values = {"name": key, "amount": amount, "expires": now + expiry * 1000, "now": now}
        self._prune_sometimes()
        return int(self._connection().execute(_INCREMENT, values).fetchone()[0])

    def get(self, key: str) -> int:
        """Return what was counted for *key* in its fixed window."""
        query = "SELECT n FROM counters WHERE name = ? AND slot = 0 AND expires > ?"
        row = self._connection().execute(query, (key, self._now())).fetchone()
        return int(row[0]) if row else 0

    def get_expiry(self, key: str) -> float:
        """Return when the fixed window of *key* ends, in seconds since 1970; now when there is none."""
        query = "SELECT expires FROM counters WHERE name = ? AND slot = 0 AND expires > ?"
        row = self._connection().execute(query, (key, self._now())).fetchone()
        return (row[0] if row else self._now()) / 1000

    def check(self) -> bool:
        """Return whether the file can be read."""
        try:
            self._connection().execute("SELECT 1 FROM counters LIMIT 1")
        except self.base_exceptions:
            return False
        return True

    def reset(self) -> int:
        """Forget everything; return how many counters there were."""
        return self._connection().execute("DELETE FROM counters").rowcount

    def clear(self, key: str) -> None:
        """Forget what was counted for *key*."""
        self._connection().execute("DELETE FROM counters WHERE name = ?", (key,))

    def close(self) -> None:
        """Close this thread's connection."""
        connection = self._local.__dict__.pop("connection", None)
        if connection is not None:
            connection.close()

    def prune(self) -> None:
        """Forget windows that are over, and the oldest of all when there are too many."""
        connection = self._connection()
        connection.execute(_FORGET_OVER, (self._now(), _PRUNE_AT_ONCE))
        surplus = connection.execute("SELECT count(*) FROM counters").fetchone()[0] - _MAX_ROWS
        if surplus > 0:
            connection.execute(_FORGET_OLDEST, (surplus,))

    def _prune_sometimes(self) -> None:
        self._hits += 1
        if self._hits % _PRUNE_EVERY == 0:
            self.prune()

    def _now(self) -> int:
        return to_milliseconds(self._clock.now())

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            # One after the other: SQLite does not wait while another process changes the journal's mode.
            with locked(self._path):
                self._path.touch(MODE)
                connection = sqlite3.connect(self._path, timeout=1, isolation_level=None)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = OFF")
                connection.executescript(_SCHEMA)
            self._local.connection = connection
        return connection


def _present(now: int, expiry: int) -> tuple[int, int, int]:
    """Return the number of the window that is now, how much of the past one is in sight, and the length."""
    length = expiry * 1000
    slot, gone = divmod(now, length)
    # Slot 0 is the fixed window's; no sliding window of this century has that number.
    return slot, length - gone, length


@cache
def _acquire(counters: int) -> str:
    """Return the statement that counts for a number of *counters* at once."""
    numbers = [range(first, first + _COLUMNS) for first in range(1, counters * _COLUMNS, _COLUMNS)]
    rows = ", ".join(_ROW.format(*each) for each in numbers)
    are_within = " AND ".join(_IS_WITHIN.format(*each) for each in numbers)
    return f"""
        INSERT INTO counters (name, slot, n, expires) SELECT * FROM (VALUES {rows}) WHERE {are_within}
        ON CONFLICT (name, slot) DO UPDATE SET n = n + excluded.n
    """  # noqa: S608 - made of constants

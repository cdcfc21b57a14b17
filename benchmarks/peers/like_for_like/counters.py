"""A storage of `limits` that all workers share without another server: one table of SQLite."""

import sqlite3
import time
from pathlib import Path

from limits.storage import Storage

SCHEMA = "CREATE TABLE IF NOT EXISTS counters (key TEXT PRIMARY KEY, hits INTEGER, ends REAL) WITHOUT ROWID"
_HIT = """
INSERT INTO counters VALUES (:key, :amount, :now + :expiry) ON CONFLICT (key) DO UPDATE SET
    hits = CASE WHEN ends <= :now THEN 0 ELSE hits END + :amount,
    ends = CASE WHEN ends <= :now THEN :now + :expiry ELSE ends END
RETURNING hits
"""


class SharedTable(Storage):
    """Counts in the file *path*; a lost count after a power cut is no harm, so nothing waits for the disk."""

    STORAGE_SCHEME = ["sqlite"]  # noqa: RUF012 - as the library declares it

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(SCHEMA)

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return what a failure raises."""
        return sqlite3.Error

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count *amount* on *key*, whose window is *expiry* seconds; return the count."""
        now = time.time()  # noqa: TID251 - another program than the validator
        about = {"key": key, "amount": amount, "now": now, "expiry": expiry}
        hits: int = self._database.execute(_HIT, about).fetchall()[0][0]
        return hits

    def get(self, key: str) -> int:
        """Return the count of *key*."""
        row = self._database.execute("SELECT hits FROM counters WHERE key = ?", (key,)).fetchone()
        return row[0] if row else 0

    def get_expiry(self, key: str) -> float:
        """Return when the window of *key* ends."""
        row = self._database.execute("SELECT ends FROM counters WHERE key = ?", (key,)).fetchone()
        return row[0] if row else time.time()  # noqa: TID251 - another program than the validator

    def check(self) -> bool:
        """Return whether the table can be read."""
        return self._database.execute("SELECT 1").fetchone() == (1,)

    def reset(self) -> int | None:
        """Forget every count."""
        return self._database.execute("DELETE FROM counters").rowcount

    def clear(self, key: str) -> None:
        """Forget the count of *key*."""
        self._database.execute("DELETE FROM counters WHERE key = ?", (key,))

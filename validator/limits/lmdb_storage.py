"""Counters in an LMDB file that all workers of a node share: a storage for the library `limits`.

Testing and counting are one transaction, so that no two workers pass on the same count.
"""

from collections.abc import Sequence
from pathlib import Path

import lmdb
from limits.errors import StorageError
from limits.storage import Storage
from limits.storage.base import SlidingWindowCounterSupport

from validator.clock import Clock, to_milliseconds
from validator.limits import windows
from validator.limits.counterfile import counter_file
from validator.limits.entry import Entry
from validator.limits.place import SHARED

MAX_ROWS = 500_000
_PRUNE_EVERY = 64  # hits
_PRUNE_AT_ONCE = 512  # more than are counted meanwhile
_FULL = 0.85


class LmdbStorage(Storage, SlidingWindowCounterSupport):
    """Fixed and sliding windows in an LMDB file."""

    STORAGE_SCHEME = None  # it is not made from a URI, but with its clock

    def __init__(self, link: Path, clock: Clock, shared: Path = SHARED) -> None:
        """Count in the folder that *link* leads to; if missing, it is made on the tmpfs *shared*."""
        super().__init__(wrap_exceptions=True)
        self._file, self._clock = counter_file(link, shared), clock
        self._hits = 0

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What a file that is broken, unavailable or locked raises."""
        return lmdb.Error, OSError

    @property
    def is_shared_memory(self) -> bool:
        """Whether the file is on a tmpfs."""
        return self._file.place.is_shared_memory

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Count *amount* for *key* unless that makes more than *limit* in the last *expiry* seconds."""
        return self.acquire_sliding_window_entries((Entry(key, limit, expiry),), amount)

    def acquire_sliding_window_entries(self, entries: Sequence[Entry], amount: int = 1) -> bool:
        """Count *amount* for each of *entries* if that keeps all of them within their limits, else nothing.

        Raises StorageError when the file cannot be used.
        """
        return self.acquire_each((entries,), amount)[0]

    def acquire_each(self, groups: Sequence[Sequence[Entry]], amount: int = 1) -> list[bool]:
        """Do `acquire_sliding_window_entries` for each of *groups*, one after the other, in one transaction.

        Return the result of each. Raises StorageError when the file cannot be used: then none is counted.
        """
        try:
            self._prune_sometimes(len(groups))
            return self._file.use(windows.acquire_each, self._now(), groups, amount)
        except self.base_exceptions as error:
            raise StorageError(error) from error

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Return the past window's count and seconds in sight, then the present one's and seconds left."""
        number, left = self._present(expiry)
        past, present = self._file.use(windows.sliding, key, expiry, number)
        return past, left / 1000, present, left / 1000

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Forget what was counted for *key*."""
        self._file.use(windows.clear, key, expiry)

    def fullest(self, ending: str, expiry: int, count: int) -> list[tuple[str, int]]:
        """Return the *count* keys on *ending* with the most in the last *expiry* seconds, and how many.

        They are read page by page, so that no request waits: meanwhile others may be counted.
        """
        number, left = self._present(expiry)
        counts: dict[bytes, int] = {}
        for each in (number - 1, number):
            for name, counted in self._rows(expiry, each, windows.name_of(ending)):
                weighted = counted if each == number else counted * left // (expiry * 1000)
                counts[name] = counts.get(name, 0) + weighted
        found = sorted((-counted, windows.key_of(name)) for name, counted in counts.items() if counted)
        return [(key, -counted) for counted, key in found[:count]]

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count *amount* for *key* in a window that began with its first count; return the sum."""
        self._prune_sometimes()
        return self._file.use(windows.increment, self._now(), key, expiry, amount)

    def get(self, key: str) -> int:
        """Return what was counted for *key* in its fixed window."""
        found = self._file.use(windows.fixed, self._now(), key)
        return found[0] if found else 0

    def get_expiry(self, key: str) -> float:
        """Return when the fixed window of *key* ends, in seconds since 1970; now when there is none."""
        now = self._now()
        found = self._file.use(windows.fixed, now, key)
        return (found[1] if found else now) / 1000

    def check(self) -> bool:
        """Return whether the file can be read."""
        try:
            self._file.use(_rows)
        except self.base_exceptions:
            return False
        return True

    def reset(self) -> int:
        """Forget everything; return how many counters there were."""
        return self._file.use(_reset)

    def clear(self, key: str) -> None:
        """Forget what was counted for *key*."""
        self._file.use(windows.clear, key)

    def close(self) -> None:
        """Close the file; it is opened again when it is used again."""
        self._file.close()

    def prune(self) -> None:
        """Forget windows that can count no more, and the oldest ones beyond the limit of rows and pages."""
        is_full = self._file.make_room() > _FULL
        self._file.use(_prune, self._now(), is_full)

    def _prune_sometimes(self, hits: int = 1) -> None:
        self._hits += hits
        if self._hits >= _PRUNE_EVERY:
            self._hits %= _PRUNE_EVERY
            self.prune()

    def _rows(self, expiry: int, number: int, ending: bytes) -> list[tuple[bytes, int]]:
        """Return the names on *ending*, which are backwards too, and their counts in one window."""
        found: list[tuple[bytes, int]] = []
        start = ending
        while page := self._file.use(windows.page, expiry, number, start, ending):
            found += page
            start = page[-1][0] + b"\0"
        return found

    def _present(self, expiry: int) -> tuple[int, int]:
        """Return the number of the window that is now, and how many milliseconds of it are left."""
        length = expiry * 1000
        number, gone = divmod(self._now(), length)
        return number, length - gone

    def _now(self) -> int:
        return to_milliseconds(self._clock.now())


def _rows(rows: windows.Rows) -> int:
    return rows.stat()["entries"] - 1  # without the header


def _reset(rows: windows.Rows) -> int:
    count = _rows(rows)
    windows.evict(rows, count)
    return count


def _prune(rows: windows.Rows, now: int, is_full: bool) -> None:
    windows.prune(rows, now, _PRUNE_AT_ONCE)
    surplus = max(_rows(rows) - MAX_ROWS, _PRUNE_AT_ONCE if is_full else 0)
    windows.evict(rows, surplus)

"""Keys of a month each, by which the audit trail names a telephone number without containing it.

An entry of the trail is never removed. So it has HMAC-SHA-256 of the tenant space and the number with the
month's key, cut to 128 bits, instead of the number. A holder of the key finds the entries about one. Once
the key is destroyed, nobody can recover a number from that month's entries, or link them with other months'.
The trail and its keys belong to one node.
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from validator.clock import Clock
from validator.errors import Fault, Reason
from validator.files import make_private_key, read_private_key
from validator.keys.index import IndexKey, IndexKeyState
from validator.ownership import words_of

_FILE = re.compile(r"trail-numbers-(\d{4})-(\d\d)\.key", re.ASCII)
_BYTES = 16


class MonthlyKeys:
    """The keys in *directory*."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory, self._clock = directory, clock

    def digest(self, tenant: str, value: str) -> str:
        """Return the name of *value* of *tenant* in this month's entries; raises Fault(KEYS_UNAVAILABLE)."""
        path = self._directory / f"trail-numbers-{self._clock.now():%Y-%m}.key"
        try:
            make_private_key(path)
        except OSError as error:
            raise Fault(Reason.KEYS_UNAVAILABLE, words_of(error, path.name)) from None
        return _digest(path, tenant, value)

    def digests(self, tenant: str, value: str) -> set[str]:
        """Return the names of *value* of *tenant* in the entries of every month whose key exists."""
        return {_digest(path, tenant, value) for path in self._files()}

    def destroy(self, keep: timedelta) -> int:
        """Destroy the keys of months that ended before *keep*, or have not begun; return how many."""
        over = self._over(keep)
        for path in over:
            path.unlink(missing_ok=True)
        return len(over)

    def overdue(self, keep: timedelta) -> int:
        """Return how many keys `destroy` would destroy."""
        return len(self._over(keep))

    def _over(self, keep: timedelta) -> list[Path]:
        now = self._clock.now()
        return [path for path in self._files() if not _is_needed(path, now, keep)]

    def _files(self) -> list[Path]:
        return sorted(path for path in self._directory.iterdir() if _FILE.fullmatch(path.name))


def _digest(path: Path, tenant: str, value: str) -> str:
    try:
        key = IndexKey(IndexKeyState.CURRENT, read_private_key(path))
    except (OSError, ValueError) as error:
        raise Fault(Reason.KEYS_UNAVAILABLE, words_of(error, path.name)) from None
    return key.digest(tenant, value)[:_BYTES].hex()


def _is_needed(path: Path, now: datetime, keep: timedelta) -> bool:
    """Return whether the month of *path* has begun, and ended at most *keep* ago."""
    match = _FILE.fullmatch(path.name)
    year, month = (int(part) for part in match.groups()) if match else (0, 0)
    if not 1 <= month <= 12 or year < 1:
        return True  # not a key of a month
    first = datetime(year, month, 1, tzinfo=UTC)
    end = (first + timedelta(days=31)).replace(day=1)
    return first <= now and now - keep < end

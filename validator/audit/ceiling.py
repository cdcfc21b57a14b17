"""The ceiling on entries that strangers can cause: per source, per prefix and in total, each minute.

Entries over it are only counted; one entry per source reports the count when the minute is over.
"""

from collections import Counter
from dataclasses import dataclass
from threading import Lock

from validator.audit.events import EventName
from validator.limits.policy import EVERYBODY, address_bucket, prefix_bucket

_PARTS = 4  # one prefix may cause a quarter of the total


@dataclass(frozen=True, slots=True)
class Withheld:
    """A *count* of entries *name*, caused by one source or by all others together, that were not written."""

    name: EventName
    source: str
    count: int


class Ceiling:
    """Counts the entries of one minute in one process; thread-safe."""

    def __init__(self, per_source: int, in_all: int) -> None:
        """Per minute and event name, let *per_source* entries of one source and *in_all* entries pass."""
        self._per_source, self._in_all = per_source, in_all
        self._lock, self._minute = Lock(), ""
        self._passed: Counter[tuple[EventName, str]] = Counter()
        self._withheld: Counter[tuple[EventName, str]] = Counter()
        self._over: list[Withheld] = []

    def admits(self, name: EventName, source: str, minute: str) -> bool:
        """Return whether one more entry of *source* may be written in *minute*; count it if not."""
        one = (name, address_bucket(source))
        limits = (
            (one, self._per_source),
            ((name, f"prefix {prefix_bucket(source)}"), max(self._per_source, self._in_all // _PARTS)),
            ((name, EVERYBODY), self._in_all),
        )
        with self._lock:
            self._start_minute(minute)
            if any(self._passed[key] >= most for key, most in limits):
                self._withhold(one)
                return False
            self._passed.update(key for key, _ in limits)
        return True

    def withhold(self, name: EventName, source: str, minute: str) -> None:
        """Count an entry that is withheld for another reason."""
        with self._lock:
            self._start_minute(minute)
            self._withhold((name, address_bucket(source)))

    def has_over(self, minute: str) -> bool:
        """Return whether a minute other than *minute* has withheld entries to report."""
        return bool(self._over) or bool(self._withheld and self._minute != minute)

    @property
    def has_any(self) -> bool:
        """Whether there are withheld entries to report, now or when the minute is over."""
        return bool(self._over or self._withheld)

    def take(self, minute: str | None) -> list[Withheld]:
        """Return and clear what was withheld before *minute*, or until now if None."""
        with self._lock:
            self._start_minute(minute or "")
            over, self._over = self._over, []
        return over

    def put_back(self, over: list[Withheld]) -> None:
        """Put back *over*, which could not be reported."""
        with self._lock:
            self._over = over + self._over

    def _withhold(self, one: tuple[EventName, str]) -> None:
        # Sources without any written entry are counted together: there may be very many.
        self._withheld[one if self._passed[one] else (one[0], EVERYBODY)] += 1

    def _start_minute(self, minute: str) -> None:
        """Reset the counts unless *minute* is the current one; the clock may go either way."""
        if minute == self._minute:
            return
        self._over += [Withheld(name, source, count) for (name, source), count in self._withheld.items()]
        self._minute = minute
        self._passed.clear()
        self._withheld.clear()

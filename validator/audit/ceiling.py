"""The ceiling on entries that strangers can cause: per source, per prefix and in all, in each minute.

What is over it is counted, and told in one entry for a source when the minute is over.
"""

from collections import Counter
from dataclasses import dataclass
from threading import Lock

from validator.audit.events import EventName
from validator.limits.policy import EVERYBODY, address_bucket, prefix_bucket

_PARTS = 4  # of what all together may cause, one prefix may cause one


@dataclass(frozen=True, slots=True)
class Withheld:
    """So many entries of a kind that one source, or everybody else, caused and that were not written."""

    name: EventName
    source: str
    count: int


class Ceiling:
    """Counts, in one process, the entries of one minute; safe for several threads."""

    def __init__(self, per_source: int, in_all: int) -> None:
        """Let at most so many entries of a kind pass in a minute, of one source and *in_all*."""
        self._per_source, self._in_all = per_source, in_all
        self._lock, self._minute = Lock(), ""
        self._passed: Counter[tuple[EventName, str]] = Counter()
        self._withheld: Counter[tuple[EventName, str]] = Counter()
        self._over: list[Withheld] = []

    def admits(self, name: EventName, source: str, minute: str) -> bool:
        """Return whether one more entry of *source* may be written in *minute*; if not, count it."""
        one = (name, address_bucket(source))
        limits = (
            (one, self._per_source),
            ((name, f"prefix {prefix_bucket(source)}"), max(self._per_source, self._in_all // _PARTS)),
            ((name, EVERYBODY), self._in_all),
        )
        with self._lock:
            self._turn_to(minute)
            if any(self._passed[key] >= most for key, most in limits):
                self._withhold(one)
                return False
            self._passed.update(key for key, _ in limits)
        return True

    def withhold(self, name: EventName, source: str, minute: str) -> None:
        """Count an entry that is not written for another reason."""
        with self._lock:
            self._turn_to(minute)
            self._withhold((name, address_bucket(source)))

    def has_over(self, minute: str) -> bool:
        """Return whether something is to be told of a minute that is not *minute*."""
        return bool(self._over) or bool(self._withheld and self._minute != minute)

    @property
    def has_any(self) -> bool:
        """Whether anything is to be told, now or when the minute is over."""
        return bool(self._over or self._withheld)

    def take(self, minute: str | None) -> list[Withheld]:
        """Return, once, what was withheld before *minute*; None: until now."""
        with self._lock:
            self._turn_to(minute or "")
            over, self._over = self._over, []
        return over

    def put_back(self, over: list[Withheld]) -> None:
        """Take back what could not be told."""
        with self._lock:
            self._over = over + self._over

    def _withhold(self, one: tuple[EventName, str]) -> None:
        # A source that nothing was written of is one of everybody: there may be very many.
        self._withheld[one if self._passed[one] else (one[0], EVERYBODY)] += 1

    def _turn_to(self, minute: str) -> None:
        """Begin to count anew unless *minute* is the one that is counted, whichever way the clock went."""
        if minute == self._minute:
            return
        self._over += [Withheld(name, source, count) for (name, source), count in self._withheld.items()]
        self._minute = minute
        self._passed.clear()
        self._withheld.clear()

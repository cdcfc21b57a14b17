"""Cool-down: after a dependency times out, fail fast for a moment; else requests queue up behind it."""

import threading
from datetime import timedelta

from validator.clock import stopwatch


class Cooldown:
    """A moment of the given length after each time that something did not answer."""

    def __init__(self, length: timedelta) -> None:
        self._seconds, self._until = length.total_seconds(), 0.0
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Begin, or begin anew."""
        self._until = stopwatch() + self._seconds

    def end(self) -> None:
        """End it: there was an answer."""
        if self._until:
            self._until = 0.0

    @property
    def is_on(self) -> bool:
        """Whether it is that moment."""
        return stopwatch() < self._until

    def admits(self) -> bool:
        """Return whether the caller may ask now.

        After the moment, one caller at a time may try, once per length, until `end`: a dependency that is
        still silent then holds one thread and not all of them.
        """
        if not self._until:
            return True
        with self._lock:
            if self.is_on:
                return False
            if self._until:
                self.begin()
            return True

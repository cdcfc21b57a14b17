"""Cool-down: after a dependency times out, fail fast for a while instead of queueing requests behind it."""

import threading
from datetime import timedelta

from validator.clock import stopwatch


class Cooldown:
    """A cool-down of a fixed length after each time-out of a dependency."""

    def __init__(self, length: timedelta) -> None:
        self._seconds, self._until = length.total_seconds(), 0.0
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Begin or restart the cool-down."""
        self._until = stopwatch() + self._seconds

    def end(self) -> None:
        """End the cool-down: the dependency responded."""
        if self._until:
            self._until = 0.0

    @property
    def is_on(self) -> bool:
        """Whether the cool-down is in force."""
        return stopwatch() < self._until

    def admits(self) -> bool:
        """Return whether the caller may use the dependency now.

        After the cool-down, one caller per length may try until `end`: a dependency that is still silent then
        blocks one thread, not all of them.
        """
        if not self._until:
            return True
        with self._lock:
            if self.is_on:
                return False
            if self._until:
                self.begin()
            return True

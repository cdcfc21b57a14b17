"""A rest for something that did not answer: for a moment it is not asked, so that nobody queues for it."""

from datetime import timedelta

from validator.clock import stopwatch


class Rest:
    """A moment of the given length after each time that something did not answer."""

    def __init__(self, length: timedelta) -> None:
        self._seconds, self._until = length.total_seconds(), 0.0

    def begin(self) -> None:
        """Begin, or begin anew."""
        self._until = stopwatch() + self._seconds

    @property
    def is_on(self) -> bool:
        """Whether it is that moment."""
        return stopwatch() < self._until

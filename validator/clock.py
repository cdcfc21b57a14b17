"""The only module that asks the time."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Anything that knows the present instant."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock, kept right by NTP."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that may ask


def to_milliseconds(instant: datetime) -> int:
    """Return *instant* as whole milliseconds since 1970, the form in tokens and in the database."""
    return (instant - EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the instant *milliseconds* after 1970; the inverse of `to_milliseconds`.

    Raises OverflowError when the instant lies outside the years a datetime can hold.
    """
    return EPOCH + timedelta(milliseconds=milliseconds)


def iso_milliseconds(instant: datetime) -> str:
    """Return *instant* as `yyyy-MM-ddTHH:mm:ss.SSSZ`, always three digits of milliseconds."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def stopwatch() -> float:
    """Return seconds that only ever grow, for measuring how long something took; not a time of day."""
    return time.perf_counter()

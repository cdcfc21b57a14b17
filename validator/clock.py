"""The only module that reads the clock."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

import orjson

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MILLISECONDS = len('"yyyy-MM-ddTHH:mm:ss.SSS')


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock, synchronised by NTP."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the only permitted use


def to_milliseconds(instant: datetime) -> int:
    """Return *instant* in whole milliseconds since 1970, the format in tokens and in the database."""
    return (instant - EPOCH) // _MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    """Return the instant *milliseconds* after 1970; the inverse of `to_milliseconds`.

    Raises OverflowError when it is outside the years of a datetime.
    """
    return EPOCH + timedelta(milliseconds=milliseconds)


def iso_milliseconds(instant: datetime) -> str:
    """Return *instant* as `yyyy-MM-ddTHH:mm:ss.SSSZ`, always with three digits of milliseconds."""
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    if not instant.microsecond:
        return instant.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"
    # orjson writes the six digits of "2026-11-30T11:00:27.123456+00:00" in a tenth of the time.
    return orjson.dumps(instant)[1:_MILLISECONDS].decode() + "Z"


# Returns monotonic seconds, to measure durations; not a time of day.
stopwatch = time.perf_counter

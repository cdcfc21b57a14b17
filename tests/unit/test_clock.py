"""Times convert to milliseconds and back, and to the protocol's text format."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validator.clock import EPOCH, SystemClock, from_milliseconds, iso_milliseconds, to_milliseconds

FIRST = to_milliseconds(datetime.min.replace(tzinfo=UTC))
LAST = to_milliseconds(datetime.max.replace(tzinfo=UTC))
INSTANTS = st.datetimes(timezones=st.just(UTC))
# Offsets that keep every time of these years within the calendar.
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
ZONED = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=ZONES)  # noqa: DTZ001 - hypothesis needs naive bounds


def test_system_clock_returns_aware_utc() -> None:
    """The current time has its zone, is later than this test was written, and does not run backwards."""
    clock = SystemClock()

    first, second = clock.now(), clock.now()

    assert first.tzinfo is UTC
    assert datetime(2025, 1, 1, tzinfo=UTC) < first <= second


@given(st.integers(FIRST, LAST))
def test_milliseconds_round_trip(milliseconds: int) -> None:
    """Every whole millisecond of the calendar round-trips."""
    assert to_milliseconds(from_milliseconds(milliseconds)) == milliseconds


@given(INSTANTS)
def test_instant_loses_less_than_a_millisecond(instant: datetime) -> None:
    """Microseconds are truncated towards the past, before 1970 as well."""
    lost = instant - from_milliseconds(to_milliseconds(instant))

    assert timedelta(0) <= lost < timedelta(milliseconds=1)


@given(ZONED)
def test_zone_does_not_change_the_instant(instant: datetime) -> None:
    """The same time in another zone yields the same number and text."""
    elsewhere = instant.astimezone(UTC)

    assert to_milliseconds(instant) == to_milliseconds(elsewhere)
    assert iso_milliseconds(instant) == iso_milliseconds(elsewhere)


@pytest.mark.parametrize(
    ("instant", "milliseconds"),
    [
        (EPOCH, 0),
        (datetime(1970, 1, 1, 0, 0, 0, 1999, tzinfo=UTC), 1),
        (datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), -1),
        (datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC), 1_000_000_000_000),
        (datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC), 2_147_483_648_000),
    ],
)
def test_known_instants(instant: datetime, milliseconds: int) -> None:
    """The number is milliseconds since 1970, without leap seconds."""
    assert to_milliseconds(instant) == milliseconds


@pytest.mark.parametrize("milliseconds", [FIRST - 1, LAST + 1, 2**63, -(2**63), 10**400])
def test_instant_outside_the_calendar_overflows(milliseconds: int) -> None:
    """A number too large for a date raises OverflowError and nothing else."""
    with pytest.raises(OverflowError):
        from_milliseconds(milliseconds)


def test_naive_instant_is_an_error() -> None:
    """A time without a zone is refused instead of guessed."""
    with pytest.raises(TypeError):
        to_milliseconds(datetime(2026, 1, 1))  # noqa: DTZ001 - the error under test


@pytest.mark.parametrize(
    ("instant", "text"),
    [
        (EPOCH, "1970-01-01T00:00:00.000Z"),
        (datetime(2026, 7, 4, 9, 5, 3, 7000, tzinfo=UTC), "2026-07-04T09:05:03.007Z"),
        (datetime(2026, 7, 4, 9, 5, 3, 999999, tzinfo=UTC), "2026-07-04T09:05:03.999Z"),
        (datetime(2026, 1, 1, 7, tzinfo=timezone(timedelta(hours=8))), "2025-12-31T23:00:00.000Z"),
        (datetime(33, 4, 3, tzinfo=UTC), "0033-04-03T00:00:00.000Z"),
    ],
)
def test_known_texts(instant: datetime, text: str) -> None:
    """The text is in UTC, truncated to milliseconds and never rounded up."""
    assert iso_milliseconds(instant) == text


@given(INSTANTS)
def test_text_has_one_format_and_round_trips(instant: datetime) -> None:
    """Every text has 24 characters in one format and parses to the whole millisecond."""
    text = iso_milliseconds(instant)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert datetime.fromisoformat(text) == from_milliseconds(to_milliseconds(instant))

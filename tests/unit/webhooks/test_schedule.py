"""When a message is sent again: the recommended delays, prolonged at random and by the receiver."""

from datetime import timedelta

import pytest

from validator.webhooks.schedule import LONGEST, MAX_ATTEMPTS, delay_after

# Standard Webhooks 1.0.0, "Deliverability and reliability"; the first attempt is immediate.
RECOMMENDED = ["0:00:05", "0:05:00", "0:30:00", "2:00:00", "5:00:00", "10:00:00", "14:00:00", "20:00:00"]
ALL = [*RECOMMENDED, "1 day, 0:00:00"]


def delays(attempt: int) -> list[timedelta]:
    found = [delay_after(attempt) for _ in range(200)]
    return [each for each in found if each is not None]


@pytest.mark.parametrize("attempt", range(1, 10))
def test_delays_are_the_recommended_ones(attempt: int) -> None:
    """Each delay is at least the recommended one, at most a fifth longer, and spread between them."""
    found, shortest = delays(attempt), _parse(ALL[attempt - 1])

    assert all(shortest <= each <= shortest * 1.2 <= LONGEST for each in found)
    assert max(found) - min(found) > shortest / 10  # 200 lie in one half of the range once in 10^58


def test_last_attempt_has_no_delay() -> None:
    """After ten failed attempts there is no other."""
    assert MAX_ATTEMPTS == len(ALL) + 1 == 10
    assert delay_after(9) is not None
    assert [delay_after(attempt, timedelta(seconds=1)) for attempt in (10, 11)] == [None, None]


def test_receiver_prolongs_a_delay_within_bounds() -> None:
    """Retry-After prolongs a delay, up to an hour, and shortens none."""
    assert delay_after(1, timedelta(seconds=90)) == timedelta(seconds=90)
    assert delay_after(1, timedelta(days=400)) == timedelta(hours=1)
    later = delay_after(5, timedelta(seconds=90))
    assert later is not None
    assert later >= timedelta(hours=5)


def _parse(text: str) -> timedelta:
    days, _, clock = text.rpartition(" day, ")
    hours, minutes, seconds = map(int, clock.split(":"))
    return timedelta(days=int(days or 0), hours=hours, minutes=minutes, seconds=seconds)

"""Attempts: exactly as many as allowed, in any day, also in parallel; on both databases."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from tests.support.fakes import OTHER_TENANT, TENANT, FakeClock
from validator.keys.index import IndexKeys
from validator.store.database import Database
from validator.verification.attempts import PERIOD, Attempts
from validator.verification.tables import attempts as table

ONE, OTHER = "1" * 32, "2" * 32
CALLERS = [f"{number:032}" for number in range(40)]


@pytest.fixture
def attempts(database: Database, keys: IndexKeys, clock: FakeClock) -> Attempts:
    return Attempts(database, keys, clock, per_caller=3, per_customer=20)


def passed(attempts: Attempts, count: int, caller: str = CALLERS[0], customer: str = ONE) -> int:
    """Return how many of *count* attempts are reserved."""
    return sum(attempts.reserve(customer, caller) is not None for _ in range(count))


def test_each_caller_and_all_together_are_limited(attempts: Attempts) -> None:
    """Three for a caller, twenty for a customer; another customer has its own."""
    assert passed(attempts, 5) == 3
    assert sum(passed(attempts, 1, caller) for caller in CALLERS[1:]) == 17
    assert passed(attempts, 5, customer=OTHER) == 3


def test_window_slides(attempts: Attempts, clock: FakeClock) -> None:
    """No period of a day has more than three, at no edge of any window."""
    assert passed(attempts, 1) == 1
    clock.advance(hours=23)
    assert passed(attempts, 5) == 2
    clock.advance(hours=1, seconds=1)
    assert passed(attempts, 5) == 1
    clock.advance(hours=23)
    assert passed(attempts, 5) == 2


def test_refused_attempts_do_not_count(attempts: Attempts, clock: FakeClock) -> None:
    """Attempts during a block do not extend it."""
    assert passed(attempts, 3) == 3
    for _ in range(30):
        clock.advance(minutes=30)
        assert passed(attempts, 1) == 0
    clock.advance(hours=9, seconds=1)
    assert passed(attempts, 1) == 1


def test_given_back_and_reset_attempts_are_free(
    attempts: Attempts, database: Database, clock: FakeClock
) -> None:
    """What is given back does not count; a reset forgets everything of one customer; old rows are deleted."""
    first = attempts.reserve(ONE, CALLERS[0])
    assert first is not None
    attempts.give_back(first)
    assert passed(attempts, 5) == 3
    assert passed(attempts, 1, customer=OTHER) == 1

    assert attempts.reset(ONE) == 3
    assert passed(attempts, 5) == 3
    assert passed(attempts, 5, customer=OTHER) == 2
    clock.advance(days=1, seconds=1)
    last = attempts.reserve(OTHER, CALLERS[1])
    assert last is not None
    attempts.give_back(last)
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 1


def test_parallel_attempts_are_counted_exactly(attempts: Attempts) -> None:
    """Of 24 attempts at once three pass (TOCTOU)."""
    with ThreadPoolExecutor(8) as many:
        reserved = list(many.map(lambda _: attempts.reserve(ONE, CALLERS[0]), range(24)))

    assert sum(each is not None for each in reserved) == 3


def test_clock_that_was_ahead_blocks_no_longer_than_a_day(
    attempts: Attempts, database: Database, clock: FakeClock
) -> None:
    """What it wrote counts for a day from the next attempt, and not for the years that it says."""
    assert passed(attempts, 3) == 3
    with database.write() as connection:
        connection.execute(update(table).values(at=clock.now() + timedelta(days=3650)))

    assert passed(attempts, 1) == 0
    clock.instant += PERIOD + timedelta(seconds=1)
    assert passed(attempts, 5) == 3


def test_keys_reveal_nothing_and_differ(attempts: Attempts) -> None:
    """A key depends on the tenant space and the customer, and is no digest without the index key."""
    found = {attempts.key(tenant, who) for tenant in (TENANT, OTHER_TENANT) for who in ("id:C1", "number:C1")}

    assert len(found) == 4
    assert all(len(key) == 32 for key in found)
    assert attempts.key(TENANT, "id:C1") in found

"""The messages for operators: counts, and dead letters that are sent again or deleted."""

from collections.abc import Callable

import pytest

from tests.support.fakes import FakeClock
from validator.webhooks.claims import Claims, Failure
from validator.webhooks.messages import DEAD, WAITING, Messages, Selection, Summary

Add = Callable[[int], None]


@pytest.fixture
def dead(claims: Claims, add: Add, clock: FakeClock) -> list[str]:
    """Return the ids of two dead letters of different hours; a third message waits."""
    add(1)
    clock.advance(hours=1)
    add(1)
    failed = claims.claim(10)
    claims.settle([], [Failure(each, "the status is 400", None) for each in failed])
    add(1)
    return [each.id for each in failed]


def test_summary_has_the_oldest_that_waits(dead: list[str], stored: Messages, clock: FakeClock) -> None:
    """Dead letters are counted apart, and the age is of what waits."""
    assert stored.summary() == Summary(waiting=1, oldest=clock.now(), dead=2)


def test_empty_summary(stored: Messages) -> None:
    """Without messages nothing is old."""
    assert stored.summary() == Summary(0, None, 0)


def test_replayed_message_has_every_attempt_again(dead: list[str], stored: Messages, claims: Claims) -> None:
    """A dead letter with an id is sent again at once with that id, from the first attempt."""
    assert stored.replay(Selection(ids=[dead[0]])) == 1

    claimed = {each.id: each.attempt for each in claims.claim(10)}

    assert claimed[dead[0]] == 1
    assert dead[1] not in claimed
    assert [each.id for each in stored.list(DEAD, 10)] == [dead[1]]


def test_dead_letters_of_a_period(dead: list[str], stored: Messages, clock: FakeClock) -> None:
    """A period begins with its first instant and ends before its last one."""
    second = stored.list(DEAD, 10)[1]

    assert stored.discard(Selection(until=second.added_at)) == 1
    assert [each.id for each in stored.list(DEAD, 10)] == [dead[1]]
    assert stored.discard(Selection(since=second.added_at)) == 1
    assert stored.list(DEAD, 10) == []


def test_waiting_message_is_neither_replayed_nor_discarded(dead: list[str], stored: Messages) -> None:
    """An operator's selection is of dead letters only: what waits is sent."""
    (waiting,) = stored.list(WAITING, 10)

    assert stored.discard(Selection(ids=[waiting.id])) == stored.replay(Selection(ids=[waiting.id])) == 0
    assert (stored.discard(Selection()), stored.summary().waiting) == (2, 1)

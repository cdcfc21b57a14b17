"""The bulkhead: so many at once, one more is refused, and every way out gives the place back."""

import threading
from datetime import timedelta

import pytest

from tests.unit.crowd import at_once
from validator.accounts.bulkhead import Bulkhead
from validator.errors import Answer, Reason, Refusal

PATIENCE_SECONDS = 30


def is_full(bulkhead: Bulkhead) -> bool:
    """Tell whether one more is refused."""
    try:
        with bulkhead.slot():
            return False
    except Refusal:
        return True


@pytest.mark.parametrize("slots", [1, 2, 7])
def test_one_more_than_the_places_is_refused(slots: int) -> None:
    """As many as there are places get one; the next is refused at once and told when to come again."""
    bulkhead = Bulkhead(slots)
    held = [bulkhead.slot() for _ in range(slots)]
    for place in held:
        place.__enter__()

    with pytest.raises(Refusal) as refused, bulkhead.slot():
        pass

    assert refused.value.reason is Reason.HASHING_BUSY
    assert refused.value.answer is Answer.UNAVAILABLE
    assert refused.value.retry_after == timedelta(seconds=1)
    held[0].__exit__(None, None, None)
    assert not is_full(bulkhead)
    for place in held[1:]:
        place.__exit__(None, None, None)


@pytest.mark.parametrize("error", [Refusal(Reason.PASSWORD_WRONG), ZeroDivisionError(), KeyboardInterrupt()])
def test_every_way_out_gives_the_place_back(error: BaseException) -> None:
    """An error, a refusal and an interrupt free the place as an answer does, and come out as they are."""
    bulkhead = Bulkhead(1)

    for _ in range(3):
        with pytest.raises(type(error)) as raised, bulkhead.slot():
            raise error
        assert raised.value is error

    assert not is_full(bulkhead)


def test_refusal_frees_nobody_elses_place() -> None:
    """Who was refused held nothing, and so gives nothing back."""
    bulkhead = Bulkhead(1)

    with bulkhead.slot():
        assert is_full(bulkhead)
        assert is_full(bulkhead)


def test_never_more_than_the_places_at_once() -> None:
    """Of 32 threads that come at once three are in, and the others are refused and not queued."""
    bulkhead, inside, all_asked = Bulkhead(3), threading.Semaphore(0), threading.Barrier(32)

    def ask() -> None:
        try:
            with bulkhead.slot():
                inside.release()
                all_asked.wait(PATIENCE_SECONDS)
        except Refusal:
            all_asked.wait(PATIENCE_SECONDS)
            raise

    refused = at_once(32, ask)

    assert [type(error) for error in refused] == [Refusal] * 29
    assert [inside.acquire(blocking=False) for _ in range(4)] == [True, True, True, False]
    assert not is_full(bulkhead)

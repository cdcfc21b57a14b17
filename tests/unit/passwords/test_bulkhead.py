"""The bulkhead: how many hash at once, who may use the reserved slot, and that each exit releases a slot."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from tests.support.parallel_threads import at_once
from validator.clock import stopwatch
from validator.errors import PublicError, Reason, Refusal
from validator.passwords.bulkhead import MAX_WAIT, Bulkhead

PATIENCE_SECONDS = 30
ALICE, BOB, CAROL = "alice", "bob", "carol"


def is_full(bulkhead: Bulkhead, known_account: str | None = None) -> bool:
    """Return whether another caller is refused."""
    try:
        with bulkhead.slot(known_account):
            return False
    except Refusal:
        return True


@pytest.fixture
def held() -> Iterator[ExitStack]:
    """Yield a stack that holds slots until the test ends or it is closed."""
    with ExitStack() as stack:
        yield stack


@pytest.mark.timed
@pytest.mark.parametrize("slots", [2, 3, 7])
def test_strangers_get_every_slot_but_one(held: ExitStack, slots: int) -> None:
    """All slots but one are for strangers; the next one is refused at once, with Retry-After."""
    bulkhead = Bulkhead(slots)
    for _ in range(slots - 2):
        held.enter_context(bulkhead.slot())
    last = held.enter_context(ExitStack())
    last.enter_context(bulkhead.slot())
    began = stopwatch()

    with pytest.raises(Refusal) as refused, bulkhead.slot():
        pass

    assert stopwatch() - began < MAX_WAIT.total_seconds()
    assert refused.value.reason is Reason.HASHING_BUSY
    assert refused.value.answer is PublicError.UNAVAILABLE
    assert refused.value.retry_after == timedelta(seconds=1)
    last.close()
    assert not is_full(bulkhead)


def test_known_device_gets_in_while_strangers_hold_the_rest(held: ExitStack) -> None:
    """Strangers cannot take the reserved slot; without one a known device starves with them."""
    reserved, unreserved = Bulkhead(2), Bulkhead(2, has_reserved_slot=False)
    for bulkhead in (reserved, unreserved):
        while not is_full(bulkhead):
            held.enter_context(bulkhead.slot())

    assert not is_full(reserved, ALICE)
    assert is_full(unreserved, ALICE)


@pytest.mark.timed
def test_one_account_has_one_turn(held: ExitStack) -> None:
    """However often a device's cookie is sent at once, it holds or awaits the reserved slot only once."""
    bulkhead = Bulkhead(2)
    held.enter_context(bulkhead.slot())
    held.enter_context(bulkhead.slot(ALICE))
    began = stopwatch()

    assert [is_full(bulkhead, ALICE) for _ in range(20)] == [True] * 20

    assert stopwatch() - began < MAX_WAIT.total_seconds()


def test_known_device_takes_the_reserved_slot_first(held: ExitStack) -> None:
    """A known device leaves the open slots to strangers, and uses one only if the reserved slot is taken."""
    bulkhead = Bulkhead(3)
    held.enter_context(bulkhead.slot(ALICE))
    held.enter_context(bulkhead.slot(ALICE))

    assert not is_full(bulkhead)
    held.enter_context(bulkhead.slot(BOB))
    assert is_full(bulkhead)


def test_accounts_take_turns(held: ExitStack) -> None:
    """Accounts get the reserved slot in order of arrival, and none overtakes."""
    bulkhead, entered = Bulkhead(2), list[str]()
    held.enter_context(bulkhead.slot())
    first = held.enter_context(ExitStack())
    first.enter_context(bulkhead.slot(ALICE))

    def enter(account: str) -> None:
        with bulkhead.slot(account):
            entered.append(account)

    waiting = []
    for account in (BOB, CAROL):
        waiting.append(threading.Thread(target=enter, args=(account,)))
        waiting[-1].start()
        until(lambda account=account: account in queue_of(bulkhead))  # type: ignore[misc]
    assert entered == []
    first.close()
    for thread in waiting:
        thread.join(PATIENCE_SECONDS)

    assert entered == [BOB, CAROL]
    assert queue_of(bulkhead) == []


def queue_of(bulkhead: Bulkhead) -> list[str]:
    """Return the accounts that hold or await the reserved slot."""
    assert bulkhead._reserved is not None
    return list(bulkhead._reserved._queue)


def until(is_so: Callable[[], bool]) -> None:
    """Wait until *is_so* returns true."""
    deadline = stopwatch() + PATIENCE_SECONDS
    while not is_so():
        assert stopwatch() < deadline
        threading.Event().wait(0.001)


def test_wait_is_bounded_and_leaves_nothing(held: ExitStack) -> None:
    """A known device is refused after the longest wait, and leaves no place in the queue."""
    bulkhead = Bulkhead(2)
    held.enter_context(bulkhead.slot())
    first = held.enter_context(ExitStack())
    first.enter_context(bulkhead.slot(ALICE))
    began = stopwatch()

    assert is_full(bulkhead, BOB)

    assert timedelta(milliseconds=200) == MAX_WAIT
    assert stopwatch() - began >= MAX_WAIT.total_seconds()
    first.close()
    assert not is_full(bulkhead, CAROL)
    assert queue_of(bulkhead) == []


@pytest.mark.parametrize("known_account", [None, ALICE])
@pytest.mark.parametrize("error", [Refusal(Reason.PASSWORD_WRONG), ZeroDivisionError(), KeyboardInterrupt()])
def test_every_exit_releases_the_slot(error: BaseException, known_account: str | None) -> None:
    """An error, a refusal and an interrupt release the slot like a return, and are raised unchanged."""
    bulkhead = Bulkhead(2)

    for _ in range(3):
        with pytest.raises(type(error)) as raised, bulkhead.slot(known_account):
            raise error
        assert raised.value is error

    assert not is_full(bulkhead, known_account)


def test_refusal_releases_no_other_slot(held: ExitStack) -> None:
    """A refused caller held no slot and releases none."""
    bulkhead = Bulkhead(2)
    held.enter_context(bulkhead.slot())
    held.enter_context(bulkhead.slot(ALICE))

    for account in (None, ALICE, None, ALICE):
        assert is_full(bulkhead, account)


def test_never_more_than_the_slots_at_once() -> None:
    """Of 32 strangers and 32 known devices at once, exactly as many enter as there are slots."""
    bulkhead, inside, all_asked = Bulkhead(3), threading.Semaphore(0), threading.Barrier(64)
    authentication = [None if number % 2 else f"account-{number}" for number in range(64)]

    def ask() -> None:
        try:
            with bulkhead.slot(authentication.pop()):
                inside.release()
                all_asked.wait(PATIENCE_SECONDS)
        except Refusal:
            all_asked.wait(PATIENCE_SECONDS)
            raise

    refused = at_once(64, ask)

    assert [type(error) for error in refused] == [Refusal] * 61
    assert [inside.acquire(blocking=False) for _ in range(4)] == [True, True, True, False]
    assert not is_full(bulkhead)


def test_every_account_gets_its_turn() -> None:
    """Eight accounts at once all get the reserved slot while strangers hold the rest: a turn is short."""
    bulkhead, entered = Bulkhead(2), list[str]()
    accounts = [f"account-{number}" for number in range(8)]

    def enter() -> None:
        account = accounts.pop()
        with bulkhead.slot(account):
            entered.append(account)

    with bulkhead.slot():
        assert at_once(8, enter) == []

    assert len(set(entered)) == 8


@pytest.mark.parametrize(("slots", "has_reserved_slot"), [(1, True), (0, True), (0, False)])
def test_too_few_slots_are_an_error(slots: int, has_reserved_slot: bool) -> None:
    """With only the reserved slot, no new browser could ever log in."""
    with pytest.raises(ValueError, match="no slot"):
        Bulkhead(slots, has_reserved_slot=has_reserved_slot)

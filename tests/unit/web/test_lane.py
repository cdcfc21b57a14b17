"""The lane: everything that runs off the event loop, its bounds, and what happens when it stalls."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from threading import Event, current_thread
from typing import Any

import pytest

from validator.web import lane
from validator.web.lane import Job, Lane, OverloadError

TIMEOUT = 0.2  # seconds; only functions that wait for an event take longer than some microseconds
LONG = 30  # seconds: for a busy machine


Opened = Lane[Any, Any]


def call_each(jobs: Sequence[Job[Any, Any]]) -> list[Any]:
    """Call what was submitted, each function by itself."""
    results: list[Any] = []
    for job in jobs:
        try:
            results.append(job.asked(job.is_given_up))
        except LookupError as error:
            results.append(error)
    return results


def run(
    use: Callable[[Opened], Coroutine[Any, Any, None]],
    *,
    threads: int = 2,
    waiting: int = 4,
    timeout: float = LONG,
    at_once: int = 2,
    act: Callable[[Sequence[Job[Any, Any]]], Sequence[Any]] = call_each,
) -> None:
    """Run *use* with a lane, which is begun and ended."""

    async def main() -> None:
        opened: Opened = Lane("test", act, threads=threads, waiting=waiting, timeout=timeout, at_once=at_once)
        opened.begin()
        try:
            await asyncio.wait_for(use(opened), LONG)
        finally:
            opened.end()

    asyncio.run(main())


def given(result: int, _: object) -> int:
    return result


def raising(error: Exception) -> Callable[[object], None]:
    def function(_: object) -> None:
        raise error

    return function


def test_results_and_errors_are_returned() -> None:
    """What a function returns or raises is returned or raised where it was submitted."""

    async def use(opened: Opened) -> None:
        assert await asyncio.gather(*(opened.submit(partial(given, n)) for n in range(3))) == [0, 1, 2]
        with pytest.raises(LookupError):
            await opened.submit(raising(LookupError()))
        assert await opened.submit(lambda _: "after") == "after"

    run(use)


def test_one_thread_runs_what_arrived_together() -> None:
    """Functions that do not wait run in one thread, which need not compete with another one."""

    async def use(opened: Opened) -> None:
        names = await asyncio.gather(*(opened.submit(lambda _: current_thread().name) for _ in range(4)))
        assert len(set(names)) == 1
        assert names[0] != current_thread().name

    run(use)


def test_functions_that_wait_run_at_once() -> None:
    """In a parallel lane each function has a thread: two of them can wait for each other."""
    first, second = Event(), Event()

    def meet(own: Event, other: Event) -> bool:
        own.set()
        return other.wait(LONG)

    async def use(opened: Opened) -> None:
        met = (opened.submit(lambda _: meet(first, second)), opened.submit(lambda _: meet(second, first)))
        assert [*await asyncio.gather(*met)] == [True, True]

    run(use, at_once=1)


def test_another_thread_takes_over_after_a_stall() -> None:
    """A function that hangs holds up the ones behind it only for a moment."""
    released = Event()

    async def use(opened: Opened) -> None:
        batch = [opened.submit(lambda _: released.wait(LONG)) for _ in range(2)]
        assert await opened.submit(lambda _: "behind") == "behind"
        assert not any(each.done() for each in batch)
        released.set()
        assert await asyncio.gather(*batch) == [True, True]

    run(use)


def test_result_before_a_stall_is_delivered() -> None:
    """A result does not wait for the batch that the same thread runs next."""
    released = Event()

    async def use(opened: Opened) -> None:
        before, _ = (opened.submit(lambda _: "before") for _ in range(2))
        hung = opened.submit(lambda _: released.wait(LONG))
        assert await before == "before"
        assert not hung.done()
        released.set()
        assert await hung is True

    run(use, threads=1)


def test_deadline_ends_the_wait() -> None:
    """After its deadline a result is not waited for, and the function can see that."""
    released = Event()
    was_given_up: list[bool] = []

    def hang(is_given_up: Callable[[], bool]) -> None:
        was_given_up.append(is_given_up())
        released.wait(LONG)
        was_given_up.append(is_given_up())

    async def use(opened: Opened) -> None:
        with pytest.raises(OverloadError):
            await opened.submit(hang)
        released.set()
        assert await opened.submit(lambda _: "after") == "after"

    run(use, timeout=TIMEOUT, threads=1)

    assert was_given_up == [False, True]


def test_function_that_waited_too_long_does_not_run() -> None:
    """What was given up before a thread had time for it has no effect: nothing is counted or recorded."""
    released, ran = Event(), list[str]()

    async def use(opened: Opened) -> None:
        batch = [opened.submit(lambda _: released.wait(LONG)) for _ in range(2)]
        behind = opened.submit(lambda _: ran.append("behind"))
        ended = await asyncio.gather(*batch, behind, return_exceptions=True)
        assert [type(each) for each in ended] == [OverloadError] * 3
        released.set()
        await opened.submit(lambda _: ran.append("after"))

    run(use, timeout=TIMEOUT, threads=1)

    assert ran == ["after"]


def test_full_queue_refuses_at_once() -> None:
    """Beyond the bound nothing is queued; once there is room again, it is."""
    released = Event()

    async def use(opened: Opened) -> None:
        held = [opened.submit(lambda _: released.wait(LONG)) for _ in range(4)]
        with pytest.raises(OverloadError):
            opened.submit(lambda _: "too much")
        released.set()
        await asyncio.gather(*held)
        assert await opened.submit(lambda _: "after") == "after"

    run(use)


def test_stalled_threads_refuse_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """While every thread hangs, no request waits for its deadline, although the queue has room."""
    monkeypatch.setattr(lane, "_GIVE_UP", 0.0)
    released, begun = Event(), Event()

    def hang(_: object) -> bool:
        begun.set()
        return released.wait(LONG)

    async def use(opened: Opened) -> None:
        hung = opened.submit(hang)
        await asyncio.to_thread(begun.wait, LONG)
        with pytest.raises(OverloadError):
            opened.submit(lambda _: "behind")
        monkeypatch.undo()
        released.set()
        assert await hung is True
        assert await opened.submit(lambda _: "after") == "after"

    run(use, threads=1)


def test_loop_is_free_while_every_thread_hangs() -> None:
    """The loop continues with other work: it never waits for a function."""
    released = Event()

    async def use(opened: Opened) -> None:
        hung = [opened.submit(lambda _: released.wait(LONG)) for _ in range(2)]
        for _ in range(1000):
            await asyncio.sleep(0)
        assert not any(each.done() for each in hung)
        released.set()
        await asyncio.gather(*hung)

    run(use)


def test_what_waits_is_taken_together() -> None:
    """What waits when a thread is free is one batch, at most as large as allowed; none waits to be filled."""
    begun, released, sizes = Event(), Event(), list[int]()

    def act(jobs: Sequence[Job[Any, Any]]) -> list[int]:
        sizes.append(len(jobs))
        begun.set()
        released.wait(LONG)
        return [job.asked for job in jobs]

    async def use(opened: Opened) -> None:
        first = opened.submit(0)
        await asyncio.to_thread(begun.wait, LONG)
        others = [opened.submit(number) for number in range(1, 6)]
        released.set()
        assert await asyncio.gather(first, *others) == [*range(6)]

    run(use, threads=1, waiting=8, at_once=3, act=act)

    assert sizes == [1, 3, 2]


def test_error_of_one_is_not_that_of_its_batch() -> None:
    """Of a batch each has its own result or error."""

    async def use(opened: Opened) -> None:
        batch = (opened.submit(partial(given, 1)), opened.submit(raising(LookupError())))
        one, other = await asyncio.gather(*batch, return_exceptions=True)
        assert (one, type(other)) == (1, LookupError)

    run(use)


def test_what_the_batch_raises_is_the_error_of_each() -> None:
    """When the whole batch fails, nobody waits for a result, and the thread continues."""

    async def use(opened: Opened) -> None:
        for _ in range(2):
            batch = [opened.submit(partial(given, 1)) for _ in range(2)]
            ended = await asyncio.gather(*batch, return_exceptions=True)
            assert [type(each) for each in ended] == [OSError, OSError]

    def act(jobs: Sequence[Job[Any, Any]]) -> list[Any]:
        raise OSError(len(jobs))

    run(use, act=act)

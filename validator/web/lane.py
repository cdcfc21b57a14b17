"""Runs work off the event loop: in a few threads, with a bounded queue, each piece until a deadline.

Storage can stall: a disk, the network, a lock whose holder is stopped. On the event loop such a call would
stop every connection and the probe of the process. So the loop hands work over and returns the results; when
the queue is full, or all threads are stalled, it refuses at once.

A hand-over between threads is expensive in Python, because both then compete for the interpreter's lock. The
loop therefore wakes one thread for everything that arrived together, and that thread takes what waits as one
batch, whose results go back together. Nothing waits for a batch to fill. Another thread takes over after a
stall.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Generic, NamedTuple, TypeVar

from validator.clock import stopwatch

Q = TypeVar("Q")
T = TypeVar("T")
_STALL = 0.05  # seconds without a result until another thread takes over
_GIVE_UP = 0.5  # seconds without a result of all threads until functions are refused at once
_SWEEP = 0.05  # seconds between two searches for deadlines that have passed


class OverloadError(Exception):
    """The queue is full, all threads are stalled, or the deadline has passed."""


class Job(NamedTuple, Generic[Q, T]):
    """A piece of work: what is *asked*, the future result, and its deadline by the stopwatch."""

    asked: Q
    result: "asyncio.Future[T]"
    until: float

    @property
    def is_given_up(self) -> Callable[[], bool]:
        """A function that returns whether the result is no longer wanted."""
        return self.result.done


class Lane(Generic[Q, T]):
    """A bounded queue and its threads, used by one event loop."""

    def __init__(
        self,
        name: str,
        act: Callable[[Sequence[Job[Q, T]]], Sequence[T | Exception]],
        *,
        threads: int,
        waiting: int,
        timeout: float,
        at_once: int = 1,
    ) -> None:
        """Do *act* in *threads*, with at most *waiting* jobs before them, each within *timeout* seconds.

        *act* gets at most *at_once* jobs and returns the result or the error of each; what it raises is the
        error of all. With one at a time every job wakes a thread, which suits jobs that wait for a network.
        """
        self._name, self._act, self._at_once = name, act, at_once
        self._threads, self._waiting, self._timeout = threads, waiting, timeout
        self._jobs: deque[Job[Q, T]] = deque()
        self._pending: deque[Job[Q, T]] = deque()  # in the order of their deadlines; only the loop uses it
        self._done: deque[tuple[asyncio.Future[T], T | Exception]] = deque()
        self._wake_ups: SimpleQueue[bool] = SimpleQueue()
        self._lock, self._active, self._progress = Lock(), 0, 0.0
        self._is_waking = self._is_delivering = self._is_sweeping = False

    def begin(self) -> None:
        """Start the threads; call it on the event loop of this process."""
        self._loop = asyncio.get_running_loop()
        for number in range(self._threads):
            # Daemons: a thread that is stalled must not keep the process from ending.
            Thread(target=self._run, name=f"{self._name}-{number}", daemon=True).start()

    def end(self) -> None:
        """End each thread once it is idle."""
        for _ in range(self._threads):
            self._wake_ups.put(False)

    def submit(self, asked: Q) -> "asyncio.Future[T]":
        """Return the future result of the job about *asked*; both this and the future raise OverloadError."""
        now = stopwatch()
        if len(self._jobs) >= self._waiting or self._is_stalled(now, self._threads, _GIVE_UP):
            raise OverloadError
        job = Job(asked, self._loop.create_future(), now + self._timeout)
        self._jobs.append(job)
        self._pending.append(job)
        if not self._is_waking:
            self._is_waking = True
            self._loop.call_soon(self._wake)
        if not self._is_sweeping:
            self._is_sweeping = True
            self._loop.call_later(_SWEEP, self._sweep)
        return job.result

    def _is_stalled(self, now: float, active: int, seconds: float) -> bool:
        """Return whether *active* threads run, and none of them had a result for *seconds*."""
        return self._active >= active and now - self._progress > seconds

    def _wake(self) -> None:
        """Wake threads, after the loop has read whatever had arrived."""
        self._is_waking = False
        now = stopwatch()
        with self._lock:
            wanted = len(self._jobs) if self._at_once == 1 else 1
            if not self._active:
                self._progress = now
            elif self._is_stalled(now, self._active, _STALL):
                wanted = self._active + 1
            for _ in range(self._active, min(wanted, self._threads)):
                self._active += 1
                self._wake_ups.put(True)

    def _sweep(self) -> None:
        """Deliver what a thread had done before it stalled; give up what has passed its deadline."""
        self._deliver()
        now, pending = stopwatch(), self._pending
        while pending and pending[0].until <= now:
            result = pending.popleft().result
            if not result.done():
                result.set_exception(OverloadError())
        self._is_sweeping = bool(pending)
        if pending:
            self._wake()  # another thread, after a stall
            self._loop.call_later(_SWEEP, self._sweep)

    def _deliver(self) -> None:
        self._is_delivering = False
        while self._done:
            result, value = self._done.popleft()
            if result.done():
                continue
            if isinstance(value, Exception):
                result.set_exception(value)
            else:
                result.set_result(value)
        self._forget_done()

    def _forget_done(self) -> None:
        """Release what is done at once: whatever lives longer costs more garbage collections."""
        while self._pending and self._pending[0].result.done():
            self._pending.popleft()

    def _run(self) -> None:
        while self._wake_ups.get():
            while jobs := self._next():
                self._do([job for job in jobs if not job.result.done()])  # else its deadline has passed

    def _do(self, jobs: list[Job[Q, T]]) -> None:
        """Do *jobs*, and have the loop deliver their results, unless it will anyway."""
        values: Sequence[T | Exception] = ()
        try:
            values = self._act(jobs) if jobs else ()
        except Exception as error:  # noqa: BLE001 - the loop raises it
            values = [error] * len(jobs)
        self._progress = stopwatch()
        self._done.extend(zip((job.result for job in jobs), values, strict=True))
        if not self._is_delivering:
            self._is_delivering = True
            self._loop.call_soon_threadsafe(self._deliver)

    def _next(self) -> list[Job[Q, T]]:
        """Return the next batch; without one the calling thread is no longer active."""
        with self._lock:
            batch = [self._jobs.popleft() for _ in range(min(len(self._jobs), self._at_once))]
            self._active -= not batch
            return batch

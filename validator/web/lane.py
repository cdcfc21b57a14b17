"""Runs functions off the event loop: in a few threads, with a bounded queue, each until a deadline.

Storage can stall: a disk, the network, a lock whose holder is stopped. On the event loop such a call would
stop every connection and the probe of the process. So the loop hands functions over and returns their
results; when the queue is full, or all threads are stalled, it refuses at once.

A hand-over to a thread is expensive in Python, because both then compete for the interpreter's lock. The loop
therefore wakes one thread for everything that arrived together; another one takes over after a stall.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Generic, NamedTuple, TypeVar

from validator.clock import stopwatch

T = TypeVar("T")
_STALL = 0.05  # seconds without a result until another thread takes over
_GIVE_UP = 0.5  # seconds without a result of all threads until functions are refused at once
_SWEEP = 0.05  # seconds between two searches for deadlines that have passed
_RESULTS_AT_ONCE = 8


class OverloadError(Exception):
    """The queue is full, all threads are stalled, or the deadline has passed."""


class _Job(NamedTuple, Generic[T]):
    function: Callable[[Callable[[], bool]], T]
    result: "asyncio.Future[T]"
    until: float


class Lane(Generic[T]):
    """A bounded queue and its threads, used by one event loop."""

    def __init__(
        self, name: str, *, threads: int, waiting: int, timeout: float, is_parallel: bool = True
    ) -> None:
        """Run *threads* functions at once, with at most *waiting* before them, each within *timeout* seconds.

        With *is_parallel* every function wakes a thread, which suits functions that wait for a network.
        """
        self._name, self._threads, self._waiting, self._timeout = name, threads, waiting, timeout
        self._is_parallel = is_parallel
        self._jobs: deque[_Job[T]] = deque()
        self._pending: deque[_Job[T]] = deque()  # in the order of their deadlines; only the loop uses it
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

    def submit(self, function: Callable[[Callable[[], bool]], T]) -> "asyncio.Future[T]":
        """Return the future result of *function*; both this and the future raise OverloadError.

        The argument of *function* is a function that returns whether its result is no longer wanted.
        """
        now = stopwatch()
        if len(self._jobs) >= self._waiting or self._is_stalled(now, self._threads, _GIVE_UP):
            raise OverloadError
        job = _Job(function, self._loop.create_future(), now + self._timeout)
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
            wanted = len(self._jobs) if self._is_parallel else 1
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
            while (job := self._next()) is not None:
                if not job.result.done():  # else its deadline has passed
                    self._do(job)
            self._schedule_delivery()

    def _do(self, job: _Job[T]) -> None:
        try:
            value: T | Exception = job.function(job.result.done)
        except Exception as error:  # noqa: BLE001 - the loop raises it
            value = error
        self._progress = stopwatch()
        self._done.append((job.result, value))
        if len(self._done) >= _RESULTS_AT_ONCE:
            self._schedule_delivery()

    def _schedule_delivery(self) -> None:
        """Have the loop deliver the results, unless it will anyway."""
        if self._done and not self._is_delivering:
            self._is_delivering = True
            self._loop.call_soon_threadsafe(self._deliver)

    def _next(self) -> _Job[T] | None:
        """Return the next job; with None the calling thread is no longer active."""
        with self._lock:
            if self._jobs:
                return self._jobs.popleft()
            self._active -= 1
            return None

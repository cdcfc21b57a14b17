"""The bulkhead of an outgoing system: bounded simultaneous uses, a deadline for each, a cool-down.

A system of the enterprise, such as a CRM, may be slow or stalled. Without a bulkhead every thread of a pool
would soon wait for it, and the pool would serve nothing else. So fewer uses than the pool has threads run at
once; one more fails at once instead of being queued. A use that is given up at its deadline keeps its slot
until its function ends: a stalled system never has more uses than slots.
"""

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from datetime import timedelta
from threading import BoundedSemaphore, Thread
from typing import TypeVar

from validator.clock import stopwatch
from validator.cooldown import Cooldown
from validator.errors import Fault, Reason
from validator.metrics.instruments import OUTGOING_SECONDS, child

COOLDOWN = timedelta(seconds=5)
T = TypeVar("T")
_OUTCOMES = {Reason.SYSTEM_BUSY: "busy", Reason.SYSTEM_SILENT: "silent", Reason.SYSTEM_FAILED: "failed"}


def slots_below(threads: int, shares: int = 1) -> int:
    """Return the slots of each of *shares* in a pool of *threads*: half in all, so that others remain."""
    return max(1, threads // 2 // shares)


class OutgoingSystem:
    """One system that this process uses, from several threads."""

    def __init__(self, name: str, *, slots: int, threads: int, cooldown: timedelta = COOLDOWN) -> None:
        """Allow *slots* simultaneous uses of the system *name* in a pool of *threads*.

        *name* is a label of the metrics: a word of the code, never of a caller. Raises ValueError unless
        there is a slot, and fewer slots than threads.
        """
        if not 1 <= slots < threads:
            raise ValueError(f"{name}: {slots} slots are not fewer than {threads} threads, and at least one")
        self.name = name
        self._slots, self._cooldown = BoundedSemaphore(slots), Cooldown(cooldown)

    def use(self, function: Callable[[], T], budget: timedelta) -> T:
        """Return the result of *function*, which runs in a separate thread for at most *budget*.

        Raises Fault(SYSTEM_BUSY) at once when every slot is taken; Fault(SYSTEM_SILENT) at once during the
        cool-down, and when *function* has no result in time or raises TimeoutError; Fault(SYSTEM_FAILED) when
        it raises another OSError. Every other exception of *function* is raised unchanged.
        """
        began, outcome = stopwatch(), "failed"
        try:
            result = self._result(self._begin(function), budget)
            outcome = "answered"
        except Fault as fault:
            outcome = _OUTCOMES.get(fault.reason, outcome)
            raise
        finally:
            child(OUTGOING_SECONDS, self.name, outcome).observe(stopwatch() - began)
        self._cooldown.end()
        return result

    def _begin(self, function: Callable[[], T]) -> "Future[T]":
        """Return the future result of *function*, which holds a slot until it ends."""
        if not self._slots.acquire(blocking=False):
            raise Fault(Reason.SYSTEM_BUSY, f"{self.name}: every slot is taken")
        try:
            if not self._cooldown.admits():
                raise Fault(Reason.SYSTEM_SILENT, f"{self.name}: in its cool-down")
            found: Future[T] = Future()
            run = copy_context().run  # entries of the trail and the log name the request
            # A daemon, not of a pool: at exit the interpreter waits for the threads of pools, stalled or not.
            Thread(target=run, args=(self._run, function, found), name=self.name, daemon=True).start()
        except BaseException:
            self._slots.release()
            raise
        return found

    def _run(self, function: Callable[[], T], found: "Future[T]") -> None:
        try:
            try:
                value = function()
            finally:
                self._slots.release()  # before the caller gets the result, and may come again
        except BaseException as error:  # noqa: BLE001 - the caller raises it
            found.set_exception(error)
        else:
            found.set_result(value)

    def _result(self, found: "Future[T]", budget: timedelta) -> T:
        try:
            return found.result(max(0.0, budget.total_seconds()))
        except TimeoutError as error:  # of the wait, or of the function
            self._cooldown.begin()
            raise Fault(Reason.SYSTEM_SILENT, f"{self.name}: no response in time") from error
        except OSError as error:
            raise Fault(Reason.SYSTEM_FAILED, f"{self.name}: cannot be used") from error

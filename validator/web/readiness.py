"""Responds to probes: whether this server is alive, and whether it can do its work.

Load balancers probe often, and several at once, above all when something is slow. So each process checks its
parts at most once a second, in a thread for each part, and waits for no part longer than a deadline; a probe
in between gets the last result and its age. Probes need no limit because they cost so little.
"""

import math
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Any, Protocol

import structlog

from validator.clock import stopwatch
from validator.web.health import Check, PartState, State, overall, state_by

DEADLINE = 1.5  # seconds for all parts together
FRESH = 1.0  # seconds in which a check is not repeated
_RECENT = 5.0  # seconds after which a probe waits for the check that is running

log = structlog.get_logger("validator.health")


class Seconds(Protocol):
    """A monotonic clock."""

    def __call__(self) -> float:
        """Return its seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Look:
    """The state of each part, and its age in seconds."""

    states: Mapping[str, PartState]
    age: float

    @property
    def http_status(self) -> int:
        """503 when a part without a fallback cannot do its work, else 200."""
        return 503 if overall(self.states) == State.UNAVAILABLE else 200

    def content(self) -> dict[str, Any]:
        """Return the JSON object that a probe reads."""
        return {
            "status": overall(self.states),
            "checks": {part: str(state) for part, state in self.states.items()},
            "age_seconds": round(self.age, 1) if math.isfinite(self.age) else None,
        }


class Readiness:
    """Checks every part, for any number of probes."""

    def __init__(
        self, parts: Mapping[str, Check], seconds: Seconds = stopwatch, deadline: float = DEADLINE
    ) -> None:
        """Check *parts*; all together take at most *deadline* seconds."""
        self._lookers = {part: _Looker(part, check) for part, check in parts.items()}
        self._seconds, self._deadline = seconds, deadline
        self._looking = Lock()
        self._last: tuple[float, Mapping[str, PartState]] = (float("-inf"), _unknown(parts))

    def latest(self) -> Look:
        """Return a result that is at most a second old, or the last one while another check is running."""
        age = self._seconds() - self._last[0]
        if age >= FRESH and self._looking.acquire(timeout=self._deadline if age >= _RECENT else 0):
            try:
                self._look()
            finally:
                self._looking.release()
        began, states = self._last
        return Look(states, max(0.0, self._seconds() - began))

    def _look(self) -> None:
        began = self._seconds()
        if began - self._last[0] < FRESH:
            return  # another probe checked while this one waited
        for looker in self._lookers.values():
            looker.begin()
        until = stopwatch() + self._deadline
        self._last = began, {part: looker.state(until) for part, looker in self._lookers.items()}


class _Looker:
    """Checks a part in a thread, one at a time: a check that hangs leaves only one thread behind."""

    def __init__(self, part: str, check: Check) -> None:
        self._part, self._check = part, check
        self._pending: Future[PartState] | None = None
        self._is_late = False

    def begin(self) -> None:
        """Begin a check, unless the last one still runs."""
        if self._pending is None or self._pending.done():
            self._pending, self._is_late = Future(), False
            # Not from a pool: at exit the interpreter waits for the threads of pools, however long they hang.
            Thread(target=self._run, args=(self._pending,), name=f"check-{self._part}", daemon=True).start()

    def state(self, until: float) -> PartState:
        """Return the state found; unavailable when it takes longer than *until* (by the stopwatch)."""
        assert self._pending is not None  # noqa: S101 - begun before
        try:
            return self._pending.result(0 if self._is_late else max(0.0, until - stopwatch()))
        except FutureTimeoutError:
            self._is_late = True
            return PartState(State.UNAVAILABLE, "does not answer in time")

    def _run(self, found: "Future[PartState]") -> None:
        try:
            found.set_result(state_by(self._check))
        except Exception as error:  # noqa: BLE001 - an unforeseen error in a check must not count as success
            log.error("a check failed", part=self._part, error=type(error).__name__)
            found.set_result(PartState(State.UNAVAILABLE, "cannot be checked: see the log"))


def _unknown(parts: Mapping[str, object]) -> Mapping[str, PartState]:
    return dict.fromkeys(parts, PartState(State.UNAVAILABLE, "not looked at yet"))

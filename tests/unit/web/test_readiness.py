"""Probes: at most one look a second, never longer than the deadline, whatever hangs; and its age is shown."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from validator.clock import stopwatch
from validator.errors import Fault, Reason
from validator.web.health import Check, PartState, State, overall
from validator.web.readiness import DEADLINE, FRESH, Look, Readiness

TIMEOUT = 30  # seconds
SHORT = 0.2  # seconds: a deadline for tests in which something hangs


class Seconds:
    """A stopwatch that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Return the seconds it shows."""
        return self.now


class Part:
    """A part whose checks are counted, and hang as long as a test wants."""

    def __init__(self) -> None:
        self.begun, self.words = 0, ""
        self._may_go_on = threading.Event()
        self._may_go_on.set()

    def check(self) -> str | None:
        """Return the words of the part, once it may go on."""
        self.begun += 1
        assert self._may_go_on.wait(TIMEOUT)
        return self.words or None

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let checks hang in such a block."""
        self._may_go_on.clear()
        try:
            yield
        finally:
            self._may_go_on.set()


def told(look: Look) -> dict[str, str]:
    return {part: str(state) for part, state in look.states.items()}


def test_a_look_a_second_at_most() -> None:
    """Probes within a second get the last look with its age; after it the part is looked at again."""
    part, seconds = Part(), Seconds()
    readiness = Readiness({"store": part.check}, seconds)

    first = readiness.latest()
    part.words = "slow"
    seconds.now += FRESH - 0.25
    again = [readiness.latest() for _ in range(100)]
    seconds.now += 0.25
    later = readiness.latest()

    assert (told(first), first.age) == ({"store": "ok"}, 0)
    assert {(str(look.states["store"]), look.age) for look in again} == {("ok", FRESH - 0.25)}
    assert (told(later), later.age) == ({"store": "degraded: slow"}, 0)
    assert part.begun == 2


@pytest.mark.timed
def test_hung_part_is_unavailable_within_the_deadline() -> None:
    """A part that hangs costs the deadline once; later probes do not wait, and it leaves one thread."""
    part, well, seconds = Part(), Part(), Seconds()
    readiness = Readiness({"store": part.check, "keys": well.check}, seconds, SHORT)

    with part.hanging():
        began = stopwatch()
        first = readiness.latest()
        waited = stopwatch() - began
        others = []
        for _ in range(20):
            seconds.now += FRESH
            others.append(told(readiness.latest()))
        waited_again = stopwatch() - began - waited

    assert told(first) == {"store": "unavailable: does not answer in time", "keys": "ok"}
    assert others == [told(first)] * 20
    assert SHORT <= waited < DEADLINE
    assert waited_again < SHORT * 20 / 2  # twenty deadlines would have been 4 s
    assert (part.begun, well.begun) == (1, 21)


def test_part_that_answers_again_is_well() -> None:
    """What hung and came back is looked at anew."""
    part, seconds = Part(), Seconds()
    readiness = Readiness({"store": part.check}, seconds, SHORT)
    with part.hanging():
        readiness.latest()

    deadline = stopwatch() + TIMEOUT
    while told(readiness.latest()) != {"store": "ok"}:
        assert stopwatch() < deadline
        seconds.now += FRESH

    assert part.begun <= 3


def test_probes_do_not_queue_behind_a_look() -> None:
    """While one probe looks at something that hangs, the others get the last look at once."""
    part, seconds = Part(), Seconds()
    readiness = Readiness({"store": part.check}, seconds, TIMEOUT)
    readiness.latest()
    seconds.now += FRESH

    with part.hanging():
        looking = threading.Thread(target=readiness.latest)
        looking.start()
        deadline = stopwatch() + TIMEOUT
        while part.begun < 2:
            assert stopwatch() < deadline
        others = [readiness.latest() for _ in range(50)]
    looking.join(TIMEOUT)

    assert {(str(look.states["store"]), look.age) for look in others} == {("ok", FRESH)}


def test_at_first_every_probe_waits_for_the_look() -> None:
    """Probes that come together to a process that just began share one look, and none gets a made-up one."""
    part = Part()
    readiness = Readiness({"store": part.check})
    looks: list[dict[str, str]] = []
    probes = [threading.Thread(target=lambda: looks.append(told(readiness.latest()))) for _ in range(8)]

    with part.hanging():
        for probe in probes:
            probe.start()
    for probe in probes:
        probe.join(TIMEOUT)

    assert looks == [{"store": "ok"}] * 8
    assert part.begun == 1


def broken() -> str | None:
    raise Fault(Reason.STORE_UNAVAILABLE) from OSError("a sentence of the driver")


def mistaken() -> str | None:
    raise ZeroDivisionError("a secret")


@pytest.mark.parametrize(
    ("check", "words", "cause"),
    [
        (broken, "the database or the counters could not be read", "a sentence of the driver"),
        (mistaken, "cannot be checked: see the log", ""),
    ],
)
def test_what_is_broken_is_unavailable(check: Check, words: str, cause: str) -> None:
    """A fault and an unforeseen error make a part unavailable; only the cause of a fault is shown."""
    with capture_logs() as logs:
        look = Readiness({"store": check}).latest()

    state = look.states["store"]
    assert state == PartState(State.UNAVAILABLE, words, cause)
    assert cause not in (str(state), repr(state)) or not cause
    assert "a secret" not in str(logs)


def test_worst_part_decides() -> None:
    """Something unavailable goes before something degraded, and that before the rest."""
    well, degraded, away = PartState(), PartState(State.DEGRADED, "x"), PartState(State.UNAVAILABLE, "y")

    assert overall({}) == overall({"a": well}) == "ready"
    assert overall({"a": well, "b": degraded}) == "degraded"
    assert overall({"a": away, "b": degraded, "c": well}) == "unavailable"

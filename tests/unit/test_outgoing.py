"""The bulkhead of an outgoing system: how many uses run at once, the deadline, the cool-down."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event, Semaphore

import pytest

from validator.clock import stopwatch
from validator.errors import Fault, PublicError, Reason
from validator.exchange import Exchange, current_exchange
from validator.metrics.instruments import OUTGOING_SECONDS, child
from validator.outgoing import OutgoingSystem, slots_below

LONG, SHORT = timedelta(seconds=30), timedelta(milliseconds=20)
NO_COOLDOWN = timedelta(0)
PATIENCE_SECONDS = 20  # far less than LONG, and enough for a machine with a load of 15


class Stalled:
    """A system that answers nobody until `revived`."""

    def __init__(self) -> None:
        self.revived, self.entered, self.left = Event(), Semaphore(0), Event()

    def __call__(self) -> str:
        self.entered.release()
        assert self.revived.wait(PATIENCE_SECONDS)
        self.left.set()
        return "late"

    def await_uses(self, count: int) -> None:
        """Return when *count* more uses have begun."""
        for _ in range(count):
            assert self.entered.acquire(timeout=PATIENCE_SECONDS)


@pytest.fixture
def stalled() -> Iterator[Stalled]:
    """Yield a stalled system, and revive it at the end."""
    system = Stalled()
    yield system
    system.revived.set()


def reason_of(act: Callable[[], object]) -> Reason | None:
    """Return the reason of the fault that *act* raises; None without one."""
    try:
        act()
    except Fault as fault:
        return fault.reason
    return None


def observed(outcome: str) -> float:
    """Return how many uses of the system `crm` had that outcome."""
    (metric,) = child(OUTGOING_SECONDS, "crm", outcome).collect()
    return float(next(sample.value for sample in metric.samples if sample.name.endswith("_count")))


def test_result_is_returned() -> None:
    """A use returns what its function returns, and runs as part of the same request."""
    system = OutgoingSystem("crm", slots=1, threads=2)
    exchange, before = Exchange("request-1", "192.0.2.7", "integrations"), observed("answered")
    token = current_exchange.set(exchange)
    try:
        assert [system.use(current_exchange.get, LONG) for _ in range(3)] == [exchange] * 3
    finally:
        current_exchange.reset(token)
    assert observed("answered") == before + 3


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_full_system_fails_at_once(stalled: Stalled, slots: int) -> None:
    """With every slot taken, the next use fails at once, however long its budget; a free slot serves."""
    system, before = OutgoingSystem("crm", slots=slots, threads=4), observed("busy")
    with ThreadPoolExecutor(slots) as waiting:
        held = [waiting.submit(system.use, stalled, LONG) for _ in range(slots)]
        stalled.await_uses(slots)
        began = stopwatch()

        reasons = [reason_of(lambda: system.use(lambda: None, LONG)) for _ in range(10)]

        assert stopwatch() - began < PATIENCE_SECONDS
        assert reasons == [Reason.SYSTEM_BUSY] * 10
        assert observed("busy") == before + 10
        stalled.revived.set()
        assert [one.result(PATIENCE_SECONDS) for one in held] == ["late"] * slots
    assert system.use(lambda: "free", LONG) == "free"


@pytest.mark.parametrize(("slots", "is_shielded"), [(2, True), (3, False)])
def test_stalled_system_leaves_threads_of_the_pool(stalled: Stalled, slots: int, is_shielded: bool) -> None:
    """In a pool of 3 threads, requests that need no system are served; the control: not with 3 slots."""
    system = OutgoingSystem("crm", slots=slots, threads=4)
    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(reason_of, lambda: system.use(stalled, LONG))
        other = pool.submit(lambda: "served")
        stalled.await_uses(slots)

        if is_shielded:
            assert other.result(PATIENCE_SECONDS) == "served"
        else:
            assert not other.done()
        stalled.revived.set()
        assert other.result(PATIENCE_SECONDS) == "served"


def test_late_use_keeps_its_slot(stalled: Stalled) -> None:
    """After its deadline a use fails, and its slot stays taken until its function ends."""
    system, before = OutgoingSystem("crm", slots=1, threads=2, cooldown=NO_COOLDOWN), observed("silent")

    with pytest.raises(Fault) as late:
        system.use(stalled, SHORT)

    assert (late.value.reason, late.value.answer) == (Reason.SYSTEM_SILENT, PublicError.UNAVAILABLE)
    assert observed("silent") == before + 1
    assert [reason_of(lambda: system.use(stalled, LONG)) for _ in range(5)] == [Reason.SYSTEM_BUSY] * 5
    stalled.await_uses(1)
    assert not stalled.entered.acquire(blocking=False)
    stalled.revived.set()
    assert stalled.left.wait(PATIENCE_SECONDS)
    began = stopwatch()
    while reason_of(lambda: system.use(lambda: None, LONG)) is not None:  # its thread is about to end
        assert stopwatch() - began < PATIENCE_SECONDS


@pytest.mark.parametrize(("cooldown", "is_asked_again"), [(timedelta(hours=1), False), (NO_COOLDOWN, True)])
def test_silent_system_gets_a_cooldown(cooldown: timedelta, is_asked_again: bool) -> None:
    """After a timeout, the function's too, the system is not used for a while; control: no cool-down."""
    system, asked = OutgoingSystem("crm", slots=2, threads=4, cooldown=cooldown), []

    def times_out() -> None:
        raise TimeoutError

    assert reason_of(lambda: system.use(times_out, LONG)) is Reason.SYSTEM_SILENT

    reasons = [reason_of(lambda: system.use(lambda: asked.append(1), LONG)) for _ in range(3)]

    assert reasons == [None if is_asked_again else Reason.SYSTEM_SILENT] * 3
    assert bool(asked) is is_asked_again


def test_failures_are_faults_without_a_cooldown() -> None:
    """A broken connection is a fault; what the function raises otherwise passes; both free the slot."""
    system = OutgoingSystem("crm", slots=1, threads=2)

    def refuses() -> None:
        raise ConnectionRefusedError

    def lies() -> None:
        raise LookupError("another customer's record")

    assert reason_of(lambda: system.use(refuses, LONG)) is Reason.SYSTEM_FAILED
    with pytest.raises(LookupError):
        system.use(lies, LONG)
    assert system.use(lambda: "well", LONG) == "well"


@pytest.mark.parametrize(("slots", "threads"), [(0, 4), (4, 4), (5, 4), (1, 1)])
def test_bulkhead_is_smaller_than_the_pool(slots: int, threads: int) -> None:
    """A bulkhead as large as the pool, or without a slot, cannot be made."""
    with pytest.raises(ValueError, match="crm"):
        OutgoingSystem("crm", slots=slots, threads=threads)


@pytest.mark.parametrize("threads", [2, 3, 4, 8, 64])
def test_usual_slots_leave_half_of_the_pool(threads: int) -> None:
    """Of each pool with two threads or more, one system takes at most half; several shares leave a thread."""
    slots = slots_below(threads)

    assert 1 <= slots <= threads / 2
    assert threads < 3 or 2 * slots_below(threads, 2) < threads
    OutgoingSystem("crm", slots=slots, threads=threads)

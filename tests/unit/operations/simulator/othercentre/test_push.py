"""The push of call records: each of its ways, in order, once."""

from typing import Any

import orjson
import pytest

from tests.support.fakes import FakeClock
from tests.unit.operations.simulator.othercentre.conftest import AGENT
from validator.operations.simulator.othercentre import push
from validator.operations.simulator.othercentre.calls import INBOUND, Call, record_of
from validator.operations.simulator.othercentre.push import Pushes
from validator.operations.simulator.othercentre.registration import Receiver

RECEIVER = Receiver("https://enterprise.example/records/s3cret", b"")


class Enterprise:
    """What the enterprise received, and whether its response was read."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, bool]] = []

    def __call__(self, receiver: Receiver, body: bytes, is_dropped: bool) -> str:
        """Receive *body*."""
        self.received.append((body, is_dropped))
        return "status 200"

    def read(self) -> list[Any]:
        """Return the bodies that are JSON, in the order of their arrival."""
        return [orjson.loads(body) for body, _ in self.received]


def record(clock: FakeClock, call: str) -> dict[str, Any]:
    """Return the record of a *call* that nobody answered."""
    return record_of(Call(AGENT, "13606254580", INBOUND, clock.now(), id=call), clock.now())


@pytest.fixture
def enterprise() -> Enterprise:
    """Return the receiver."""
    return Enterprise()


@pytest.fixture
def pushes(enterprise: Enterprise, clock: FakeClock) -> Pushes:
    """Return the pushes to it."""
    return Pushes(RECEIVER, clock, enterprise)


def pushed(pushes: Pushes, clock: FakeClock, way: str, *calls: str) -> None:
    """End *calls* while records are pushed in the *way*."""
    pushes.way = way
    for call in calls:
        pushes.take(record(clock, call))
    pushes.settle()


def test_once_and_twice(pushes: Pushes, enterprise: Enterprise, clock: FakeClock) -> None:
    """The same bytes, once or twice; nothing is sent again by itself."""
    pushed(pushes, clock, push.ONCE, "a")
    pushed(pushes, clock, push.TWICE, "b")

    assert [each["callId"] for each in enterprise.read()] == ["a", "b", "b"]
    assert enterprise.received[1] == enterprise.received[2]
    assert [each.outcome for each in pushes.deliveries] == ["status 200"] * 3


def test_late_and_out_of_order(pushes: Pushes, enterprise: Enterprise, clock: FakeClock) -> None:
    """A late one waits for a person, an out-of-order one for the next record."""
    pushed(pushes, clock, push.LATE, "a")
    pushed(pushes, clock, push.ONCE, "b")
    assert ([each["callId"] for each in enterprise.read()], pushes.waiting) == (["b"], 1)
    pushes.release()
    pushed(pushes, clock, push.OUT_OF_ORDER, "c", "d")

    assert [each["callId"] for each in enterprise.read()] == ["b", "a", "d", "c"]


def test_changed_and_blank(pushes: Pushes, enterprise: Enterprise, clock: FakeClock) -> None:
    """A changed one has another content, a blank one "" and null; `callid` is the table's spelling."""
    pushed(pushes, clock, push.CHANGED, "a")
    pushed(pushes, clock, push.BLANK, "b")
    pushed(pushes, clock, push.CALLID, "c")

    first, changed, blank, lower = enterprise.read()
    assert (lower["callid"], "callId" in lower) == ("c", False)
    assert (changed["callId"], changed["duration"]) == ("a", first["duration"] + 1)
    assert (blank["ivrTime"], blank["acdTime"], blank["acdId"]) == ("", None, "")


def test_malformed_dropped_and_never(pushes: Pushes, enterprise: Enterprise, clock: FakeClock) -> None:
    """Half a body, a response that nobody reads, and no request."""
    pushed(pushes, clock, push.MALFORMED, "a")
    pushed(pushes, clock, push.DROPPED, "b")
    pushed(pushes, clock, push.NEVER, "c")

    (half, _), (whole, is_dropped) = enterprise.received
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(half)
    assert (orjson.loads(whole)["callId"], is_dropped) == ("b", True)


def test_record_is_pushed_again(pushes: Pushes, enterprise: Enterprise, clock: FakeClock) -> None:
    """A person can push one once more, in another way; one that is unknown cannot be pushed."""
    pushed(pushes, clock, push.NEVER, "a")
    pushes.again("a", push.ONCE)
    pushes.settle()

    assert [each["callId"] for each in enterprise.read()] == ["a"]
    with pytest.raises(LookupError):
        pushes.again("b", push.ONCE)

"""Agents at their phones: states, calls in both directions, events, and the record of a call."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.fakes import FakeClock
from tests.unit.operations.simulator.othercentre.conftest import AGENT, OTHER
from validator.operations.simulator.othercentre.phones import CannotCall, Phones
from validator.operations.simulator.othercentre.registration import Centre

NUMBER = "13606254580"
RECORD = {
    *("callId", "callerUuid", "calleeUuid", "caller", "callee", "pstn", "direction"),
    *("startTime", "ringTime", "answerTime", "endTime", "ivrTime", "acdTime"),
    *("billSec", "billMin", "ringSec", "duration", "answered", "userId", "nickname"),
    *("acdId", "acdName", "stereoRecordFile", "stereoFullPath"),
}


class Place:
    """An agent's place at which a test does what a bar does."""

    def __init__(self, centre: Centre, clock: FakeClock) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []
        self.records: list[Mapping[str, Any]] = []
        self.phones = Phones(centre.agents, clock, self.records.append)
        self.phones.connect(AGENT, "bar", lambda event, data: self.events.append((event, data)))

    def do(self, method: str, *arguments: str) -> None:
        """Call a method of the bar."""
        self.phones.act(AGENT, method, list(arguments))

    @property
    def names(self) -> list[str]:
        """The names of the events so far."""
        return [event for event, _ in self.events]


@pytest.fixture
def place(centre: Centre, clock: FakeClock) -> Place:
    """Return the place of an agent who is signed in."""
    place = Place(centre, clock)
    place.do("login")
    return place


def test_states_are_told(place: Place) -> None:
    """Each state has an event; the one of the login has the extension. Without a login there is none."""
    for method in ("ready", "busy", "rest", "logout", "ready"):
        place.do(method)

    assert place.events[0] == ("onLogin", {"extNo": AGENT.ext_no})
    assert place.names == ["onLogin", "onReady", "onBusy", "onRest", "onLogout"]


def test_call_in(place: Place, clock: FakeClock) -> None:
    """It rings only for an agent who is ready; its record has the documented fields."""
    with pytest.raises(CannotCall):
        place.phones.ring(AGENT.username, NUMBER)
    place.do("ready")
    call = place.phones.ring(AGENT.username, NUMBER)
    clock.advance(seconds=4)
    place.do("offhook")
    clock.advance(seconds=61)
    place.phones.hang_up(AGENT.username)

    ring = {"callId": call, "popScreenNo": NUMBER, "direction": "INBOUND", "enableAsr": True}
    assert place.events[-3:] == [("onRing", ring), ("onAnswer", {"direction": "INBOUND"}), ("onHangup", {})]
    [record] = place.records
    assert record.keys() == RECORD
    expected = {
        "callId": call,
        "caller": NUMBER,
        "callee": AGENT.ext_no,
        "direction": "INBOUND",
        "startTime": "2026-11-04T11:45:52+08:00",
        "answerTime": "2026-11-04T11:45:56+08:00",
        "endTime": "2026-11-04T11:46:57+08:00",
        "billSec": 61,
        "billMin": 2,
        "ringSec": 4,
        "duration": 65,
        "answered": True,
    }
    assert {name: record[name] for name in expected} == expected


def test_call_out(place: Place) -> None:
    """A call-out is answered by both sides; one that nobody answers has a record, too."""
    place.do("makecall", NUMBER)
    place.do("offhook")
    place.phones.other_answers(AGENT.username)
    place.phones.recognize(AGENT.username, "您好")
    place.do("hangup")
    place.do("makecall", OTHER.ext_no)
    place.do("hangup")

    assert place.names[1:6] == ["onRing", "onAnswer", "onCalleeAnswer", "onAsrResult", "onHangup"]
    answered, missed = place.records
    assert (answered["direction"], answered["answered"], answered["caller"]) == (
        "OUTBOUND",
        True,
        AGENT.ext_no,
    )
    assert (missed["direction"], missed["answered"], missed["answerTime"]) == ("INTERNAL", False, None)


def test_call_is_held_and_passed_on(place: Place) -> None:
    """Hold and consult change the call; a transfer and a completed consultation end it for the agent."""
    for method, arguments in (("transfer", ["9", "to_queue"]), ("consultComplete", [])):
        place.do("makecall", NUMBER)
        place.do("hold")
        place.do("consult", OTHER.ext_no)
        shown, _ = place.phones.seen()
        assert (shown["isHeld"], shown["consulting"]) == (True, OTHER.ext_no)
        place.do(method, *arguments)
        assert place.phones.seen()[0]["callId"] == ""
    place.do("makecall", NUMBER)
    place.do("consultCancel")
    place.do("consultComplete")  # nobody is consulted

    assert (len(place.records), place.phones.seen()[0]["number"]) == (2, NUMBER)


def test_agent_without_a_bar_is_off(place: Place) -> None:
    """When the connection ends, calls do not come in any more."""
    place.do("ready")
    place.phones.disconnect(AGENT, "bar")

    with pytest.raises(CannotCall):
        place.phones.ring(AGENT.username, NUMBER)

"""The agents of the other centre at their phones: states, calls, and the events that their bars get.

A bar is a function that takes an event (`onReady`, …) and its data. Calls come from outside only to an agent
who is ready; a call-out works in every state. Ended calls are handed over with their records.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any

from validator.clock import Clock
from validator.operations.simulator.othercentre.calls import INBOUND, INTERNAL, OUTBOUND, Call, record_of
from validator.operations.simulator.othercentre.registration import CentreAgent

Bar = Callable[[str, Mapping[str, Any]], None]
OFF, READY, BUSY, REST = "off", "ready", "busy", "rest"
_STATES = {"ready": READY, "busy": BUSY, "rest": REST}
_MAX_NUMBER = 64


class CannotCall(Exception):  # noqa: N818 - an outcome
    """The call is not made; the text says why."""


@dataclass
class _Desk:
    """An agent's place: its bars, the agent's state, and the present call."""

    agent: CentreAgent
    bars: dict[str, Bar] = field(default_factory=dict)
    state: str = OFF
    call: Call | None = None


class Phones:
    """Every agent's place."""

    def __init__(
        self,
        agents: Mapping[str, CentreAgent],
        clock: Clock,
        ended: Callable[[Mapping[str, Any]], None] = lambda _: None,
    ) -> None:
        """Call *ended* with the record of each call that ends."""
        self._desks = {name: _Desk(agent) for name, agent in agents.items()}
        self._clock, self._ended = clock, ended
        self.has_asr = True
        self._lock = RLock()

    def connect(self, agent: CentreAgent, key: str, bar: Bar) -> None:
        """Send events of *agent* to *bar* from now on, until `disconnect` with *key*."""
        with self._lock:
            self._desks[agent.username].bars[key] = bar

    def disconnect(self, agent: CentreAgent, key: str) -> None:
        """Send no more events to the bar with *key*; an agent without a bar is off."""
        with self._lock:
            desk = self._desks[agent.username]
            desk.bars.pop(key, None)
            if not desk.bars:
                desk.state = OFF

    def seen(self) -> list[dict[str, Any]]:
        """Return what a person sees of every place."""
        with self._lock:
            return [_shown(desk) for desk in self._desks.values()]

    def act(self, agent: CentreAgent, method: str, arguments: list[str]) -> None:
        """Do what a bar's *method* means; one that does not fit the present state does nothing."""
        with self._lock:
            desk = self._desks[agent.username]
            if method in ("login", "logout"):
                self._sign(desk, is_in=method == "login")
            elif desk.state != OFF:
                self._work(desk, method, arguments)

    def ring(self, username: str, number: str, direction: str = INBOUND) -> str:
        """Have *number* call an agent who is ready; return the call's id. Raises CannotCall."""
        with self._lock:
            desk = self._desks[username]
            if desk.state != READY or desk.call is not None:
                raise CannotCall("the agent is not ready")
            now = self._clock.now()
            return self._begin(desk, Call(desk.agent, number, direction, now, other_answered=now))

    def dial(self, agent: CentreAgent, number: str) -> str:
        """Have *agent* call *number*; return the call's id. Raises CannotCall."""
        with self._lock:
            desk = self._desks[agent.username]
            if desk.call is not None:
                raise CannotCall("the extension is in a call")
            if not 0 < len(number) <= _MAX_NUMBER:
                raise CannotCall("there is no number")
            extensions = {other.agent.ext_no for other in self._desks.values()}
            direction = INTERNAL if number in extensions else OUTBOUND
            return self._begin(desk, Call(desk.agent, number, direction, self._clock.now()))

    def other_answers(self, username: str) -> None:
        """Let the called party of an agent's call-out answer. Raises CannotCall."""
        with self._lock:
            desk = self._with_call(username)
            desk.call = replace(self._call_of(desk), other_answered=self._clock.now())
            self._tell(desk, "onCalleeAnswer")

    def hang_up(self, username: str) -> None:
        """End an agent's call from the other side. Raises CannotCall."""
        with self._lock:
            self._end(self._with_call(username))

    def recognize(self, username: str, text: str) -> None:
        """Send *text* as a result of the speech recognition in an agent's call. Raises CannotCall."""
        with self._lock:
            desk = self._with_call(username)
            self._tell(desk, "onAsrResult", {"callId": self._call_of(desk).id, "text": text})

    def _sign(self, desk: _Desk, *, is_in: bool) -> None:
        desk.state = BUSY if is_in else OFF
        self._tell(desk, "onLogin" if is_in else "onLogout", {"extNo": desk.agent.ext_no} if is_in else {})

    def _work(self, desk: _Desk, method: str, arguments: list[str]) -> None:
        if method in _STATES:
            desk.state = _STATES[method]
            self._tell(desk, f"on{method.capitalize()}")
        elif method == "makecall":
            self._dial_from_bar(desk, arguments)
        elif desk.call is not None:
            self._in_call(desk, desk.call, method, arguments)

    def _dial_from_bar(self, desk: _Desk, arguments: list[str]) -> None:
        try:
            self.dial(desk.agent, arguments[0] if arguments else "")
        except CannotCall:
            self._tell(desk, "onHangup")

    def _in_call(self, desk: _Desk, call: Call, method: str, arguments: list[str]) -> None:
        """Do what *method* means in the present *call*."""
        if method == "offhook" and call.agent_answered is None:
            desk.call = replace(call, agent_answered=self._clock.now())
            self._tell(desk, "onAnswer", {"direction": call.direction})
        elif method in ("hold", "unhold"):
            desk.call = replace(call, is_held=method == "hold")
        elif method == "consult" and arguments:
            desk.call = replace(call, consulting=arguments[0])
        elif method == "consultCancel":
            desk.call = replace(call, consulting="")
        elif {"hangup": True, "transfer": arguments, "consultComplete": call.consulting}.get(method):
            self._end(desk)

    def _begin(self, desk: _Desk, call: Call) -> str:
        desk.call = call
        data = {"callId": call.id, "popScreenNo": call.number, "direction": call.direction}
        self._tell(desk, "onRing", {**data, "enableAsr": self.has_asr})
        return call.id

    def _end(self, desk: _Desk) -> None:
        call, desk.call = self._call_of(desk), None
        self._tell(desk, "onHangup")
        self._ended(record_of(call, self._clock.now()))

    def _with_call(self, username: str) -> _Desk:
        desk = self._desks[username]
        self._call_of(desk)
        return desk

    @staticmethod
    def _call_of(desk: _Desk) -> Call:
        if desk.call is None:
            raise CannotCall("the agent has no call")
        return desk.call

    @staticmethod
    def _tell(desk: _Desk, event: str, data: Mapping[str, Any] | None = None) -> None:
        for bar in list(desk.bars.values()):
            bar(event, data or {})


def _shown(desk: _Desk) -> dict[str, Any]:
    call = desk.call
    return {
        "username": desk.agent.username,
        "extNo": desk.agent.ext_no,
        "state": desk.state,
        "bars": len(desk.bars),
        "callId": call.id if call else "",
        "number": call.number if call else "",
        "direction": call.direction if call else "",
        "isAnswered": bool(call and call.agent_answered),
        "isHeld": bool(call and call.is_held),
        "consulting": call.consulting if call else "",
    }

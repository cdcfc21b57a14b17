"""The cloud's load for as long as it takes: an open loop at a fixed rate, or a closed one for the maximum.

One thread, some kept-alive connections, requests made beforehand. In the open loop the instants are fixed
beforehand and each answer is measured from its instant, so that a server that stalls is charged for whatever
it kept waiting; `late` is how long a request was due before it was sent, for want of a free connection or
because this process was not fast enough. A server may close a connection between two requests: it is opened
again.
"""

import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf

from benchmarks.load import Address, is_whole

_TIMEOUT = 10.0  # seconds from sending to an answer; after that it is lost
FAULTS = "unavailable / wrong / missing"
_LOST, _NO_ANSWER = "lost", "no answer"
_LOOK = 0.05  # seconds after which something else is looked at


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it is sent, and what must be in its answer."""

    request: bytes
    expected: bytes


@dataclass(slots=True)
class Span:
    """What was seen in a part of the time: latencies and lateness (seconds), and what was no right answer."""

    latencies: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    reopened: int = 0

    def milliseconds(self, share: float, times: list[float] | None = None) -> float:
        """Return what *share* of the latencies, or of other *times*, did not exceed."""
        ordered = sorted(self.latencies if times is None else times)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000 if ordered else 0.0

    def figures(self) -> dict[str, object]:
        """Return the figures for a report."""
        return {
            "answers": len(self.latencies),
            "p50": round(self.milliseconds(0.5), 2),
            "p99": round(self.milliseconds(0.99), 2),
            "longest": round(self.milliseconds(1), 2),
            "late_p99": round(self.milliseconds(0.99, self.late), 2),
            "errors": dict(self.errors),
            "reopened": self.reopened,
        }


def faults(errors: Mapping[str, int]) -> dict[str, int]:
    """Return the *errors* of spans by what they mean.

    *unavailable* is what a server promises when it cannot decide in time (503, retCode 4), *wrong* any other
    response, *missing* none: the connection ended, or there was none 10 seconds after the request was sent.
    """
    unavailable = errors.get("503", 0)
    missing = errors.get(_LOST, 0) + errors.get(_NO_ANSWER, 0)
    wrong = sum(errors.values()) - unavailable - missing
    return {"unavailable": unavailable, "wrong": wrong, "missing": missing}


def spelled(errors: Mapping[str, int]) -> str:
    """Return the figures of `faults` as one cell of a table, whose head is FAULTS."""
    return " / ".join(map(str, faults(errors).values()))


@dataclass(slots=True)
class _Line:
    """A connection, and what it is waiting for."""

    socket: socket.socket
    asked: Asked | None = None
    due: float = 0.0
    sent: float = 0.0
    answer: bytearray = field(default_factory=bytearray)


class Load:
    """Kept-alive connections to one server, over which *questions* are asked in turn."""

    def __init__(self, address: Address, questions: Sequence[Asked], connections: int) -> None:
        self.answered = 0
        self.span = Span()
        self._address, self._questions = address, questions
        # Not epoll, whose timeouts are whole milliseconds: at 3,000 a second that is three requests.
        self._selector = selectors.SelectSelector()
        self._idle = deque(self._open() for _ in range(connections))
        self._busy = 0

    def hold(
        self,
        rate: float,
        seconds: float,
        *,
        every: float = 60,
        told: Callable[[Span], object] = lambda _: None,
    ) -> None:
        """Send *rate* requests a second for *seconds*; call *told* with the results *every* few seconds.

        However it ends, the last part is reported too: that may be the one with all the errors.
        """
        try:
            self._ask_steadily(rate, int(rate * seconds), every, told)
        finally:
            if self.span != Span():
                told(self._taken())

    def _ask_steadily(self, rate: float, total: int, every: float, told: Callable[[Span], object]) -> None:
        began = time.monotonic()
        last, number = began, 0
        while number < total or self._busy:
            now = time.monotonic()
            while number < total and self._idle and (due := began + number / rate) <= now:
                self._ask(number, due, now)
                number += 1
            waiting = began + number / rate - now if number < total and self._idle else _LOOK
            self._hear(max(0.0, min(_LOOK, waiting)))
            if now - last >= every:
                last += every
                told(self._taken())

    def flood(self, seconds: float) -> float:
        """Ask the next question as soon as one is answered; return how many were answered a second."""
        began, before, number = time.monotonic(), self.answered, 0
        while (now := time.monotonic()) < began + seconds or self._busy:
            while self._idle and now < began + seconds:
                self._ask(number, now, now)
                number += 1
            self._hear(_LOOK)
        self._taken()
        return (self.answered - before) / seconds

    def close(self) -> None:
        """Close every connection."""
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _taken(self) -> Span:
        span, self.span = self.span, Span()
        return span

    def _open(self) -> _Line:
        connection = socket.create_connection(self._address, _TIMEOUT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = _Line(connection)
        self._selector.register(connection, selectors.EVENT_READ, line)
        return line

    def _ask(self, number: int, due: float, now: float) -> None:
        line, asked = self._idle.popleft(), self._questions[number % len(self._questions)]
        line.asked, line.due, line.sent = asked, due, now
        self._busy += 1
        self.span.late.append(now - due)
        with suppress(OSError):  # what is broken is heard next
            line.socket.sendall(asked.request)

    def _hear(self, seconds: float) -> None:
        ready = self._selector.select(seconds)
        for key, _ in ready:
            self._take(key.data)
        if not ready and self._busy:
            self._give_up()

    def _take(self, line: _Line) -> None:
        """Take what came on a connection; when the answer is whole, the connection is free again."""
        try:
            part = line.socket.recv(65536)
        except OSError:
            part = b""
        line.answer += part
        if not part:
            self._replace(line, _LOST)
        elif is_whole(answer := bytes(line.answer)):
            self.span.latencies.append(time.monotonic() - line.due)
            if line.asked is None or line.asked.expected not in answer:
                self.span.errors[answer[9:12].decode(errors="replace")] += 1
            line.asked = None
            line.answer.clear()
            self.answered += 1
            self._busy -= 1
            self._idle.append(line)

    def _give_up(self) -> None:
        now = time.monotonic()
        for key in list(self._selector.get_map().values()):
            if key.data.asked is not None and now - key.data.sent > _TIMEOUT:
                self._replace(key.data, _NO_ANSWER)

    def _replace(self, line: _Line, why: str) -> None:
        """Open a connection again that the server closed: an error, unless nothing was asked on it."""
        self._selector.unregister(line.socket)
        line.socket.close()
        if line.asked is None:
            self._idle.remove(line)
            self.span.reopened += 1
        else:
            self._busy -= 1
            self.span.errors[why] += 1
        self._idle.append(self._open())


def probe(
    address: Address,
    requests: Sequence[bytes],
    right: bytes,
    *,
    rate: float,
    seconds: float,
    connections: int = 32,
) -> Span:
    """Send *rate* requests a second for *seconds*, over new connections; right responses contain *right*."""
    asked = [Asked(each, right) for each in requests]
    return probe_with(address, asked, rate=rate, seconds=seconds, connections=connections)


def probe_with(
    address: Address, questions: Sequence[Asked], *, rate: float, seconds: float, connections: int = 32
) -> Span:
    """Like `probe`, where each request has a separate right response."""
    spans: list[Span] = []
    load = Load(address, questions, connections)
    try:
        load.hold(rate, seconds, every=inf, told=spans.append)
    finally:
        load.close()
    return spans[0]

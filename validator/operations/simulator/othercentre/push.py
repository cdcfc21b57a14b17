"""The push of call records to the enterprise, in every way that the other centre may have.

The document has one POST for each record, and wants status 200. Nothing is sent again when it fails.
"""

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from validator.clock import Clock, iso_milliseconds
from validator.operations.http_client import NoResponse, Place, hang_up, send, written
from validator.operations.simulator.certificate import trusting
from validator.operations.simulator.othercentre.registration import Receiver

ONCE, TWICE, LATE, OUT_OF_ORDER, CHANGED = "once", "twice", "late", "out-of-order", "changed"
MALFORMED, BLANK, CALLID, DROPPED, NEVER = "malformed", "blank", "callid", "dropped", "never"
WAYS = (ONCE, TWICE, LATE, OUT_OF_ORDER, CHANGED, MALFORMED, BLANK, CALLID, DROPPED, NEVER)
_TIMEOUT = timedelta(seconds=5)
_BEFORE_DROP = timedelta(milliseconds=200)
_MAX_RECORDS = 50
_EMPTY_TEXTS = ("pstn", "nickname", "stereoRecordFile", "stereoFullPath", "ringTime", "ivrTime")
_NULLS = ("answerTime", "acdTime", "acdName")

Record = Mapping[str, Any]
Deliver = Callable[[Receiver, bytes, bool], str]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One POST of a record: when, of which call, in which way, and how it ended."""

    time: str
    call: str
    way: str
    outcome: str


class Pushes:
    """The records, and what came of their deliveries, newest first; deliveries are in order."""

    def __init__(self, receiver: Receiver | None, clock: Clock, deliver: Deliver | None = None) -> None:
        self._receiver, self._clock, self._deliver = receiver, clock, deliver or _delivered
        self.way = ONCE
        self.records: deque[Record] = deque(maxlen=_MAX_RECORDS)
        self.deliveries: deque[Delivery] = deque(maxlen=_MAX_RECORDS)
        self._held: list[tuple[Record, str]] = []
        self._pool = ThreadPoolExecutor(1, "push")

    def take(self, record: Record) -> None:
        """Keep *record* of an ended call, and push it in the present way."""
        self.records.appendleft(record)
        self.push(record, self.way)

    def again(self, call: str, way: str) -> None:
        """Push the record of *call* once more; raises LookupError without one."""
        found = next((record for record in self.records if record["callId"] == call), None)
        if found is None:
            raise LookupError(call)
        self.push(found, way)

    def push(self, record: Record, way: str) -> None:
        """Send *record* in the *way*; late ones wait for `release`, out-of-order ones for the next record."""
        if way == LATE or (way == OUT_OF_ORDER and not self._held):
            self._held.append((record, way))
            return
        for body in bodies(record, way):
            self._pool.submit(self._send, str(record["callId"]), way, body)
        if way == OUT_OF_ORDER:
            self.release()

    def release(self) -> None:
        """Send the records that wait."""
        held, self._held = self._held, []
        for record, way in held:
            self._pool.submit(self._send, str(record["callId"]), way, orjson.dumps(record))

    @property
    def waiting(self) -> int:
        """How many records wait."""
        return len(self._held)

    def settle(self) -> None:
        """Wait until what was submitted before has been sent."""
        self._pool.submit(lambda: None).result()

    def _send(self, call: str, way: str, body: bytes) -> None:
        if self._receiver is None:
            outcome = "not sent: there is no [push]"
        else:
            outcome = self._deliver(self._receiver, body, way == DROPPED)
        self.deliveries.appendleft(Delivery(iso_milliseconds(self._clock.now()), call, way, outcome))


def bodies(record: Record, way: str) -> list[bytes]:
    """Return the bodies of the requests by which *record* is sent in the *way*."""
    whole = orjson.dumps(record)
    changed = {**record, "nickname": f"{record['nickname']} *", "duration": record["duration"] + 1}
    blank = {**record, **dict.fromkeys(_EMPTY_TEXTS, ""), **dict.fromkeys(_NULLS)}
    lower = {"callid" if name == "callId" else name: value for name, value in record.items()}
    return {
        TWICE: [whole, whole],
        CHANGED: [whole, orjson.dumps(changed)],
        MALFORMED: [whole[: len(whole) // 2]],
        BLANK: [orjson.dumps(blank)],
        CALLID: [orjson.dumps(lower)],
        NEVER: [],
    }.get(way, [whole])


def _delivered(receiver: Receiver, body: bytes, is_dropped: bool) -> str:
    """Send *body*; return how that ended. A dropped one reads no response."""
    place = Place.at(receiver.url, trusting(receiver.certificate))
    pieces = written(place, urlsplit(receiver.url).path, body, {"Content-Type": "application/json"})
    try:
        if is_dropped:
            hang_up(place, b"".join(pieces), after=_BEFORE_DROP, give_up_after=_TIMEOUT)
            return "response not read"
        return f"status {send(place, pieces, give_up_after=_TIMEOUT).status}"
    except NoResponse as error:
        return str(error)

"""A call at the other centre, and the record that its end makes.

A record has the documented fields. Its times are local with an offset, null for what did not happen; `acdId`
and `acdName` are "" for a call without a queue.
"""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from validator.operations.simulator.othercentre.registration import CentreAgent

INBOUND, OUTBOUND, INTERNAL = "INBOUND", "OUTBOUND", "INTERNAL"
LINE = "051287660011"
_ZONE = timezone(timedelta(hours=8))
_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Call:
    """A call between an agent and *number*; what has not happened is None."""

    agent: CentreAgent
    number: str
    direction: str
    begun: datetime
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    agent_answered: datetime | None = None
    other_answered: datetime | None = None
    consulting: str = ""
    is_held: bool = False

    @property
    def answered(self) -> datetime | None:
        """When both parties were there; None before."""
        if self.agent_answered is None or self.other_answered is None:
            return None
        return max(self.agent_answered, self.other_answered)


def record_of(call: Call, ended: datetime) -> dict[str, Any]:
    """Return the record of *call*, as it is pushed."""
    caller, callee = call.agent.ext_no, call.number
    if call.direction == INBOUND:
        caller, callee = callee, caller
    name = f"{ended.astimezone(_ZONE):%Y%m%d%H%M%S}_{call.id}_{caller}_{callee}.mp3"
    file = f"/recordings/{ended.astimezone(_ZONE):%Y%m%d}/{name}" if call.answered else ""
    return {
        "callId": call.id,
        "callerUuid": str(uuid.uuid4()),
        "calleeUuid": str(uuid.uuid4()),
        "caller": caller,
        "callee": callee,
        "pstn": "" if call.direction == INTERNAL else LINE,
        "direction": call.direction,
        **_times(call, ended),
        "answered": call.answered is not None,
        "userId": call.agent.id,
        "nickname": call.agent.nickname,
        "acdId": "",
        "acdName": "",
        "stereoRecordFile": file,
        "stereoFullPath": f"/opt{file}" if file else "",
    }


def _times(call: Call, ended: datetime) -> dict[str, Any]:
    seconds = int((ended - call.answered).total_seconds()) if call.answered else 0
    return {
        "startTime": _local(call.begun),
        "ringTime": _local(call.begun),
        "answerTime": _local(call.answered),
        "endTime": _local(ended),
        "ivrTime": _local(call.begun),
        "acdTime": None,
        "billSec": seconds,
        "billMin": -(-seconds // _MINUTE),
        "ringSec": int(((call.answered or ended) - call.begun).total_seconds()),
        "duration": int((ended - call.begun).total_seconds()),
    }


def _local(instant: datetime | None) -> str | None:
    return instant.astimezone(_ZONE).isoformat(timespec="seconds") if instant else None

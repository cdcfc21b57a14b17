"""The records of the cloud's own double calls: its callback of a release (cec_07_1319), a JSON object.

The response has `retCode`, a text. The callback of a connection (cec_07_1318), maybe at the same URL, is
about a call that goes on: it is acknowledged and not stored. The documents do not say in what form times and
durations come: what is in no known form is stored as it came. They print the bodies in a form that is not
JSON. Neither was verified against a cloud.
"""

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, fields

from validator.callcentre import reading
from validator.callcentre.record import CallRecord
from validator.errors import Reason, Refusal
from validator.untrusted import read_object

ACCEPTED = b'{"retCode":"0","retMsg":"success"}'
FAILED = b'{"retCode":"1","retMsg":"failed"}'
_CALL, _MAX_CALL = "callSerialNo", 50
_TEXTS = {"caller": "caller", "called": "callee", "callerPresent": "pstn", "serviceNo": "workNo"}
_TIMES = {
    "createCallTime": "startTime",
    "alertingTime": "ringTime",
    "talkingTime": "answerTime",
    "releaseTime": "endTime",
}
_INTEGERS = {"talkDuration": "billSec"}
_OF_CONNECTION = {_CALL, "serviceNo", "called", "callData"}  # the release has more
# As the cloud prints times in its other callbacks (cec_07_2805): 2022/02/17,13:10:06:836
_TIME = re.compile(r"(\d{4})/(\d\d)/(\d\d),(\d\d:\d\d:\d\d):(\d{3})", re.ASCII)


class AiccRecord(Schema):
    """The callback of a release; others of the cloud's fields are stored, too."""

    callSerialNo = fields.String(required=True, metadata={"maxLength": _MAX_CALL})  # noqa: N815 - the cloud's
    vars().update({name: fields.String() for name in (*_TEXTS, *_TIMES, *_INTEGERS)})


class AiccAnswer(Schema):
    """The code is "0" when the record is stored, and another one when it is not."""

    retCode = fields.String(required=True)  # noqa: N815 - the cloud's name
    retMsg = fields.String(required=True)  # noqa: N815


class AiccFormat:
    """Reads this source's records."""

    accepted, failed = ACCEPTED, FAILED

    def __init__(self, zone: ZoneInfo) -> None:
        """Read times as those of *zone*."""
        read_time = reading.time_in(zone)
        self._readers: Mapping[str, tuple[str, reading.Reader]] = {
            **{name: (own, reading.read_text) for name, own in _TEXTS.items()},
            **{name: (own, lambda value: read_time(_as_iso(value))) for name, own in _TIMES.items()},
            **{name: (own, reading.read_integer) for name, own in _INTEGERS.items()},
        }

    def parse(self, body: bytes) -> CallRecord | None:
        """Return the record in *body*, None for a call that goes on; raises Refusal without a value in it."""
        members = read_object(body)
        call = members.get(_CALL)
        if not isinstance(call, str) or not 1 <= len(call) <= _MAX_CALL:
            raise Refusal(Reason.FIELD_INVALID, f"{_CALL}: not a text of 1 to {_MAX_CALL} characters")
        if members.keys() <= _OF_CONNECTION:
            return None
        found: dict[str, Any] = {"direction": "OUTBOUND"}
        other = {
            name: value for name, value in members.items() if name not in self._readers and name != _CALL
        }
        for name, (own, read) in self._readers.items():
            try:
                value = read(members.get(name))
            except ValueError:
                other[name] = members[name]
            else:
                found |= {} if value is None else {own: value}
        reading.check_other(other)
        return CallRecord(call, found, other)


def _as_iso(value: Any) -> Any:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    return value if match is None else "{}-{}-{}T{}.{}".format(*match.groups())

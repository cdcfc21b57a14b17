"""The records of the call centre whose agents have `ctibar.js`: a JSON object for each call.

The vendor's table calls the id `callid`, its sample `callId`: either is read, and a record in which the two
differ is not. Integers may be digits or "", and times null, "" or without a time zone. `ivrTime` is set for
calls that went out, too, so nothing is derived from it. Fields that the document does not name are stored as
they are, except the path on the sender's disk.
"""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import Schema, fields

from validator.callcentre import reading
from validator.callcentre.policy import MAX_CALL
from validator.callcentre.record import CallRecord
from validator.errors import Reason, Refusal
from validator.untrusted import read_object

ACCEPTED, FAILED = b'{"code":0}', b'{"code":1}'
_IDS = ("callId", "callid")
_DROPPED = "stereoFullPath"
_TEXTS = ("callerUuid", "calleeUuid", "caller", "callee", "pstn", "nickname", "acdName")
_TIMES = ("startTime", "ringTime", "answerTime", "endTime", "ivrTime", "acdTime")
_INTEGERS = ("billSec", "billMin", "ringSec", "duration", "userId", "acdId")
_DIRECTIONS = ("INBOUND", "OUTBOUND", "INTERNAL", "UNKNOWN")


class CtibarRecord(Schema):
    """A pushed record; every field but the call's id may be missing or empty, and others may be there."""

    callId = fields.String(metadata={"description": "or callid"}, required=True)  # noqa: N815 - the sender's
    direction = fields.String(metadata={"enum": list(_DIRECTIONS)})
    answered = fields.Boolean()
    stereoRecordFile = fields.String()  # noqa: N815
    vars().update({name: fields.String() for name in _TEXTS})
    vars().update({name: fields.String(metadata={"format": "date-time"}) for name in _TIMES})
    vars().update({name: fields.Integer() for name in _INTEGERS})


class CtibarAnswer(Schema):
    """0: the record is stored; anything else: it is not."""

    code = fields.Integer(required=True)


class CtibarFormat:
    """Reads this sender's records."""

    accepted, failed = ACCEPTED, FAILED

    def __init__(self, zone: ZoneInfo) -> None:
        """Read times without a time zone as those of *zone*."""
        self._readers: Mapping[str, reading.Reader] = {
            **dict.fromkeys(_TEXTS, reading.read_text),
            **dict.fromkeys(_TIMES, reading.time_in(zone)),
            **dict.fromkeys(_INTEGERS, reading.read_integer),
            "direction": reading.one_of(*_DIRECTIONS),
            "answered": reading.read_boolean,
            "stereoRecordFile": reading.read_file,
        }

    def parse(self, body: bytes) -> CallRecord:
        """Return the record in *body*; raises Refusal, whose detail names a field and never a value."""
        members = read_object(body)
        known = {*self._readers, *_IDS, _DROPPED}
        found = {name: self._read(name, members.get(name)) for name in self._readers}
        other = {name: value for name, value in members.items() if name not in known}
        reading.check_other(other)
        return CallRecord(
            _call_of(members), {name: value for name, value in found.items() if value is not None}, other
        )

    def _read(self, name: str, value: Any) -> Any:
        try:
            return self._readers[name](value)
        except ValueError as error:
            raise Refusal(Reason.FIELD_INVALID, f"{name}: {error}") from None


def _call_of(members: Mapping[str, Any]) -> str:
    ids = {members[name] for name in _IDS if isinstance(members.get(name), str) and members[name]}
    others = [name for name in _IDS if not isinstance(members.get(name) or "", str)]
    if others:
        raise Refusal(Reason.FIELD_INVALID, f"{others[0]}: not a string")
    if len(ids) != 1:
        raise Refusal(Reason.FIELD_INVALID, "callId: missing" if not ids else "callId: callid is another one")
    (call,) = ids
    if len(call) > MAX_CALL:
        raise Refusal(Reason.FIELD_INVALID, f"callId: longer than {MAX_CALL} characters")
    return str(call)

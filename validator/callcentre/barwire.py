"""An agent's report about an ended call of the cloud's own bar, and the record that it becomes.

The bar's events have no documented content but a number: what they did not have is null in the report, and
missing in the record. Everything in it is the agent's own word. So the record has `"basis": "agent"` and who
reported it, and its key begins with the account: no report changes a record of another agent or source.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from marshmallow import fields, validate

from validator.accounts.account import Account
from validator.callcentre.reading import MAX_TEXT
from validator.callcentre.record import PARTIES, CallRecord
from validator.clock import from_milliseconds, iso_milliseconds
from validator.errors import Reason, Refusal
from validator.sizes import MAX_USER_ACCOUNT, MAX_WORK_NO
from validator.untrusted import Text, TolerantSchema, load

OWN_PATH = "/api/v1/calls/own"
OLDEST = timedelta(days=1)  # how long ago a reported call may have rung
AHEAD = timedelta(minutes=1)  # how far the clock of a browser may be ahead
ENDINGS = ("agent", "customer", "failed")
_MAX_CALL = 64  # with the 32 characters of an account and a mark it is a record's key
_CALL = rf"[A-Za-z0-9._:-]{{1,{_MAX_CALL}}}\Z"
_MAX_MILLISECONDS = 253_402_300_799_999  # the last one of the year 9999
_CALLER, _CALLEE, _PARTY = PARTIES
_NUMBER_OF = {"INBOUND": _CALLER, "OUTBOUND": _CALLEE, None: _PARTY}
_TIMES = {"rangAt": "ringTime", "answeredAt": "answerTime", "endedAt": "endTime"}


def _time(*, required: bool = False) -> fields.Integer:
    """Return the field of a time of the browser's clock: milliseconds since 1970, or null."""
    milliseconds = validate.Range(0, _MAX_MILLISECONDS, error="not milliseconds since 1970")
    if required:
        return fields.Integer(strict=True, required=True, validate=milliseconds)
    return fields.Integer(strict=True, load_default=None, allow_none=True, validate=milliseconds)


def _text(longest: int, *checks: Any) -> Text:
    return Text(longest, required=False, load_default=None, allow_none=True, validate=list(checks))


def _word(*words: str) -> Text:
    return _text(16, validate.OneOf(words, error=f"not one of {', '.join(words)}"))


class CallReport(TolerantSchema):
    """An ended call; null is what the bar's events did not have."""

    userAccount = Text(MAX_USER_ACCOUNT)  # noqa: N815 - as in the routes of tokens
    callId = _text(_MAX_CALL, validate.Regexp(_CALL, error="not A-Z a-z 0-9 . _ : -"))  # noqa: N815
    direction = _word("INBOUND", "OUTBOUND")
    number = _text(MAX_TEXT)
    workNo = _text(MAX_WORK_NO)  # noqa: N815 - the cloud's name
    rangAt = _time()  # noqa: N815
    answeredAt = _time()  # noqa: N815
    endedAt = _time(required=True)  # noqa: N815
    ending = _word(*ENDINGS)


@dataclass(frozen=True, slots=True)
class Report:
    """A report that was read: the agent's account at the cloud that it names, and what it says."""

    user_account: str
    values: Mapping[str, Any] = field(repr=False)

    def record(self, account: Account, now: datetime) -> CallRecord:
        """Return the record of the report of *account*; raises Refusal when *now* excludes its times."""
        times = {name: self.values[name] for name in _TIMES if self.values[name] is not None}
        instants = {name: from_milliseconds(value) for name, value in times.items()}
        _check(list(instants.values()), now)
        texts = {_TIMES[name]: iso_milliseconds(instant) for name, instant in instants.items()}
        found = {
            **{name: self.values[name] for name in ("direction", "workNo", "ending")},
            **texts,
            _NUMBER_OF[self.values["direction"]]: self.values["number"],
            "basis": "agent",
            "reportedBy": account.login,
            "userAccount": self.user_account,
            "cloudCallId": self.values["callId"],
        }
        call = self.values["callId"]
        key = f"{account.id}@{texts['endTime']}" if call is None else f"{account.id}/{call}"
        return CallRecord(key, {name: value for name, value in found.items() if value is not None})


def parse_report(values: Mapping[str, Any]) -> Report:
    """Return the report in *values*; raises Refusal, whose detail quotes nothing of it."""
    loaded = load(CallReport(), values)
    return Report(loaded["userAccount"], MappingProxyType(loaded))


def _check(instants: list[datetime], now: datetime) -> None:
    """Raise Refusal unless the *instants* of one call are in order, and within a day before *now*."""
    if instants != sorted(instants):
        raise Refusal(Reason.FIELD_INVALID, "endedAt: the call's times are not in order")
    if instants[0] < now - OLDEST or instants[-1] > now + AHEAD:
        raise Refusal(Reason.FIELD_INVALID, "endedAt: not within the last day")

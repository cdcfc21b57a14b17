"""The format of the cloud's own double calls: the release is a record, the connection is none."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.call_records import CUSTOMER, LINE
from validator.callcentre.aicc import AiccFormat
from validator.callcentre.record import CallRecord
from validator.errors import Refusal

FORMAT = AiccFormat(ZoneInfo("Asia/Shanghai"))
CONNECTED = {"callSerialNo": "1197235857187927062", "serviceNo": "101", "called": CUSTOMER, "callData": ""}
RELEASED = {
    **CONNECTED,
    "caller": "13606254589",
    "callerPresent": LINE,
    "createCallTime": "2026/11/04,11:45:00:836",
    "talkingTime": "2026-11-04 11:45:02",
    "releaseTime": "",
    "talkDuration": "3",
    "releaseReason": "0",
    "recordfile": "Y:/101/1.V3",
}


def parsed(**changed: Any) -> CallRecord | None:
    return FORMAT.parse(json.dumps({**RELEASED, **changed}).encode())


def test_release_is_a_record() -> None:
    """The cloud's names become those of every record; what has no such name stays with it."""
    record = parsed()

    assert record is not None
    assert (record.call, dict(record.fields)) == (
        "1197235857187927062",
        {
            "direction": "OUTBOUND",
            "caller": "13606254589",
            "callee": CUSTOMER,
            "pstn": LINE,
            "workNo": "101",
            "startTime": "2026-11-04T03:45:00.836Z",
            "answerTime": "2026-11-04T03:45:02.000Z",
            "billSec": 3,
        },
    )
    assert record.other == {"callData": "", "releaseReason": "0", "recordfile": "Y:/101/1.V3"}


def test_unknown_forms_are_kept() -> None:
    """A time or a duration in another form does not make the record unreadable."""
    record = parsed(createCallTime="1762228800000", talkDuration="00:00:03")

    assert record is not None
    assert {"startTime", "billSec"}.isdisjoint(record.fields)
    assert (record.other["createCallTime"], record.other["talkDuration"]) == ("1762228800000", "00:00:03")


def test_connection_is_no_record() -> None:
    """A call that has just been connected is acknowledged, and changes no record of it."""
    assert FORMAT.parse(json.dumps(CONNECTED).encode()) is None


@pytest.mark.parametrize("call", [None, "", 7, "x" * 51])
def test_record_needs_its_call(call: object) -> None:
    """Without an id of the documented length it is unreadable."""
    with pytest.raises(Refusal) as refused:
        parsed(callSerialNo=call)
    assert CUSTOMER not in str(refused.value)

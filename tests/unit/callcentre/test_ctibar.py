"""The format of the other call centre: every form of its fields is read, and nothing else."""

import json
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.call_records import CALL, CUSTOMER, EXTENSION, LINE, RECORDING, sample
from validator.callcentre.ctibar import CtibarFormat, CtibarRecord
from validator.callcentre.record import CallRecord
from validator.errors import Refusal

FORMAT = CtibarFormat(ZoneInfo("Asia/Shanghai"))
TEXTS = ("callerUuid", "calleeUuid", "caller", "callee", "pstn", "nickname", "acdName")
TIMES = ("startTime", "ringTime", "answerTime", "endTime", "ivrTime", "acdTime")
INTEGERS = ("billSec", "billMin", "ringSec", "duration", "userId", "acdId")
EMPTY = st.sampled_from([None, ""])
# Each form of a field that a sender may use, with the value that is read from it.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=64)
INTEGER = st.integers(0, 10**9).flatmap(lambda number: st.sampled_from([number, str(number)]))
TIME = st.sampled_from(
    [
        "2023-07-17T14:04:00+08:00",
        "2023-07-17T06:04:00Z",
        "2023-07-17T14:04:00",
        "2023-07-17 14:04:00",
        "2023-07-17T14:04:00.000+0800",
    ]
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(TEXTS, EMPTY | TEXT),
    **dict.fromkeys(TIMES, EMPTY | TIME),
    **dict.fromkeys(INTEGERS, EMPTY | INTEGER),
    "direction": EMPTY | st.sampled_from(["INBOUND", "OUTBOUND", "INTERNAL", "UNKNOWN"]),
    "answered": EMPTY | st.booleans(),
    "stereoRecordFile": EMPTY | st.just(RECORDING),
    "stereoFullPath": TEXT,
}
IDS = st.sampled_from([{"callId": CALL}, {"callid": CALL}, {"callId": CALL, "callid": CALL}])


def parsed(record: Mapping[str, Any]) -> CallRecord:
    return FORMAT.parse(json.dumps(record).encode())


def read(name: str, value: Any) -> Any:
    """Return what is read from *value*, one of `FIELDS`, by the document."""
    if name in INTEGERS:
        return int(value)
    return "2023-07-17T06:04:00.000Z" if name in TIMES else value


@given(IDS, st.fixed_dictionaries({}, optional=FIELDS))
def test_any_part_of_the_documented_fields_is_read(ids: dict[str, str], members: dict[str, Any]) -> None:
    """Any subset in any documented form, in either spelling of the id, is the same record."""
    record = parsed({**ids, **members})

    expected = {
        name: read(name, value)
        for name, value in members.items()
        if value not in (None, "") and name != "stereoFullPath"
    }
    assert (record.call, dict(record.fields), record.other) == (CALL, expected, {})
    assert record == parsed({"callid": CALL, **dict(reversed(members.items()))})
    assert record.content == parsed({**members, **ids}).content
    assert CallRecord.of_content(record.content) == record


def test_sample_of_the_document_is_read_by_its_facts() -> None:
    """The form of the sample: the other spelling of the id, "" for an integer, null for a time."""
    record = parsed(sample())

    assert record.call == CALL
    assert [record.fields[name] for name in ("caller", "callee", "pstn")] == [EXTENSION, CUSTOMER, LINE]
    assert record.fields["startTime"] == "2026-11-04T03:45:00.000Z"
    assert (record.fields["direction"], record.fields["answered"]) == ("OUTBOUND", True)
    assert (record.fields["billSec"], record.fields["billMin"], record.fields["duration"]) == (3, 1, 5)
    assert record.fields["stereoRecordFile"] == RECORDING
    assert {"acdId", "acdName", "acdTime", "stereoFullPath"}.isdisjoint(record.fields)
    assert record.other == {}
    assert set(record.fields) <= set(CtibarRecord().fields)


def test_unknown_fields_are_kept() -> None:
    """What the document does not name is stored as it came, and counts as content; no path of the sender."""
    record = parsed(sample(tags=["a", {"b": 10**18}], stereoFullPath="/opt/x"))

    assert record.other == {"tags": ["a", {"b": 10**18}]}
    assert CallRecord.of_content(record.content) == record
    assert record.content != parsed(sample()).content
    assert parsed(sample(stereoFullPath="/opt/y")).content == parsed(sample()).content


WRONG = {
    "two ids": {"callid": CUSTOMER},
    "no id": {"callId": None},
    "empty id": {"callId": ""},
    "id as a list": {"callId": [CUSTOMER]},
    "integer without a limit": {"another field": 10**30},
    "long id": {"callId": "x" * 129},
    "number as an object": {"caller": {"n": CUSTOMER}},
    "long text": {"nickname": CUSTOMER * 30},
    "direction in words": {"direction": CUSTOMER},
    "fraction": {"billSec": 1.5},
    "negative": {"duration": -1},
    "boolean as a number": {"userId": True},
    "digits with a sign": {"acdId": f"+{CUSTOMER}"},
    "boolean as a text": {"answered": "true"},
    "time of a day": {"startTime": CUSTOMER},
    "day that does not exist": {"startTime": "2023-02-30T14:04:00+08:00"},
    "seconds since 1970": {"endTime": 1689573840},
    "recording above": {"stereoRecordFile": f"/recordings/../../{CUSTOMER}"},
    "recording elsewhere": {"stereoRecordFile": f"https://evil.example.net/{CUSTOMER}.mp3"},
    "recording without a root": {"stereoRecordFile": "recordings/x.mp3"},
    "recording with a query": {"stereoRecordFile": "/x.mp3?to=evil"},
    "recording with a line": {"stereoRecordFile": "/x.mp3\n"},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG)
def test_other_forms_are_refused_without_a_value(changed: dict[str, Any]) -> None:
    """The refusal names the field, and nothing of what was sent."""
    (name,) = changed

    with pytest.raises(Refusal) as refused:
        parsed(sample(**changed))
    assert str(refused.value.detail).startswith(f"{name.replace('callid', 'callId')}: ")
    assert CUSTOMER not in str(refused.value)


def test_time_without_a_zone_is_of_the_configured_one() -> None:
    """The setting decides, also in a zone with summer time."""
    berlin = CtibarFormat(ZoneInfo("Europe/Berlin"))
    body = json.dumps({"callId": CALL, "startTime": "2023-07-17T14:04:00", "endTime": "2023-01-17T14:04:00"})

    assert dict(berlin.parse(body.encode()).fields) == {
        "startTime": "2023-07-17T12:04:00.000Z",
        "endTime": "2023-01-17T13:04:00.000Z",
    }

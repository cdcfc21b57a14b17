"""The simulated CC-FS: an index of call records and recordings, made on request, and the recordings.

As the reference has it (cec_07_0814 to cec_07_0817), an index is a ZIP file `yyyyMMdd_{id}.zip`, made after
its request was answered: here it is there at the second attempt to get it. Its CSV files have a row for each
call record (`…_call_0.csv`) and recording (`…_record_0.csv`), without the names of the columns. For programs
that fetch recordings one response ends in the middle at its first attempt, one recording is lost, and one
has a name that leads out of every folder.
"""

import io
import secrets
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

SOUND = 4  # recordings
LOST = "/10/1/record/226/20240930/6002/lost.wav"
HOSTILE = "/../../../../../../tmp/validator-escaped.wav"
_FORM = "%Y-%m-%d %H:%M:%S"
_SECONDS = 2
_RATE = 8000  # samples a second, one byte each
_MAX_INDEXES = 100
NO_DATA = "0300012"


class NoFile(Exception):  # noqa: N818 - an outcome
    """There is no such file; the text is the response's code."""


@dataclass
class _Index:
    begin: datetime
    asked: int = 0


@dataclass
class Recordings:
    """The indexes that were requested, in memory, and recordings that are made from their names."""

    _indexes: dict[str, _Index] = field(default_factory=dict)
    _interrupted: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def request(self, content: Mapping[str, Any]) -> str:
        """Return the id of the index that *content*, the msgBody, asks for; raises NoFile for a bad span."""
        try:
            begin = datetime.strptime(str(content["beginTime"]), _FORM)  # noqa: DTZ007 - the tenant's zone
            end = datetime.strptime(str(content["endTime"]), _FORM)  # noqa: DTZ007
        except (KeyError, ValueError):
            raise NoFile("0300001") from None
        if not begin <= end <= begin + timedelta(days=3) or not content.get("callBackURL"):
            raise NoFile("0300001")
        response_id = secrets.token_hex(16)
        with self._lock:
            if len(self._indexes) >= _MAX_INDEXES:
                del self._indexes[next(iter(self._indexes))]
            self._indexes[response_id] = _Index(begin)
        return response_id

    def index(self, name: str, now: datetime) -> bytes:
        """Return the ZIP file *name*; raises NoFile."""
        date, _, rest = name.partition("_")
        with self._lock:
            found = self._indexes.get(rest.removesuffix(".zip"))
            if found is None or date != now.strftime("%Y%m%d"):
                raise NoFile(NO_DATA)
            found.asked += 1
            if found.asked < 2:
                raise NoFile(NO_DATA)
        return _zip(found.begin)

    def recording(self, name: str) -> tuple[bytes, bool]:
        """Return the recording *name*, and whether the response ends in the middle; raises NoFile."""
        if name not in {*_names(), HOSTILE}:
            raise NoFile(NO_DATA)
        with self._lock:
            is_first = name.endswith("call-2.wav") and name not in self._interrupted
            self._interrupted.add(name)
        return _wav(name), is_first


def _names() -> list[str]:
    return [f"/10/1/record/226/20240930/6002/call-{number}.wav" for number in range(1, SOUND + 1)]


def _zip(begin: datetime) -> bytes:
    stamp = f"{begin:%Y%m%d%H%M%S}000123"
    calls, records = [], []
    for number, name in enumerate([*_names(), LOST, HOSTILE], 1):
        at = begin + timedelta(minutes=number)
        until = at + timedelta(seconds=_SECONDS)
        call = f"{int(begin.replace(tzinfo=UTC).timestamp())}-{number}"
        head = ["developer-1", "202400000001", "1", "6002", call, "13606254580", "4008302118"]
        times = [f"{at:{_FORM}}", f"{until:{_FORM}}"]
        calls.append([*head, *times * 3, "2", "6002", "0", "0", "-1", "226"])
        records.append([*head, *times, name, "0", "", f"X:\\17\\0\\{number}.V3", "226", "0", "5", "1", "1"])
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for kind, rows in (("call", calls), ("record", records)):
            entry = zipfile.ZipInfo(f"{stamp}_{kind}_0.csv", begin.timetuple()[:6])
            archive.writestr(entry, "".join(",".join(row) + "\n" for row in rows))
    return out.getvalue()


def _wav(name: str) -> bytes:
    """Return two seconds of almost nothing, different for each name (WAV, A-law)."""
    sound = bytes([0xD5]) * (_RATE * _SECONDS - len(name)) + name.encode()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 6, 1, _RATE, _RATE, 1, 8)
    data = b"WAVE" + form + struct.pack("<4sI", b"data", len(sound)) + sound
    return struct.pack("<4sI", b"RIFF", len(data)) + data

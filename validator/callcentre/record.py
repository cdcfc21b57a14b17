"""A call record, in whatever format it was pushed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

PARTIES = ("caller", "callee", "party")  # the last: of a call whose direction is unknown
LINE = "pstn"  # the enterprise's number that the call used
RECORDING = "stereoRecordFile"


@dataclass(frozen=True, slots=True)
class CallRecord:
    """The id of a call, what its record says by documented names, and what the sender added.

    `fields` has no empty value. Its times are texts in UTC. All of it may be about people: no log and no
    traceback may have it.
    """

    call: str
    fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    other: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def content(self) -> str:
        """The record as one text: equal for equal records, in whatever order the members came."""
        return orjson.dumps([self.call, self.fields, self.other], option=orjson.OPT_SORT_KEYS).decode()

    @classmethod
    def of_content(cls, content: str) -> "CallRecord":
        """Return the record whose `content` this is."""
        return cls(*orjson.loads(content))

    def text(self, name: str) -> str:
        """Return the field *name*; "" without it."""
        return str(self.fields.get(name, ""))


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A stored revision of a record: the first of a call is 1, and the last one is what is shown."""

    tenant: str
    source: str
    revision: int
    received_at: datetime
    is_last: bool
    record: CallRecord


def shown(kept: KeptRecord) -> dict[str, Any]:
    """Return the members of *kept* for other systems and people."""
    return {
        "source": kept.source,
        "callId": kept.record.call,
        "revision": kept.revision,
        **kept.record.fields,
        "other": kept.record.other,
    }

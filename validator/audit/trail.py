"""The audit trail: the only writer of what was decided, one JSON line an event.

An entry is written before the answer it tells of is given. When it cannot be written there is a `Fault`
and no answer but "unavailable": no trail, no token.
"""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock

import orjson

from validator.audit.events import Event, current_exchange
from validator.clock import Clock, iso_milliseconds
from validator.errors import Fault, Reason
from validator.files import MODE, make_private_folder

FILE = "audit.jsonl"


@dataclass(frozen=True, slots=True)
class TrailPolicy:
    """Where the trail is kept."""

    directory: Path


class AuditTrail:
    """Appends events to the trail; safe for several threads and processes."""

    def __init__(self, policy: TrailPolicy, clock: Clock) -> None:
        self._path, self._clock = policy.directory / FILE, clock
        self._lock = Lock()
        self._descriptor: int | None = None

    def append(self, event: Event) -> None:
        """Write *event* down; raises Fault(TRAIL_UNAVAILABLE) when that is not possible."""
        line = self._render(event)
        try:
            with self._lock:
                # One write to a file opened for appending: lines of several processes never mix.
                if os.write(self._open(), line) != len(line):
                    raise OSError("the line was cut short")
        except OSError as error:
            raise Fault(Reason.TRAIL_UNAVAILABLE) from error

    def check(self) -> None:
        """Raise Fault(TRAIL_UNAVAILABLE) unless the trail can be opened for writing."""
        try:
            with self._lock:
                self._open()
        except OSError as error:
            raise Fault(Reason.TRAIL_UNAVAILABLE) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            make_private_folder(self._path.parent)
            self._descriptor = os.open(
                self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE
            )
        return self._descriptor

    def _render(self, event: Event) -> bytes:
        exchange = current_exchange.get()
        told = {key: value for key, value in asdict(event).items() if value is not None}
        entry = {
            "time": iso_milliseconds(self._clock.now()),
            "event": told.pop("name"),
            "request_id": exchange.request_id,
            "source": exchange.source,
            "role": exchange.role,
            **told,
        }
        return orjson.dumps(entry, option=orjson.OPT_APPEND_NEWLINE)

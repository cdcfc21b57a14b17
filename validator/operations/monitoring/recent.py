"""The last minutes of the audit trail: the number of verdicts by callback, and the reasons of refusals.

The trail is read backwards from its end, at most `MAX_BYTES`; when that is not enough, the result says since
when it is complete.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from validator.audit.events import EventName, Outcome
from validator.audit.folder import files
from validator.clock import iso_milliseconds
from validator.errors import Reason
from validator.operations.monitoring import sizes

MAX_BYTES = 64 << 20  # about 180,000 verdicts, read in a third of a second
CHUNK = 1 << 20
MINUTES = (1, 15)
UNREAD = "unread"  # refused for its form or its source, before its content is read
_CALLBACKS = ("agent", "chat", UNREAD)
_REASONS = frozenset(Reason)

_Kind = tuple[str, str, str]  # audience, outcome and reason, as the trail has them


@dataclass(frozen=True, slots=True)
class Window:
    """The verdicts of the last *minutes*: by callback, and the refusals by exact reason."""

    minutes: int
    accepted: dict[str, int]
    refused: dict[str, int]
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class Recent:
    """The windows, the time of the trail's last entry, and since when they are complete, if they are not."""

    windows: tuple[Window, ...]
    last: datetime | None
    known_since: datetime | None


def recent(directory: Path, now: datetime, *, most: int = MAX_BYTES, chunk: int = CHUNK) -> Recent:
    """Return the verdicts of the trail in *directory* of the last `MINUTES` before *now*.

    At most *most* bytes are read, *chunk* at a time. Raises OSError when the trail cannot be read.
    """
    newer, older = (iso_milliseconds(now - timedelta(minutes=minutes)) for minutes in MINUTES)
    end = iso_milliseconds(now)
    counts: dict[bool, Counter[_Kind]] = {True: Counter(), False: Counter()}
    is_cut = sizes.of_files(files(directory)) > most
    last = oldest = ""
    for entry in _newest_first(directory, most, chunk):
        time = entry["time"]  # in a form that sorts by time
        last = last or time
        if time < older:
            is_cut = False
            break
        oldest = time
        # Entries after *now* were written before the clock was set back.
        if entry.get("event") == EventName.VERDICT and time <= end:
            kind = str(entry.get("audience")), str(entry.get("outcome")), str(entry.get("reason"))
            counts[time >= newer][kind] += 1
    windows = (counts[True], counts[True] + counts[False])
    return Recent(
        tuple(_window(minutes, counted) for minutes, counted in zip(MINUTES, windows, strict=True)),
        _instant(last),
        _instant(oldest) if is_cut else None,
    )


def _newest_first(directory: Path, most: int, chunk: int) -> Iterator[dict[str, Any]]:
    """Yield the entries in the last *most* bytes of the trail; incomplete lines are skipped."""
    for line in _lines(directory, most, chunk):
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("time"), str):
            yield entry


def _lines(directory: Path, most: int, chunk: int) -> Iterator[bytes]:
    for path in reversed(files(directory)):
        # It may be rotated at this moment.
        with suppress(FileNotFoundError), path.open("rb") as file:
            end, rest = os.fstat(file.fileno()).st_size, b""
            while end > 0 and most > 0:
                size = min(chunk, end, most)
                end, most = end - size, most - size
                part = os.pread(file.fileno(), size, end) + rest
                # The chunk's first line may begin in the chunk before it.
                rest, _, part = part.partition(b"\n") if end else (b"", b"", part)
                yield from reversed(part.splitlines())


def _window(minutes: int, counted: Counter[_Kind]) -> Window:
    """Return a window; values that this program never writes into the trail are not shown."""
    accepted, refused = dict.fromkeys(_CALLBACKS, 0), dict.fromkeys(_CALLBACKS, 0)
    reasons: Counter[str] = Counter()
    for (audience, outcome, reason), count in counted.items():
        callback = audience if audience in _CALLBACKS else UNREAD
        if outcome == Outcome.ACCEPTED:
            accepted[callback] += count
        else:
            refused[callback] += count
            reasons[reason if reason in _REASONS else "unknown"] += count
    return Window(minutes, accepted, refused, dict(reasons.most_common()))


def _instant(text: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.fromisoformat(text)
    return None

"""The last minutes of the audit trail: how many verdicts, on which callback, and why the refused ones were.

The trail is read backwards from its end, and no further than is asked or `MAX_BYTES` reach; where that is
not enough, what is told says since when it is known.
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

MAX_BYTES = 64 << 20  # 180,000 verdicts or so, in a third of a second
CHUNK = 1 << 20
MINUTES = (1, 15)
UNREAD = "unread"  # asked in a form, or from a place, that is refused before the question is read
_CALLBACKS = ("agent", "chat", UNREAD)
_REASONS = frozenset(Reason)

_Kind = tuple[str, str, str]  # audience, outcome and reason, as the trail has them


@dataclass(frozen=True, slots=True)
class Window:
    """The verdicts of the last so many minutes: by callback, and the refused ones by exact reason."""

    minutes: int
    accepted: dict[str, int]
    refused: dict[str, int]
    reasons: dict[str, int]


@dataclass(frozen=True, slots=True)
class Recent:
    """The windows, the time of the trail's last entry, and since when is known if not for all of them."""

    windows: tuple[Window, ...]
    last: datetime | None
    known_since: datetime | None


def recent(directory: Path, now: datetime, *, most: int = MAX_BYTES, chunk: int = CHUNK) -> Recent:
    """Return the verdicts of the trail in *directory* of the last `MINUTES` before *now*.

    Not more than *most* bytes are read, *chunk* at a time. Raises OSError when the trail cannot be.
    """
    newer, older = (iso_milliseconds(now - timedelta(minutes=minutes)) for minutes in MINUTES)
    end = iso_milliseconds(now)
    counts: dict[bool, Counter[_Kind]] = {True: Counter(), False: Counter()}
    is_cut = sizes.of_files(files(directory)) > most
    last = oldest = ""
    for entry in _newest_first(directory, most, chunk):
        time = entry["time"]  # of a form that sorts as it is later
        last = last or time
        if time < older:
            is_cut = False
            break
        oldest = time
        # Behind *now* stands what was written before the clock was set back.
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
    """Yield the entries in the last *most* bytes of the trail; what is no whole line is left out."""
    for line in _lines(directory, most, chunk):
        try:
            entry = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        if isinstance(entry, dict) and isinstance(entry.get("time"), str):
            yield entry


def _lines(directory: Path, most: int, chunk: int) -> Iterator[bytes]:
    for path in reversed(files(directory)):
        # It may be put aside this very moment.
        with suppress(FileNotFoundError), path.open("rb") as file:
            end, rest = os.fstat(file.fileno()).st_size, b""
            while end > 0 and most > 0:
                size = min(chunk, end, most)
                end, most = end - size, most - size
                part = os.pread(file.fileno(), size, end) + rest
                # Its first line may begin before it.
                rest, _, part = part.partition(b"\n") if end else (b"", b"", part)
                yield from reversed(part.splitlines())


def _window(minutes: int, counted: Counter[_Kind]) -> Window:
    """Return a window; text that this program does not write into the trail is not shown."""
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

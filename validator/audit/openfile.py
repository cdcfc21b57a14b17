"""A file of the trail that is open for writing, and how lines are appended to it."""

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from validator.audit.chain import MAX_LINE, Position, link, parse
from validator.audit.events import EventName
from validator.audit.head import End
from validator.files import MODE

DAY = len("yyyy-MM-dd")


@dataclass(slots=True)
class OpenFile:
    """A file that this process has open, the day of its first line, and its end if known."""

    descriptor: int
    inode: int
    day: str
    end: End | None = None


def open_file(path: Path, flags: int = 0) -> int:
    """Return a descriptor for appending to the file at *path*, which is created if missing."""
    return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | flags, MODE)


def stat_of(place: str) -> os.stat_result | None:
    """Return the stat of the file at the path *place*; None when there is none."""
    try:
        return os.stat(place)  # noqa: PTH116 - for each entry
    except FileNotFoundError:
        return None


def day_of(descriptor: int) -> str | None:
    """Return the day (UTC) of the file's first whole line; None when there is none."""
    lines = os.pread(descriptor, MAX_LINE, 0).splitlines()
    first = next(filter(None, map(parse, lines)), None)
    time = first.members.get("time") if first else None
    return str(time)[:DAY] if time else None


def own_entry(name: EventName, time: str, after: Position, members: dict[str, Any]) -> bytes:
    """Return an entry of the trail about itself that follows the one at *after*."""
    return orjson.dumps({"number": after.number + 1, "time": time, "event": name, **members})


def append(descriptor: int, start: End, entries: Sequence[bytes], key: bytes, before: bytes = b"") -> End:
    """Write the bytes *before* and the lines of *entries* after *start*; return the new end.

    Raises OSError, and then leaves nothing of it in the file.
    """
    mac, parts = start.position.mac, [before]
    for entry in entries:
        line, mac = link(entry, mac, key)
        parts.append(line)
    content = b"".join(parts)
    if os.write(descriptor, content) != len(content):
        os.ftruncate(descriptor, start.size)
        raise OSError(errno.ENOSPC, "the disk took only part of the lines")
    position = Position(start.position.number + len(entries), mac, start.position.file)
    return End(start.inode, start.size + len(content), position)

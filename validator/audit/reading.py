"""Reads the audit trail: whether it is whole, and what it says."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from validator.audit.chain import BEGINNING, LONGEST_LINE, Break, mac_of, verify
from validator.audit.folder import files


@dataclass(frozen=True, slots=True)
class Problem:
    """A place where the trail is not whole."""

    file: str
    line: int
    problem: str


def entries(directory: Path) -> Iterator[dict[str, Any]]:
    """Yield every entry of the trail, oldest first; what is no line of a trail is left out."""
    for file in files(directory):
        with file.open("rb") as lines:
            for line in lines:
                yield from entry_of(line)


def entry_of(line: bytes) -> Iterator[dict[str, Any]]:
    """Yield the entry in *line*; nothing when it is no line of a trail."""
    if mac_of(line):
        with suppress(orjson.JSONDecodeError):
            yield orjson.loads(line)


def last_written(directory: Path) -> datetime | None:
    """Return when the trail's last whole entry was written; None when there is none near its end."""
    for file in reversed(files(directory)):
        # It may be put aside this very moment.
        with suppress(FileNotFoundError), file.open("rb") as content:
            content.seek(max(0, os.fstat(content.fileno()).st_size - LONGEST_LINE))
            for line in filter(mac_of, reversed(content.readlines())):
                with suppress(orjson.JSONDecodeError):
                    return datetime.fromisoformat(orjson.loads(line)["time"])
    return None


def problems(directory: Path, key: bytes) -> Iterator[Problem]:
    """Yield every place where the chain of the trail does not hold; none when it is whole."""
    previous: str | None = None
    for file in files(directory):
        with file.open("rb") as lines:
            for found in verify(lines, key, previous):
                if isinstance(found, Break):
                    yield Problem(file.name, found.line, found.problem)
                else:
                    previous = found


def follows(directory: Path) -> str | None:
    """Return the mac that the oldest file follows if files before it are missing, else None."""
    first = next(entries(directory), {})
    previous = str(first.get("previous", BEGINNING))
    return None if previous == BEGINNING else previous

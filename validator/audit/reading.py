"""Reads the audit trail: its entries, and where its chain is broken."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from validator.audit.chain import BEGINNING, MAX_LINE, Position, mac_of, parse
from validator.audit.folder import CURRENT, files, rotated
from validator.audit.resuming import file_number
from validator.audit.verifying import Verifier


@dataclass(frozen=True, slots=True)
class Problem:
    """A line at which the trail is broken."""

    file: str
    line: int
    problem: str


def entries(directory: Path) -> Iterator[dict[str, Any]]:
    """Yield every entry of the trail, oldest first; lines that are not entries are skipped."""
    for _, lines in _opened(directory):
        for line in lines:
            yield from entry_of(line)


def entry_of(line: bytes) -> Iterator[dict[str, Any]]:
    """Yield the entry in *line*; nothing when it is not a line of a trail."""
    if mac_of(line):
        with suppress(orjson.JSONDecodeError):
            yield orjson.loads(line)


def last_written(directory: Path) -> datetime | None:
    """Return when the trail's last whole entry was written; None when its end has none."""
    for file in reversed(files(directory)):
        # It may be rotated at this moment.
        with suppress(FileNotFoundError), file.open("rb") as content:
            content.seek(max(0, os.fstat(content.fileno()).st_size - MAX_LINE))
            for line in filter(mac_of, reversed(content.readlines())):
                with suppress(orjson.JSONDecodeError):
                    return datetime.fromisoformat(orjson.loads(line)["time"])
    return None


def problems(directory: Path, key: bytes) -> Iterator[Problem]:
    """Yield every problem in the chain of the trail; none when it is complete."""
    for found in verified(directory, key).problems:
        yield Problem(found.file, found.line, found.problem)


def verified(directory: Path, key: bytes, wanted: Iterable[int] = ()) -> Verifier:
    """Return the verifier after every line of the trail; its `macs` has those of the *wanted* numbers."""
    verifier = Verifier(key, None, wanted=wanted)
    for name, lines in _opened(directory):
        for at, line in enumerate(lines, 1):
            verifier.add(line, name, at)
        verifier.end_file()
    verifier.finish()
    return verifier


def _opened(directory: Path) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the name and the lines of every file once, oldest first, even across a rotation."""
    names: set[str] = set()
    inodes: set[int] = set()
    is_new = True
    while is_new:
        is_new = False
        for path in files(directory):
            if path.name in names:
                continue
            with suppress(FileNotFoundError), path.open("rb") as lines:
                inode = os.fstat(lines.fileno()).st_ino
                if path.name != CURRENT:
                    names.add(path.name)
                elif any(each.name not in names for each in rotated(directory)):
                    is_new = True  # its predecessor was rotated just now and comes first
                    break
                if inode not in inodes:
                    inodes.add(inode)
                    is_new = True
                    yield path.name, lines


def end_of(directory: Path) -> Position | None:
    """Return the position of the last whole entry; None when it has no number, or there is none.

    Raises OSError. The entry is not verified: `verified` does that.
    """
    for file in reversed(files(directory)):
        with suppress(FileNotFoundError), file.open("rb") as content:
            content.seek(max(0, os.fstat(content.fileno()).st_size - MAX_LINE))
            lines = content.read(MAX_LINE).splitlines()
            last = next((line for line in map(parse, reversed(lines)) if line and line.number), None)
            if last is not None:
                return Position(last.number or 0, last.mac, file_number(file) or 0)
    return None


def follows(directory: Path) -> str | None:
    """Return the mac before the oldest file if earlier files are missing, else None."""
    first = next(entries(directory), {})
    previous = str(first.get("previous", BEGINNING))
    return None if previous == BEGINNING else previous

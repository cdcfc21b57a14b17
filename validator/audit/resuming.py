"""Finds where the chain continues in the existing files, when the known end is not their end."""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from validator.audit import folder
from validator.audit.chain import BEGINNING, MAX_LINE, MAX_NUMBERED, Line, Position, number_of, parse
from validator.audit.torn import Torn
from validator.audit.verifying import Verifier

_UNNUMBERED_FILES = 2  # to search: an older version may have begun one during a restart


@dataclass(frozen=True, slots=True)
class Resumed:
    """The chain continues after *position*; *torn* is what follows it in the file, if anything.

    *is_lost*: *position* is the known one, and no file has it any more; *after* is then the number of the
    last entry that exists, if any.
    """

    position: Position
    torn: Torn | None = None
    is_lost: bool = False
    after: int | None = None


def resume(directory: Path, key: bytes, known: Position | None) -> Resumed:
    """Return where the chain continues, given the *known* position.

    Raises OSError, and ValueError when the file is not a trail and no position is known.
    """
    files = folder.files(directory)
    if known is None:
        return _resume_unknown(files, directory)
    place = _locate(files, known)
    if place is None:
        last = next(_last_lines(files), None)
        # Entries of an older version have no number; they precede the first numbered one.
        after = None if last is None else min(last.number or 0, known.number)
        return Resumed(known, is_lost=True, after=after)
    index, offset = place
    verifier = Verifier(key, known.mac, known.number)
    for path in files[index:]:
        _follow(verifier, path, offset)
        offset = 0
    number, mac = verifier.end
    return Resumed(Position(number, mac, known.file), verifier.torn)


def file_number(path: Path) -> int | None:
    """Return the number that the first line of the file at *path* names; None when it names none."""
    first = _first_line(path)
    number = first.members.get("file") if first else None
    return number if type(number) is int else None


def _resume_unknown(files: list[Path], directory: Path) -> Resumed:
    """Continue after the last whole line, as in a trail of an older version, which had no recorded end."""
    current = directory / folder.CURRENT
    torn: Torn | None = None
    if files and files[-1] == current and current.stat().st_size:
        with current.open("rb") as file:
            file.seek(max(0, current.stat().st_size - MAX_LINE))
            lines = file.read(MAX_LINE).splitlines(keepends=True)
        torn = _after_last(lines)
        if torn is not None and torn.length == sum(map(len, lines)) and any(b"\n" in line for line in lines):
            raise ValueError("the file is not an audit trail")
    last = next(_last_lines(files), None)
    mac = last.mac if last else BEGINNING
    return Resumed(Position(_last_number(files), mac, 0), torn)


def _after_last(lines: list[bytes]) -> Torn | None:
    """Return what follows the last whole line."""
    torn: Torn | None = None
    for line in lines:
        if parse(line) is not None:
            torn = None
        else:
            torn = torn or Torn()
            torn.add(line)
    return torn


def _locate(files: list[Path], known: Position) -> tuple[int, int] | None:
    """Return the index of the file with the *known* entry and the offset after it; None without it."""
    searched = 0
    for index in reversed(range(len(files))):
        first = _first_line(files[index])
        number = first.number if first else None
        if number is not None and number > known.number:
            continue
        offset = _offset_after(files[index], known.mac)
        if offset is not None:
            return index, offset
        searched += first is not None
        if number is not None or searched > _UNNUMBERED_FILES:
            return None
    return None


def _offset_after(path: Path, mac: str) -> int | None:
    ending = f'"mac":"{mac}"}}'.encode()
    with path.open("rb") as file:
        if not file.seek(0, 2):
            return None
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            at = content.rfind(ending)
    return None if at < 0 else at + len(ending)


def _follow(verifier: Verifier, path: Path, offset: int) -> None:
    with path.open("rb") as file:
        file.seek(offset)
        for at, line in enumerate(file):
            if at or not offset or line != b"\n":  # the known line's own line feed
                verifier.add(line, path.name, at)


def _first_line(path: Path) -> Line | None:
    with path.open("rb") as file:
        lines = file.read(MAX_LINE).splitlines()
    return next(filter(None, map(parse, lines)), None)


def _last_lines(files: list[Path]) -> Iterator[Line]:
    """Yield the last whole line of each file, newest first."""
    for path in reversed(files):
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, 2) - MAX_LINE))
            lines = file.read(MAX_LINE).splitlines()
        last = next(filter(None, map(parse, reversed(lines))), None)
        if last is not None:
            yield last


def _last_number(files: list[Path]) -> int:
    """Return the last number near the end of the newest files; 0 when they are of an older version."""
    for path in list(reversed(files))[: _UNNUMBERED_FILES + 1]:
        with path.open("rb") as file:
            if not file.seek(0, 2):
                continue
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                number = _last_number_in(content)
        if number is not None:
            return number
    return 0


def _last_number_in(content: mmap.mmap) -> int | None:
    at = content.rfind(b'{"number":')
    while at >= 0:
        number = number_of(content[at : at + MAX_NUMBERED])
        if number is not None:
            return number
        at = content.rfind(b'{"number":', 0, at)  # torn
    return None

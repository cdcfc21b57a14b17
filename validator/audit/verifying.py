"""Checks the lines of the trail: which ones do not follow their predecessor, and which entries are missing.

Bytes between two entries are a break, unless the next entry is a `trail_repaired` that names their length and
SHA-256, or one of an older version, which named nothing. A `trail_broken` is a break in itself: the program
continued from the end that it knew, because the file no longer had that end.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from validator.audit.chain import BEGINNING, Line, is_json, parse
from validator.audit.torn import Torn

REPAIRED, BROKEN, LOSS_ACCEPTED = "trail_repaired", "trail_broken", "loss_accepted"
_OWN_EVENTS = {name: f'"event":"{name}"'.encode() for name in (REPAIRED, BROKEN, LOSS_ACCEPTED)}
_OWN_WITHIN = 120  # bytes; only number and time precede an entry's event
_DOES_NOT_FOLLOW = "does not follow the line before it: a line was changed, removed, added or moved"


@dataclass(frozen=True, slots=True)
class Finding:
    """A position in a file (line from 1), the problem there, and the first and last missing entry.

    Its *digest* stays the same unless that position is changed again.
    """

    file: str
    line: int
    problem: str
    digest: str = ""
    missing: tuple[int, int] | None = None

    @property
    def members(self) -> dict[str, Any]:
        """The finding in the form of the entry that accepts it."""
        first, last = self.missing or (None, None)
        return {"file": self.file, "line": self.line, "from": first, "to": last, "digest": self.digest}

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}" if self.line else f"{self.file}: {self.problem}"


class Verifier:
    """Takes the lines of a trail one by one, oldest first; the result is complete after `finish`."""

    def __init__(
        self, key: bytes, previous: str | None, number: int | None = None, wanted: Iterable[int] = ()
    ) -> None:
        """Check with *key* the lines after the entry with the mac *previous* and that *number*.

        With *previous* None, trust the predecessor that the first line names, as older files may be archived.
        `macs` collects the macs of the *wanted* numbers.
        """
        self.key, self.mac, self.number = key, previous, number
        self.first: int | None = None
        self.breaks: list[Finding] = []
        self.notices: list[Finding] = []
        self.accepted: set[str] = set()
        self.entries, self.is_continuation = 0, False
        self.macs: dict[int, str] = {}
        self.unnumbered = 0  # lines of an older version after a numbered one
        self.torn: Torn | None = None
        self._wanted = frozenset(wanted)
        self._good, self._good_number = previous, number
        self._pending: list[tuple[Finding, bool]] = []

    def add(self, content: bytes, file: str, at: int) -> None:
        """Check the next line, line *at* of *file*."""
        line = parse(content)
        if line is None:
            self._suspend(content, file, at)
            return
        if self.mac is None:
            self.mac = self._good = line.previous
            self.is_continuation = self.mac != BEGINNING
        own = _own_event(line)
        if own == BROKEN and line.follows(line.previous, self.key):
            self._settle(is_numbered=True)
            self._add_loss(line, file, at)
        elif own == REPAIRED and self._is_repaired_by(line):
            self.notices.append(Finding(file, at, _repair_notice(line.members)))
            self._pending, self.number = [], self._good_number
        elif line.follows(self.mac, self.key):
            self._settle(is_numbered=line.number is not None)
        else:
            self._suspend_entry(line, content, file, at)
            return
        self._take(line, own, file, at)

    def end_file(self) -> None:
        """Note the end of a file: what precedes the lines of the next file is known, even if nothing."""
        if self.mac is None and self.torn is None:
            self.mac = self._good = BEGINNING

    def finish(self) -> None:
        """Report bytes at the end that are not an entry: a break, unless a crash can have left them."""
        if self.torn is None:
            return
        if self.torn.could_be_a_crash:
            finding = self._pending[0][0]
            what = f"{self.torn.length} bytes that are not an entry"
            words = f"the trail ends in {what}: the next entry will name them"
            self.notices.append(replace(finding, problem=words))
            self._pending, self.torn = [], None
        else:
            self._settle(is_numbered=True)

    @property
    def end(self) -> tuple[int, str]:
        """The number (0: none yet) and the mac of the last verified line."""
        return self._good_number or 0, self._good or BEGINNING

    @property
    def problems(self) -> list[Finding]:
        """The breaks that no operator has accepted."""
        return [each for each in self.breaks if each.digest not in self.accepted]

    def is_known_missing(self, number: int) -> bool:
        """Return whether a break reports the entry with this *number* as missing."""
        ranges = (each.missing for each in self.breaks if each.missing)
        return any(first <= number <= last for first, last in ranges)

    def _suspend(self, content: bytes, file: str, at: int) -> None:
        is_whole = is_json(content)
        words = (
            "has no mac: it was not written by this program" if is_whole else "is not an entry of the trail"
        )
        self._suspend_finding(Finding(file, at, words, self._digest(content)), content, is_torn=not is_whole)

    def _suspend_entry(self, line: Line, content: bytes, file: str, at: int) -> None:
        last, number = self.number, line.number
        missing = (last + 1, number - 1) if last is not None and number and number > last + 1 else None
        words = _DOES_NOT_FOLLOW + (f"; {_missing(*missing)}" if missing else "")
        self._suspend_finding(
            Finding(file, at, words, self._digest(content), missing), content, is_torn=False
        )
        self.mac, self.number = line.mac, number or last

    def _suspend_finding(self, finding: Finding, content: bytes, *, is_torn: bool) -> None:
        self._pending.append((finding, is_torn))
        self.torn = self.torn or Torn()
        self.torn.add(content)

    def _settle(self, *, is_numbered: bool) -> None:
        """Report the suspended findings, since the next line does not explain them."""
        for finding, is_torn in self._pending:
            (self.breaks if is_numbered or not is_torn else self.notices).append(finding)
        self._pending = []

    def _is_repaired_by(self, line: Line) -> bool:
        if self.torn is None or self._good is None or not line.follows(self._good, self.key):
            return False
        members, named = line.members, self.torn.named()
        return {name: members.get(name) for name in named} == named

    def _add_loss(self, line: Line, file: str, at: int) -> None:
        members, number = line.members, line.number or 0
        after = members.get("after")
        missing = (after + 1, number - 1) if isinstance(after, int) and after + 1 < number else None
        if after is None:
            missing = (1, number - 1)
            words = f"the file before it is missing, up to entry {number - 1}, and its end was known"
        elif missing:
            words = f"{_missing(*missing)}: the trail was cut or replaced, and its end was known"
        else:
            words = "the lines before it were not written by this program"
        self.breaks.append(Finding(file, at, words, line.mac, missing))
        self.number = None

    def _take(self, line: Line, own: str | None, file: str, at: int) -> None:
        """Accept *line* as verified."""
        number = line.number
        self.entries += 1
        if number is None and self.number is not None:
            self.unnumbered += 1
        elif number is not None and self.number is not None and number != self.number + 1:
            words = f"entry {number} follows entry {self.number}: the trail was rewritten with its key"
            self.breaks.append(Finding(file, at, words, line.mac))
        if own == LOSS_ACCEPTED:
            self.accepted.update(str(each.get("digest")) for each in line.members.get("lost", ()))
        if number is not None:
            self.number = number
            self.first = number if self.first is None else self.first
            if number in self._wanted:
                self.macs[number] = line.mac
        self.mac = self._good = line.mac
        self._good_number, self.torn = self.number, None

    def _digest(self, content: bytes) -> str:
        return hashlib.sha256((self.mac or BEGINNING).encode() + content.rstrip(b"\n")).hexdigest()


def _own_event(line: Line) -> str | None:
    head = line.entry[:_OWN_WITHIN]
    return next((name for name, member in _OWN_EVENTS.items() if member in head), None)


def _repair_notice(members: dict[str, Any]) -> str:
    what = f"{members.get('length')} bytes before it are not an entry"
    return f"{what}: a crash left them, and this entry names them"


def _missing(first: int, last: int) -> str:
    return f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"

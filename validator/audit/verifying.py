"""Checks the lines of the trail: which do not follow the one before, and what is missing between them.

What stands between two entries and is none is a break, unless the next entry is a `trail_repaired` that names
its length and SHA-256, or one of an older version, which named nothing. A `trail_broken` is a break by
itself: the program went on from the end that it knew, because the file did not have that end any more.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from validator.audit.chain import BEGINNING, Line, is_json, parse
from validator.audit.torn import Torn

REPAIRED, BROKEN, LOSS_ACCEPTED = "trail_repaired", "trail_broken", "loss_accepted"
_OWN = {name: f'"event":"{name}"'.encode() for name in (REPAIRED, BROKEN, LOSS_ACCEPTED)}
_OWN_WITHIN = 120  # bytes of an entry; only its number and its time stand before its event
_DOES_NOT_FOLLOW = "does not follow the line before it: a line was changed, removed, added or moved"


@dataclass(frozen=True, slots=True)
class Finding:
    """A place in a file (line from 1), what is wrong there, the entries that are missing, first and last.

    Its *digest* stays the same as long as nothing else is done to that place.
    """

    file: str
    line: int
    problem: str
    digest: str = ""
    missing: tuple[int, int] | None = None

    @property
    def members(self) -> dict[str, Any]:
        """The finding as an entry names it that accepts it."""
        first, last = self.missing or (None, None)
        return {"file": self.file, "line": self.line, "from": first, "to": last, "digest": self.digest}

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.problem}" if self.line else f"{self.file}: {self.problem}"


class Verifier:
    """Takes the lines of a trail one by one, oldest first; what it found is complete after `finish`."""

    def __init__(
        self, key: bytes, previous: str | None, number: int | None = None, wanted: Iterable[int] = ()
    ) -> None:
        """Check with *key* the lines after the one with the mac *previous* and that *number*.

        *previous* None takes what the first line itself names, for a trail whose older files were moved away.
        The macs of the *wanted* numbers are kept in `macs`.
        """
        self.key, self.mac, self.number = key, previous, number
        self.first: int | None = None
        self.breaks: list[Finding] = []
        self.notices: list[Finding] = []
        self.accepted: set[str] = set()
        self.entries, self.is_continuation = 0, False
        self.macs: dict[int, str] = {}
        self.unnumbered = 0  # lines of an older version behind one that has a number
        self.torn: Torn | None = None
        self._wanted = frozenset(wanted)
        self._good, self._good_number = previous, number
        self._pending: list[tuple[Finding, bool]] = []

    def add(self, content: bytes, file: str, at: int) -> None:
        """Check the next line, which is the one *at* that place of *file*."""
        line = parse(content)
        if line is None:
            self._set_aside(content, file, at)
            return
        if self.mac is None:
            self.mac = self._good = line.previous
            self.is_continuation = self.mac != BEGINNING
        own = _own(line)
        if own == BROKEN and line.follows(line.previous, self.key):
            self._settle(is_numbered=True)
            self._report_loss(line, file, at)
        elif own == REPAIRED and self._is_repaired_by(line):
            self.notices.append(Finding(file, at, _named(line.members)))
            self._pending, self.number = [], self._good_number
        elif line.follows(self.mac, self.key):
            self._settle(is_numbered=line.number is not None)
        else:
            self._set_aside_whole(line, content, file, at)
            return
        self._take(line, own, file, at)

    def end_file(self) -> None:
        """Note that a file is over: what comes before the lines of the next is known, were it nothing."""
        if self.mac is None and self.torn is None:
            self.mac = self._good = BEGINNING

    def finish(self) -> None:
        """Report what stands at the end and is no entry: a break, unless a crash can have left it."""
        if self.torn is None:
            return
        if self.torn.could_be_a_crash:
            finding = self._pending[0][0]
            words = (
                f"the trail ends in {self.torn.length} bytes that are no entry: the next one will name them"
            )
            self.notices.append(replace(finding, problem=words))
            self._pending, self.torn = [], None
        else:
            self._settle(is_numbered=True)

    @property
    def end(self) -> tuple[int, str]:
        """The number (0: none yet) and the mac of the last line that is proven."""
        return self._good_number or 0, self._good or BEGINNING

    @property
    def problems(self) -> list[Finding]:
        """The breaks that no operator accepted."""
        return [each for each in self.breaks if each.digest not in self.accepted]

    def is_known_missing(self, number: int) -> bool:
        """Return whether a break says that the entry with this *number* is missing."""
        ranges = (each.missing for each in self.breaks if each.missing)
        return any(first <= number <= last for first, last in ranges)

    def _set_aside(self, content: bytes, file: str, at: int) -> None:
        is_whole = is_json(content)
        words = "has no mac: it was not written by this program" if is_whole else "is no entry of the trail"
        self._pend(Finding(file, at, words, self._digest(content)), content, is_torn=not is_whole)

    def _set_aside_whole(self, line: Line, content: bytes, file: str, at: int) -> None:
        last, number = self.number, line.number
        missing = (last + 1, number - 1) if last is not None and number and number > last + 1 else None
        words = _DOES_NOT_FOLLOW + (f"; {_missing(*missing)}" if missing else "")
        self._pend(Finding(file, at, words, self._digest(content), missing), content, is_torn=False)
        self.mac, self.number = line.mac, number or last

    def _pend(self, finding: Finding, content: bytes, *, is_torn: bool) -> None:
        self._pending.append((finding, is_torn))
        self.torn = self.torn or Torn()
        self.torn.add(content)

    def _settle(self, *, is_numbered: bool) -> None:
        """Report what was set aside, now that the next line says nothing about it."""
        for finding, is_torn in self._pending:
            (self.breaks if is_numbered or not is_torn else self.notices).append(finding)
        self._pending = []

    def _is_repaired_by(self, line: Line) -> bool:
        if self.torn is None or self._good is None or not line.follows(self._good, self.key):
            return False
        members, named = line.members, self.torn.named()
        return {name: members.get(name) for name in named} == named

    def _report_loss(self, line: Line, file: str, at: int) -> None:
        members, number = line.members, line.number or 0
        after = members.get("after")
        missing = (after + 1, number - 1) if isinstance(after, int) and after + 1 < number else None
        if after is None:
            missing = (1, number - 1)
            words = f"the file before it is missing, up to entry {number - 1}, and its end was known"
        elif missing:
            words = f"{_missing(*missing)}: the trail was cut or replaced, and its end was known"
        else:
            words = "before it stands what was not written by this program"
        self.breaks.append(Finding(file, at, words, line.mac, missing))
        self.number = None

    def _take(self, line: Line, own: str | None, file: str, at: int) -> None:
        """Take *line* as proven."""
        number = line.number
        self.entries += 1
        if number is None and self.number is not None:
            self.unnumbered += 1
        elif number is not None and self.number is not None and number != self.number + 1:
            words = f"entry {number} follows entry {self.number}: the trail was written anew with its key"
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


def _own(line: Line) -> str | None:
    head = line.entry[:_OWN_WITHIN]
    return next((name for name, member in _OWN.items() if member in head), None)


def _named(members: dict[str, Any]) -> str:
    return (
        f"{members.get('length')} bytes before it are no entry: a crash left them, and this entry names them"
    )


def _missing(first: int, last: int) -> str:
    return f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"

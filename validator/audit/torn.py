"""Bytes in the trail that are not entries: left by a crash, or written by another program."""

import hashlib

from validator.audit.chain import is_json, mac_of

_BEGINNINGS = (b'{"number":', b'{"time":"')


class Torn:
    """The bytes after an entry that are not, or not provably, the next one."""

    def __init__(self) -> None:
        self.length = 0
        self._sha256, self._owes_line_feed = hashlib.sha256(), False
        self._has_hole, self._lines, self._are_torn = False, 0, True

    def add(self, line: bytes) -> None:
        """Add the next line, with its line feed if it has one."""
        if self._owes_line_feed:
            self._sha256.update(b"\n")
        content = line.removesuffix(b"\n")
        self._owes_line_feed = content != line
        self._sha256.update(content)
        self.length += len(line)
        self._lines += 1
        self._has_hole = self._has_hole or b"\x00" in content
        self._are_torn = self._are_torn and (self._has_hole or _is_torn(content, self._owes_line_feed))

    @property
    def could_be_a_crash(self) -> bool:
        """Whether a power cut can leave such bytes: starts of entries, and pages that were never written.

        Whole lines may follow an unwritten page, but nothing proves them any more.
        """
        return self._are_torn

    @property
    def could_be_a_killed_process(self) -> bool:
        """Whether a process killed while writing can leave such bytes: the start of one entry."""
        return self._are_torn and self._lines == 1

    def named(self) -> dict[str, int | str]:
        """Return length and SHA-256 as in `trail_repaired`, without the last line feed."""
        return {"length": self.length - self._owes_line_feed, "sha256": self._sha256.hexdigest()}


def _is_torn(content: bytes, is_ended: bool) -> bool:
    if is_json(content) or mac_of(content) is not None or not content.startswith(b"{"):
        return False
    # Only another writer of this program ends a torn line.
    return not is_ended or any(beginning.startswith(content[: len(beginning)]) for beginning in _BEGINNINGS)

"""Reads the trail continuously: every entry once, over rotations, from the oldest file on."""

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, BinaryIO

from validator.audit.folder import CURRENT, rotated
from validator.audit.reading import entry_of


class Follower:
    """Yields each entry of the trail once, whatever is rotated or shipped away between two looks."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rotated: set[str] = set()  # names that were seen; their files are read, or gone
        self._file: BinaryIO | None = None
        self._torn = b""  # the beginning of a line that is being written

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the entries that were not yielded before, oldest first; no line of a trail is left out."""
        # Opened first: a file that is rotated from now on is this one, and is read on at the next look.
        newest = _opened(self._directory / CURRENT)
        if self._file is not None and newest is not None and _is_same(self._file, newest):
            newest.close()
            yield from self._appended()
            return
        yield from self._appended()
        yield from self._others(newest)
        self.close()
        self._file = newest
        yield from self._appended()

    def close(self) -> None:
        """Close the file that is read."""
        if self._file is not None:
            self._file.close()
        self._file, self._torn = None, b""

    def _appended(self) -> Iterator[dict[str, Any]]:
        """Yield what was appended to the open file; the line that is being written waits for its end."""
        for line in self._file or ():
            self._torn += line
            if self._torn.endswith(b"\n"):
                whole, self._torn = self._torn, b""
                yield from entry_of(whole)

    def _others(self, newest: BinaryIO | None) -> Iterator[dict[str, Any]]:
        """Yield the entries of the rotated files that are read neither here already nor as *newest*."""
        for path in rotated(self._directory):
            if path.name in self._rotated:
                continue
            file = _opened(path)
            if file is None:
                continue  # shipped away meanwhile
            with closing(file):
                if newest is not None and _is_same(file, newest):
                    continue
                self._rotated.add(path.name)
                if self._file is None or not _is_same(file, self._file):
                    for line in file:
                        yield from entry_of(line)


def _opened(path: Path) -> BinaryIO | None:
    with suppress(FileNotFoundError):
        return path.open("rb")
    return None


def _is_same(one: BinaryIO, other: BinaryIO) -> bool:
    return os.path.sameopenfile(one.fileno(), other.fileno())

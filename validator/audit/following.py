"""Follows the trail: yields every entry once, across rotations, from the oldest file on."""

import os
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, BinaryIO

from validator.audit.folder import CURRENT, rotated
from validator.audit.reading import entry_of


class Follower:
    """Yields each entry of the trail once, even if files are rotated or archived between two reads."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rotated: set[str] = set()  # names of files that were read
        self._file: BinaryIO | None = None
        self._torn = b""  # the start of a line that is still being written

    def read(self) -> Iterator[dict[str, Any]]:
        """Yield the entries that are new since the last call, oldest first; other lines are skipped."""
        # Opened first: if it is rotated from now on, the next call continues with it.
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
        """Close the open file."""
        if self._file is not None:
            self._file.close()
        self._file, self._torn = None, b""

    def _appended(self) -> Iterator[dict[str, Any]]:
        """Yield the entries appended to the open file; an unfinished line waits for its end."""
        for line in self._file or ():
            self._torn += line
            if self._torn.endswith(b"\n"):
                whole, self._torn = self._torn, b""
                yield from entry_of(whole)

    def _others(self, newest: BinaryIO | None) -> Iterator[dict[str, Any]]:
        """Yield the entries of rotated files not read before, except *newest*."""
        for path in rotated(self._directory):
            if path.name in self._rotated:
                continue
            file = _opened(path)
            if file is None:
                continue  # archived meanwhile
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

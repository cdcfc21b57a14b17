"""Where the trail ends, kept apart from it: beside the keys, and among the processes that write it now.

The head is a position that is on the disk for certain. It only grows, and it is written after the trail was
synced, so that a crash leaves the trail ahead of it and never behind. The end is exact, but holds only as
long as a process has the trail open: after a power cut the trail may lack what was not synced.
"""

import errno
import fcntl
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

import orjson

from validator.audit.chain import Position
from validator.files import MODE, locked, read_private, write_private

HEAD_FILE = "trail-head"
END_FILE = "trail-end"
_MAC = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Head:
    """A position in the chain that is named *chain*."""

    chain: str
    position: Position

    @property
    def number(self) -> int:
        """The number of the entry."""
        return self.position.number

    @classmethod
    def of(cls, members: dict[str, object]) -> Self:
        """Return the head that `members` spelled; raises ValueError."""
        chain, number, mac, file = (members.get(name) for name in ("chain", "number", "mac", "file"))
        is_whole = isinstance(chain, str) and type(number) is int and type(file) is int
        if not (is_whole and isinstance(mac, str) and _MAC.fullmatch(mac)):
            raise ValueError("this is no head of a trail")
        return cls(str(chain), Position(int(str(number)), mac, int(str(file))))

    @property
    def members(self) -> dict[str, object]:
        """The head as a JSON object."""
        at = self.position
        return {"chain": self.chain, "number": at.number, "mac": at.mac, "file": at.file}


class HeadFile:
    """The head beside the keys."""

    def __init__(self, keys: Path) -> None:
        """Keep it in the folder *keys*."""
        self._path = keys / HEAD_FILE

    def read(self) -> Head | None:
        """Return the head; None when there is none. Raises OSError or ValueError when it cannot be read."""
        try:
            members = orjson.loads(read_private(self._path))
        except FileNotFoundError:
            return None
        if not isinstance(members, dict):
            raise ValueError("this is no head of a trail")
        return Head.of(members)

    def advance(self, head: Head) -> bool:
        """Write *head* unless the one that is there is as new; return whether it was written.

        Raises OSError.
        """
        with locked(self._path):
            try:
                former = self.read()
            except ValueError:
                former = None
            if former is not None and former.chain == head.chain and former.number >= head.number:
                return False
            write_private(self._path, orjson.dumps(head.members, option=orjson.OPT_APPEND_NEWLINE))
            return True


class End(NamedTuple):
    """The last entry's position, and the file it is in: its inode and its size."""

    inode: int
    size: int
    position: Position

    def is_of(self, stat: os.stat_result) -> bool:
        """Return whether nothing was written into the file of *stat* since, and it is the same."""
        return (stat.st_ino, stat.st_size) == (self.inode, self.size)


class SharedEnd:
    """The end, as the processes that write the trail hand it to each other; to use under the trail's lock.

    A process has a shared lock on the file as long as it has the trail open. When there is no such process,
    what the last one left is dropped.
    """

    _FORM = struct.Struct("<QQQQ32s")

    def __init__(self, keys: Path) -> None:
        """Keep it in the folder *keys*, which those that may write the trail only may not write."""
        self._path, self._descriptor = keys / END_FILE, -1
        self._last: tuple[bytes, End | None] = b"", None  # what was read or written

    def read(self) -> End | None:
        """Return the end; None when no process that has the trail open knows it. Raises OSError."""
        if self._descriptor < 0:
            self._open()
        content = os.pread(self._descriptor, self._FORM.size, 0)
        if content != self._last[0]:
            self._last = content, self._parse(content)
        return self._last[1]

    def write(self, end: End) -> None:
        """Let the others know *end*; raises OSError."""
        at = end.position
        content = self._FORM.pack(end.inode, end.size, at.number, at.file, bytes.fromhex(at.mac))
        if os.pwrite(self._descriptor, content, 0) != len(content):
            raise OSError(errno.ENOSPC, "the disk took only a part of the trail's end", str(self._path))
        self._last = content, end

    def close(self) -> None:
        """Let go of the file: without any process that has it open, the end is not known any more."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _parse(self, content: bytes) -> End | None:
        if len(content) != self._FORM.size:
            return None
        inode, size, number, file, mac = self._FORM.unpack(content)
        return End(inode, size, Position(number, mac.hex(), file))

    def _open(self) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.ftruncate(descriptor, 0)
            except BlockingIOError:
                pass  # another process has the trail open
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

"""The head and the end of the trail, stored apart from it: beside the keys, and shared by its writers.

The head is a position that is certainly on disk. It only grows, and it is written after the trail was synced,
so that a crash leaves the trail ahead of it, never behind. The end is exact, but holds only while a process
has the trail open: after a power cut the trail may lack what was not synced.
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
from validator.files import MODE, read_private, write_private
from validator.locks import locked, try_lock

HEAD_FILE = "trail-head"
END_FILE = "trail-end"
_MAC = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Head:
    """A position in the chain named *chain*."""

    chain: str
    position: Position

    @property
    def number(self) -> int:
        """The number of the entry."""
        return self.position.number

    @classmethod
    def of(cls, members: dict[str, object]) -> Self:
        """Return the head from its `members`; raises ValueError."""
        chain, number, mac, file = (members.get(name) for name in ("chain", "number", "mac", "file"))
        is_whole = isinstance(chain, str) and type(number) is int and type(file) is int
        if not (is_whole and isinstance(mac, str) and _MAC.fullmatch(mac)):
            raise ValueError("not a head of a trail")
        return cls(str(chain), Position(int(str(number)), mac, int(str(file))))

    @property
    def members(self) -> dict[str, object]:
        """The head as a JSON object."""
        at = self.position
        return {"chain": self.chain, "number": at.number, "mac": at.mac, "file": at.file}


class HeadFile:
    """The head in a file beside the keys."""

    def __init__(self, keys: Path) -> None:
        """Use the file in the folder *keys*."""
        self._path = keys / HEAD_FILE

    def read(self) -> Head | None:
        """Return the head; None when there is none. Raises OSError or ValueError when it is unreadable."""
        try:
            members = orjson.loads(read_private(self._path))
        except FileNotFoundError:
            return None
        if not isinstance(members, dict):
            raise ValueError("not a head of a trail")
        return Head.of(members)

    def advance(self, head: Head) -> bool:
        """Write *head* unless the stored one is as new; return whether it was written.

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
    """The last entry's position, with the inode and the size of its file."""

    inode: int
    size: int
    position: Position

    def is_of(self, stat: os.stat_result) -> bool:
        """Return whether *stat* is of the same file, and nothing was written to it since."""
        return (stat.st_ino, stat.st_size) == (self.inode, self.size)


class SharedEnd:
    """The end, shared by the processes that write the trail; use it under the trail's lock.

    A process holds a shared lock on the file while it has the trail open. When no process holds it, the old
    content is dropped.
    """

    _LAYOUT = struct.Struct("<QQQQ32s")

    def __init__(self, keys: Path) -> None:
        """Use the file in the folder *keys*, which users who may only write the trail cannot write."""
        self._path, self._descriptor = keys / END_FILE, -1
        self._last: tuple[bytes, End | None] = b"", None  # last read or written

    def read(self) -> End | None:
        """Return the end; None when no process that has the trail open knows it. Raises OSError."""
        if self._descriptor < 0:
            self._open()
        content = os.pread(self._descriptor, self._LAYOUT.size, 0)
        if content != self._last[0]:
            self._last = content, self._parse(content)
        return self._last[1]

    def write(self, end: End) -> None:
        """Share *end* with the other processes; raises OSError."""
        at = end.position
        content = self._LAYOUT.pack(end.inode, end.size, at.number, at.file, bytes.fromhex(at.mac))
        if os.pwrite(self._descriptor, content, 0) != len(content):
            raise OSError(errno.ENOSPC, "the disk took only a part of the trail's end", str(self._path))
        self._last = content, end

    def close(self) -> None:
        """Close the file: once no process has it open, the end is unknown."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _parse(self, content: bytes) -> End | None:
        if len(content) != self._LAYOUT.size:
            return None
        inode, size, number, file, mac = self._LAYOUT.unpack(content)
        return End(inode, size, Position(number, mac.hex(), file))

    def _open(self) -> None:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
        try:
            if try_lock(descriptor):  # else another process has the trail open
                os.ftruncate(descriptor, 0)
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

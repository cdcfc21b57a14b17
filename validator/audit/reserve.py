"""The reserve for a full disk: a file of fixed size beside the trail, given up when space is scarce.

Once it is given up, entries that strangers can cause are no longer written: the space is for proven ones.
"""

import os
from pathlib import Path

from validator.clock import stopwatch
from validator.files import MODE

FILE = ".reserve"
_PAUSE = 1.0  # seconds between two checks of the disk
_FREE_FACTOR = 3  # times its size must be free to make the reserve again


class Reserve:
    """The reserve in one folder; use it under the trail's lock, except for `make`."""

    def __init__(self, directory: Path, size: int) -> None:
        """Reserve *size* bytes in *directory*; 0 disables the reserve."""
        self._path, self._size = directory / FILE, size
        self._checked = float("-inf")
        self.is_low = False

    def check_room(self) -> bool:
        """Check the disk, at most once per second; return whether the reserve was given up just now."""
        now = stopwatch()
        if not self._size or now - self._checked < _PAUSE:
            return False
        self._checked = now
        free = self._free()
        if self.size() and free < self._size:
            return self.give_up()
        self.is_low = not self.size() and free < _FREE_FACTOR * self._size
        return False

    def give_up(self) -> bool:
        """Empty the reserve's file; return whether there was a reserve."""
        if not self.size():
            return False
        try:
            os.truncate(self._path, 0)
        except OSError:
            return False
        self.is_low = True
        return True

    def make(self) -> bool:
        """Make the reserve if there is plenty of space; return whether it replaces one that was given up.

        Its empty file shows that, whichever process gave it up.
        """
        if not self._size or self.size() or self._free() < _FREE_FACTOR * self._size:
            return False
        was_given_up = self.size() == 0
        new = self._path.with_name(f"{FILE}.new")
        try:
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, MODE)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
            finally:
                os.close(descriptor)
            new.rename(self._path)
        except OSError:
            new.unlink(missing_ok=True)
            return False
        return was_given_up

    def size(self) -> int | None:
        """Return the size of the reserve in bytes; None when there never was one."""
        try:
            return self._path.stat().st_size
        except FileNotFoundError:
            return None

    def _free(self) -> int:
        try:
            disk = os.statvfs(self._path.parent)
        except FileNotFoundError:
            return 0  # nothing was written yet
        return disk.f_bavail * disk.f_frsize

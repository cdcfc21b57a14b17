"""A reserve for a full disk: a file of a fixed size beside the trail that is given up when room gets scarce.

Without it the trail writes no more of what strangers can cause, so that the room is left for what is proven.
"""

import os
from pathlib import Path

from validator.clock import stopwatch
from validator.files import MODE

FILE = ".reserve"
_PAUSE = 1.0  # seconds between two looks at the disk
_PLENTY = 3  # times its size must be free before the reserve is made again


class Reserve:
    """The reserve in one folder; to use under the trail's lock, but for `make`."""

    def __init__(self, directory: Path, size: int) -> None:
        """Keep *size* bytes in *directory*; 0 keeps none."""
        self._path, self._size = directory / FILE, size
        self._looked = float("-inf")
        self.is_low = False

    def look(self) -> bool:
        """Look at the disk, once in a while, and return whether the reserve was given up now."""
        now = stopwatch()
        if not self._size or now - self._looked < _PAUSE:
            return False
        self._looked = now
        free = self._free()
        if self.kept() and free < self._size:
            return self.give_up()
        self.is_low = not self.kept() and free < _PLENTY * self._size
        return False

    def give_up(self) -> bool:
        """Give the reserve up, and leave an empty file; return whether there was one."""
        if not self.kept():
            return False
        try:
            os.truncate(self._path, 0)
        except OSError:
            return False
        self.is_low = True
        return True

    def make(self) -> bool:
        """Make the reserve when there is plenty of room; return whether one that was given up is there again.

        Whichever process gave it up: its empty file says so.
        """
        if not self._size or self.kept() or self._free() < _PLENTY * self._size:
            return False
        was_given_up = self.kept() == 0
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

    def kept(self) -> int | None:
        """Return the bytes of the reserve; None when there never was one."""
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

"""Writes the current file: finds its end, appends lines, rotates it. Use under the trail's lock."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

from validator.audit import folder, resuming
from validator.audit.chain import Position
from validator.audit.events import EventName
from validator.audit.head import End, HeadFile, SharedEnd
from validator.audit.openfile import DAY, OpenFile, append, day_of, open_file, own_entry, stat_of
from validator.files import sync_folder

log = structlog.get_logger("validator.audit")


class Writer:
    """Writes lines to the end of the chain, in turns with other processes."""

    def __init__(self, directory: Path, keys: Path, max_file: int, key: Callable[[], bytes]) -> None:
        """Write in *directory*, chained with *key*, to files that rotate once they have *max_file* bytes."""
        self._directory, self._max_file, self._key = directory, max_file, key
        self._path = directory / folder.CURRENT
        self._place = str(self._path)
        self._shared, self._head = SharedEnd(keys), HeadFile(keys)
        self._file: OpenFile | None = None
        self._is_shared = True

    @property
    def position(self) -> Position | None:
        """The last position known to this process; None when it has not written yet."""
        return self._file.end.position if self._file and self._file.end else None

    def go_to_end(self, time: str) -> None:
        """Open the current file at *time*, and continue after what other processes wrote.

        Raises OSError, and ValueError when the file is not a trail.
        """
        file, stat = self._file, stat_of(self._place)
        # The size alone is not enough: a file that was cut may end where this process wrote last.
        end = self._shared_end() or (file.end if file else None)
        if file is None or stat is None or stat.st_ino != file.inode:
            file, stat = self._open(time)
        if end is not None and end.is_of(stat):
            file.end = end
        else:
            self._resume(file, stat, end, time)
        if self._end.size >= self._max_file or file.day != time[:DAY]:
            self._rotate(time)

    @property
    def next_number(self) -> int:
        """The number of the next entry."""
        return self._end.position.number + 1

    def write(self, entries: Sequence[bytes]) -> None:
        """Write *entries*, which have the next numbers, as the next lines, all or none; raises OSError."""
        self._write(self._end, entries, b"")

    def write_own(self, name: EventName, time: str, **members: Any) -> None:
        """Write an entry of the trail about itself and sync it; raises OSError."""
        self._write_own(name, time, members, self._end)

    def descriptor(self) -> int:
        """Return a duplicate descriptor of the file; the caller closes it."""
        return os.dup(self._opened.descriptor)

    def record_break(self, known: Position, time: str) -> None:
        """Continue after a *known* position that no file has, with a permanent break."""
        end = self._end
        log.critical("the audit trail was cut", known=known.number, found=end.position.number)
        after = end.position.number
        start = End(end.inode, end.size, Position(known.number, known.mac, end.position.file))
        self._write_own(EventName.TRAIL_BROKEN, time, {"previous": known.mac, "after": after}, start)

    def close(self) -> None:
        """Close the files."""
        if self._file is not None:
            os.close(self._file.descriptor)
        self._file = None
        self._shared.close()

    @property
    def _opened(self) -> OpenFile:
        if self._file is None:
            raise ValueError("the trail is not open")
        return self._file

    @property
    def _end(self) -> End:
        end = self._opened.end
        if end is None:
            raise ValueError("the end of the trail is not known")
        return end

    def _shared_end(self) -> End | None:
        try:
            return self._shared.read()
        except OSError as error:
            self._log_unshared(error)
            return None

    def _open(self, time: str) -> tuple[OpenFile, os.stat_result]:
        """Open the current file, or create it."""
        is_new = not self._path.exists()
        descriptor = open_file(self._path)
        try:
            if is_new:
                sync_folder(self._directory)
            stat = os.fstat(descriptor)
            file = OpenFile(descriptor, stat.st_ino, day_of(descriptor) or time[:DAY])
        except BaseException:
            os.close(descriptor)
            raise
        if self._file is not None:
            os.close(self._file.descriptor)
        self._file = file
        return file, stat

    def _resume(self, file: OpenFile, stat: os.stat_result, end: End | None, time: str) -> None:
        """Find where the chain continues in the existing files, and record a repair or a break."""
        file.end = None
        found = resuming.resume(self._directory, self._key(), end.position if end else self._known())
        number = resuming.file_number(self._path) or self._next_file(found.position.file)
        at = Position(found.position.number, found.position.mac, number)
        start, torn = End(stat.st_ino, stat.st_size, at), found.torn
        if found.is_lost:
            log.critical("the audit trail was cut", known=at.number, found=found.after)
            about = {"previous": at.mac, "after": found.after, "file": number}
            self._write_own(EventName.TRAIL_BROKEN, time, about, start)
        elif torn is not None and (torn.could_be_a_killed_process if end else torn.could_be_a_crash):
            about = {"previous": at.mac, "file": number, **torn.named()}
            self._write_own(EventName.TRAIL_REPAIRED, time, about, start)
        elif torn is not None:
            log.critical("another program wrote into the audit trail", bytes=torn.length)
            about = {"previous": at.mac, "after": at.number, "file": number}
            self._write_own(EventName.TRAIL_BROKEN, time, about, start)
        elif stat.st_size == 0:
            self._write_own(EventName.TRAIL_CONTINUED, time, {"previous": at.mac, "file": number}, start)
        else:
            self._set_end(End(stat.st_ino, stat.st_size + self._end_line(start), at))

    def _end_line(self, start: End) -> int:
        """Write the line feed that the last line may lack; return the bytes written."""
        is_ended = os.pread(self._opened.descriptor, 1, start.size - 1) == b"\n"
        return 0 if is_ended else os.write(self._opened.descriptor, b"\n")

    def _known(self) -> Position | None:
        """Return the head beside the keys, which an opened trail must contain."""
        try:
            head = self._head.read()
        except (OSError, ValueError) as error:
            log.critical("the head of the audit trail cannot be read", error=type(error).__name__)
            return None
        return head.position if head else None

    def _next_file(self, known: int) -> int:
        """Return the number for a file that names none: greater than every number used so far."""
        return max(known, folder.last_rotated(self._directory)) + 1

    def _rotate(self, time: str) -> None:
        """Begin the next file, then rotate this one, so that a full disk changes nothing."""
        file, end = self._opened, self._end
        number = end.position.file
        while (target := folder.name_of(self._directory, number)).exists():
            number += 1
        os.fdatasync(file.descriptor)  # no line of the next file may survive without this file's
        path = self._directory / folder.NEXT
        descriptor = open_file(path, os.O_TRUNC)
        try:
            stat = os.fstat(descriptor)
            begun = OpenFile(descriptor, stat.st_ino, time[:DAY])
            at = Position(end.position.number, end.position.mac, number + 1)
            members = {"previous": at.mac, "file": at.file}
            entry = own_entry(EventName.TRAIL_CONTINUED, time, at, members)
            begun.end = append(descriptor, End(stat.st_ino, 0, at), (entry,), self._key())
            os.fdatasync(descriptor)
            self._path.rename(target)
            path.rename(self._path)
        except BaseException:
            os.close(descriptor)
            raise
        self._file = begun
        os.close(file.descriptor)
        sync_folder(self._directory)
        self._set_end(self._end)

    def _write_own(self, name: EventName, time: str, members: dict[str, Any], start: End) -> None:
        descriptor = self._opened.descriptor
        is_ended = not start.size or os.pread(descriptor, 1, start.size - 1) == b"\n"
        entry = own_entry(name, time, start.position, members)
        self._write(start, (entry,), b"" if is_ended else b"\n")
        os.fdatasync(descriptor)

    def _write(self, start: End, entries: Sequence[bytes], before: bytes) -> None:
        self._set_end(append(self._opened.descriptor, start, entries, self._key(), before))

    def _set_end(self, end: End) -> None:
        self._opened.end = end
        try:
            self._shared.write(end)
            self._is_shared = True
        except OSError as error:
            self._log_unshared(error)

    def _log_unshared(self, error: OSError) -> None:
        """Log once that other processes must resume from the file itself."""
        if self._is_shared:
            log.error("the trail's end cannot be shared", error=type(error).__name__)
        self._is_shared = False

"""The audit trail: the only writer of what was decided, one chained JSON line an event.

An entry is written before the answer it tells of is given. When it cannot be written there is a `Fault` and
no answer but "unavailable": no trail, no token. Processes take turns by a file lock; changes of state are on
the disk before the answer, verdicts only when `sync_verdicts` says so. A file that is full or of yesterday is
put aside as `audit-NNNNNN.jsonl`, and the next one continues its chain.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog

from validator.audit import folder
from validator.audit.chain import BEGINNING, LONGEST_LINE, last_mac_in, link
from validator.audit.events import STATE_CHANGES, Event, EventName, current_exchange, render
from validator.clock import Clock, iso_milliseconds, stopwatch
from validator.errors import Fault, Reason
from validator.files import (
    MODE,
    KeptLock,
    make_private_key,
    read_private_key,
    sync_and_close,
    sync_folder,
)
from validator.metrics.instruments import EVENTS, STORAGE_SECONDS, child

KEY_FILE = "audit.key"
_DAY = len("yyyy-MM-dd")

log = structlog.get_logger("validator.audit")


@dataclass(frozen=True, slots=True)
class TrailPolicy:
    """Where the trail is kept, how large a file may grow (bytes), and whether each verdict is synced."""

    directory: Path
    largest_file: int
    sync_verdicts: bool


@dataclass(slots=True)
class _Tail:
    """The end of the file that is being written: which file, how long, its day, its last mac."""

    descriptor: int
    inode: int
    size: int
    day: str
    mac: str


class AuditTrail:
    """Appends events to the trail; safe for several threads and processes."""

    def __init__(self, policy: TrailPolicy, keys: Path, clock: Clock) -> None:
        """Write by *policy*, chained with the key in the folder *keys*."""
        self._policy, self._key_path, self._clock = policy, keys / KEY_FILE, clock
        self._path = policy.directory / folder.CURRENT
        self._lock = KeptLock(self._path, makes_folder=True)
        self._key: bytes | None = None
        self._tail: _Tail | None = None
        self._seconds = child(STORAGE_SECONDS, "trail", "write")

    def create_key(self) -> None:
        """Make the key of the chain, unless there is one."""
        make_private_key(self._key_path)

    def append(self, event: Event) -> None:
        """Write *event* down; raises Fault(TRAIL_UNAVAILABLE) when that is not possible."""
        must_sync = event.name in STATE_CHANGES or self._policy.sync_verdicts
        began = stopwatch()
        try:
            written = self._append(event, must_sync=must_sync)
            if written is not None:
                sync_and_close(written)
        except (OSError, ValueError) as error:
            raise Fault(Reason.TRAIL_UNAVAILABLE) from error
        self._seconds.observe(stopwatch() - began)
        child(EVENTS, event.name, event.outcome, event.reason or "", event.audience or "").inc()

    def check(self) -> None:
        """Raise Fault(TRAIL_UNAVAILABLE) unless the trail can be opened for writing."""
        try:
            with self._lock:
                self.key()
                self._current_tail(self._time()[:_DAY])
        except (OSError, ValueError) as error:
            raise Fault(Reason.TRAIL_UNAVAILABLE) from error

    def key(self) -> bytes:
        """Return the key of the chain; raises OSError or ValueError when it cannot be read."""
        if self._key is None:
            self._key = read_private_key(self._key_path)
        return self._key

    def close(self) -> None:
        """Close the file."""
        with self._lock.threads:
            if self._tail is not None:
                os.close(self._tail.descriptor)
            self._tail = None
            self._lock.close()

    def _append(self, event: Event, *, must_sync: bool) -> int | None:
        """Write *event*; return another descriptor of the file when it must be synced still."""
        with self._lock:
            self.key()
            time = self._time()
            tail = self._current_tail(time[:_DAY])
            self._write(tail, render(event, current_exchange.get(), time))
            # Not synced in here: the others need not wait for the disk.
            return os.dup(tail.descriptor) if must_sync else None

    def _current_tail(self, today: str) -> _Tail:
        """Return the end of the trail, after what other processes wrote, in a file that is not over."""
        tail = self._tail
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            stat = None
        if tail is None or stat is None or stat.st_ino != tail.inode:
            tail = self._open_file(tail, today)
        elif stat.st_size != tail.size:
            self._catch_up(tail, stat.st_size)
        if tail.size >= self._policy.largest_file or tail.day != today:
            tail = self._rotate(tail, today)
        return tail

    def _open_file(self, last: _Tail | None, today: str) -> _Tail:
        """Open the file that is there now, or begin one; *last* is the end that this process knew."""
        descriptor = _open(self._path, os.O_RDWR | os.O_APPEND)
        stat = os.fstat(descriptor)
        try:
            tail = _Tail(descriptor, stat.st_ino, 0, today, self._last_mac(last))
            if stat.st_size:
                self._catch_up(tail, stat.st_size)
                tail.day = _day_of(descriptor) or tail.day
            else:
                self._begin_file(tail)
        except BaseException:
            os.close(descriptor)
            raise
        if last is not None:
            os.close(last.descriptor)
        self._tail = tail
        return tail

    def _begin_file(self, tail: _Tail) -> None:
        """Write the first line of a file, which names the mac it follows."""
        entry = {"time": self._time(), "event": EventName.TRAIL_CONTINUED, "previous": tail.mac}
        self._write(tail, orjson.dumps(entry))
        os.fdatasync(tail.descriptor)

    def _write(self, tail: _Tail, entry: bytes) -> None:
        line, mac = link(entry, tail.mac, self.key())
        if os.write(tail.descriptor, line) != len(line):
            os.ftruncate(tail.descriptor, tail.size)
            raise OSError("the disk took only a part of the line")
        tail.size, tail.mac = tail.size + len(line), mac

    def _catch_up(self, tail: _Tail, size: int) -> None:
        """Go on after the last whole line in the file, which another process may have written."""
        if size < tail.size:
            log.critical("the audit trail has become shorter", was=tail.size, now=size)
        grown = size - tail.size if tail.size else 0
        # Mostly a line or two of another worker; if they are torn, what is before them is needed too.
        chunk = os.pread(tail.descriptor, grown, tail.size) if 0 < grown < LONGEST_LINE else b""
        if last_mac_in(chunk) is None:
            chunk = os.pread(tail.descriptor, LONGEST_LINE, max(0, size - LONGEST_LINE))
        if not chunk.endswith(b"\n"):
            # Torn by a power cut. The bytes stay, as a line of their own, and the chain goes on after it.
            size += os.write(tail.descriptor, b"\n")
        mac = last_mac_in(chunk)
        tail.size, tail.mac = size, mac or tail.mac
        if mac is None:
            if b"\n" in chunk:
                raise ValueError("the file is no audit trail")
            self._begin_file(tail)

    def _rotate(self, tail: _Tail, today: str) -> _Tail:
        """Put the file aside and begin the next one."""
        self._path.rename(folder.next_put_aside(self._policy.directory))
        sync_folder(self._policy.directory)
        return self._open_file(tail, today)

    def _last_mac(self, last: _Tail | None) -> str:
        """Return the mac that a new file follows: of the newest file put aside, or of the *last* end.

        Another process may have put the file aside after writing more than this one knew of. But when the
        end this one knew is in no file any more, the trail was removed, and the chain must show that.
        """
        aside = folder.put_aside(self._policy.directory)
        content = aside[-1].read_bytes() if aside else b""
        if last is not None and last.mac.encode() not in content:
            return last.mac
        return last_mac_in(content) or BEGINNING

    def _time(self) -> str:
        return iso_milliseconds(self._clock.now())


def _open(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, MODE)


def _day_of(descriptor: int) -> str | None:
    """Return the day of the file's first line; None when that line was torn."""
    first = os.pread(descriptor, LONGEST_LINE, 0).partition(b"\n")[0]
    try:
        return str(orjson.loads(first)["time"])[:_DAY]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None

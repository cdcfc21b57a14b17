"""The audit trail: the only writer of what was decided, one chained and numbered JSON line an event.

An entry is written before the answer it tells of is given. When it cannot be written there is a `Fault` and
no answer but "unavailable": no trail, no token. Processes take turns by a file lock; changes of state are on
the disk before the answer, verdicts only when `sync_verdicts` says so. What strangers can cause at will is
bounded (`ceiling`), and is not written at all while the disk is nearly full (`reserve`).
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
import structlog

from validator.audit import folder
from validator.audit.advancing import HeadAdvance
from validator.audit.assessment import Known
from validator.audit.ceiling import Ceiling
from validator.audit.chain import chain_id
from validator.audit.events import STATE_CHANGES, Event, EventName, members_of
from validator.audit.head import Head, HeadFile
from validator.audit.headtable import HeadTable
from validator.audit.reserve import Reserve
from validator.audit.unproven import is_at_will, with_safe_text
from validator.audit.writer import Writer
from validator.clock import Clock, iso_milliseconds, stopwatch
from validator.errors import Fault, Reason
from validator.exchange import Exchange, current_exchange
from validator.files import KeptLock, make_private_key, read_private_key, sync_and_close
from validator.metrics.instruments import EVENTS, STORAGE_SECONDS, child

KEY_FILE = "audit.key"
_MINUTE = len("yyyy-MM-ddTHH:mm")
_GIVEN_UP = "the disk is nearly full: what strangers can cause is not written until there is room"
_THERE_AGAIN = "there is room again: everything is written"

log = structlog.get_logger("validator.audit")


@dataclass(frozen=True, slots=True)
class TrailPolicy:
    """Where the trail is kept, how large a file may grow (bytes), and whether each verdict is synced.

    Of entries that strangers can cause at will, `unproven_per_source` and `unproven_in_all` of a kind are
    written in a minute by each process. `reserve` bytes are kept for a full disk.
    """

    directory: Path
    max_file: int
    sync_verdicts: bool
    unproven_per_source: int
    unproven_in_all: int
    reserve: int


class AuditTrail:
    """Appends events to the trail; safe for several threads and processes."""

    def __init__(self, policy: TrailPolicy, keys: Path, clock: Clock, table: HeadTable | None = None) -> None:
        """Write by *policy*, chained with the key in *keys*; the head is kept there and in *table*."""
        self._policy, self._key_path, self._clock = policy, keys / KEY_FILE, clock
        self._lock = KeptLock(policy.directory / folder.CURRENT, makes_folder=True)
        self._writer = Writer(policy.directory, keys, policy.max_file, self.key)
        self._ceiling = Ceiling(policy.unproven_per_source, policy.unproven_in_all)
        self._reserve = Reserve(policy.directory, policy.reserve)
        self._head_file, self._table = HeadFile(keys), table
        self._advance = HeadAdvance(self, self._head_file, table)
        self._key: bytes | None = None
        self._seconds = child(STORAGE_SECONDS, "trail", "write")

    def create_key(self) -> None:
        """Make the key of the chain, unless there is one."""
        make_private_key(self._key_path)

    def append(self, event: Event) -> None:
        """Write *event* down; raises Fault(TRAIL_UNAVAILABLE) when that is not possible.

        Of events that strangers can cause at will, those over the ceiling are only counted.
        """
        unproven = is_at_will(event)
        must_sync = self._policy.sync_verdicts or (event.name in STATE_CHANGES and not unproven)
        began = stopwatch()
        try:
            written = self._append(with_safe_text(event), is_at_will=unproven, must_sync=must_sync)
            if written is not None:
                sync_and_close(written)
        except (OSError, ValueError) as error:
            raise Fault(Reason.TRAIL_UNAVAILABLE) from error
        self._advance.soon()
        self._seconds.observe(stopwatch() - began)
        child(EVENTS, event.name, event.outcome, event.reason or "", event.audience or "").inc()

    def check(self) -> int | None:
        """Return the bytes of the reserve, 0 of one given up; raises Fault unless the trail can be opened."""
        try:
            with self._lock:
                self.key()
                self._writer.go_to_end(self._time())
            return self._reserve.kept()
        except (OSError, ValueError) as error:
            raise Fault(Reason.TRAIL_UNAVAILABLE) from error

    def key(self) -> bytes:
        """Return the key of the chain; raises OSError or ValueError when it cannot be read."""
        if self._key is None:
            self._key = read_private_key(self._key_path)
        return self._key

    def known_heads(self) -> Known:
        """Return the heads that are kept, those that cannot be read in words; raises like `key`."""
        heads: dict[str, Head | str | None] = {}
        elsewhere: dict[str, Head] = {}
        try:
            heads["beside the keys"] = self._head_file.read()
        except (OSError, ValueError) as error:
            heads["beside the keys"] = f"cannot be read: {type(error).__name__}"
        if self._table is not None:
            try:
                elsewhere = self._table.of_nodes(chain_id(self.key()))
                heads["in the database"] = elsewhere.pop(self._table.node, None)
            except Fault as fault:
                heads["in the database"] = f"cannot be read: {fault.detail or fault.reason}"
        return Known(heads, elsewhere)

    def go_on_after(self, head: Head) -> None:
        """Go on after *head* if the trail ends before it, and so lost what is missing; raises Fault."""
        try:
            with self._lock:
                self._writer.go_to_end(self._time())
                position = self._writer.position
                if (
                    position is not None
                    and head.chain == chain_id(self.key())
                    and position.number < head.number
                ):
                    self._writer.break_after(head.position, self._time())
        except (OSError, ValueError) as error:
            raise Fault(Reason.TRAIL_UNAVAILABLE) from error

    def sync(self, done: int) -> Head | None:
        """Put the trail on the disk and return its head; None when it is not beyond the number *done*.

        Raises OSError. The lock of the trail is not taken: it is enough that this process knows a position.
        """
        with self._lock.threads:
            position = self._writer.position
            if position is None or position.number <= done:
                return None
            descriptor = self._writer.descriptor()
        sync_and_close(descriptor)
        return Head(chain_id(self.key()), position)

    def look_around(self) -> bool:
        """Tell what was withheld in the minutes that are over, and make the reserve when there is room.

        Returns whether there is more to tell when the minute is over.
        """
        self._tell_withheld(self._time()[:_MINUTE])
        if self._reserve.make():
            with suppress(OSError, ValueError), self._lock:
                time = self._time()
                self._writer.go_to_end(time)
                self._writer.write_own(EventName.TRAIL_RESERVE, time, detail=_THERE_AGAIN)
        return self._ceiling.has_any

    def close(self) -> None:
        """Tell what was withheld, advance the head, and close the files."""
        self._tell_withheld(None)
        self._advance.close()
        with self._lock.threads:
            self._writer.close()
            self._lock.close()

    def _append(self, event: Event, *, is_at_will: bool, must_sync: bool) -> int | None:
        """Write *event*; return another descriptor of the file when it must be synced still."""
        exchange = current_exchange.get()
        if is_at_will and not self._ceiling.admits(event.name, exchange.source, self._time()[:_MINUTE]):
            return None
        with self._lock:
            self.key()
            time = self._time()
            self._writer.go_to_end(time)
            if self._reserve.look():
                self._writer.write_own(EventName.TRAIL_RESERVE, time, detail=_GIVEN_UP)
            if is_at_will and self._reserve.is_low:
                self._ceiling.withhold(event.name, exchange.source, time[:_MINUTE])
                return None
            self._write(event, exchange, time)
            # Not synced in here: the others need not wait for the disk.
            return self._writer.descriptor() if must_sync else None

    def _write(self, event: Event, exchange: Exchange, time: str) -> None:
        """Write a line; when the disk is full, with the room that was kept for it."""
        entry = orjson.dumps(members_of(event, exchange, time, self._writer.next_number))
        try:
            self._writer.write(entry)
        except OSError:
            if not self._reserve.give_up():
                raise
            self._writer.write(entry)
            self._writer.write_own(EventName.TRAIL_RESERVE, self._time(), detail=_GIVEN_UP)

    def _tell_withheld(self, minute: str | None) -> None:
        """Write one entry for each source of which entries were withheld before *minute*; None: until now."""
        over = self._ceiling.take(minute)
        try:
            while over and not self._reserve.is_low:
                one = over[0]
                about = {"of": one.name, "source": one.source, "count": one.count}
                with self._lock:
                    time = self._time()
                    self._writer.go_to_end(time)
                    self._writer.write_own(EventName.WITHHELD, time, **about, detail=f"and {one.count} more")
                del over[0]
        except (OSError, ValueError) as error:
            log.error("the audit trail cannot tell what was withheld", error=type(error).__name__)
        self._ceiling.put_back(over)

    def _time(self) -> str:
        return iso_milliseconds(self._clock.now())

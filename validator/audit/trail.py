"""The audit trail: the only writer of decisions, one chained and numbered JSON line per event.

An entry is written before the response that it records is sent. When it cannot be written, a `Fault` is
raised and the response is "unavailable": no trail, no token. Processes take turns by a file lock. Changes of
state are on disk before the response, verdicts only with `sync_verdicts`. Entries that strangers can cause
at will are bounded (`ceiling`), and are not written while the disk is nearly full (`reserve`).
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

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
from validator.files import make_private_folder, make_private_key, read_private_key, sync_and_close
from validator.locks import FileLock, holder_words
from validator.metrics.instruments import EVENTS, STORAGE_SECONDS, child

KEY_FILE = "audit.key"
_LOCK_TIMEOUT = 0.5  # seconds: with that of the counters, less than a second for a response
_MINUTE = len("yyyy-MM-ddTHH:mm")
_GIVEN_UP = "the disk is nearly full: what strangers can cause is not written until there is room"
_MADE_AGAIN = "there is room again: everything is written"

log = structlog.get_logger("validator.audit")


@dataclass(frozen=True, slots=True)
class TrailPolicy:
    """The trail's folder, the maximum size of a file (bytes), and whether each verdict is synced.

    Per minute, process and event name, at most `unproven_per_source` and `unproven_in_all` entries that
    strangers can cause at will are written. `reserve` bytes are reserved for a full disk.
    """

    directory: Path
    max_file: int
    sync_verdicts: bool
    unproven_per_source: int
    unproven_in_all: int
    reserve: int


class _Entry(NamedTuple):
    """An event on its way to a line."""

    event: Event
    exchange: Exchange
    is_at_will: bool
    must_sync: bool


class AuditTrail:
    """Appends events to the trail; safe across threads and processes."""

    def __init__(self, policy: TrailPolicy, keys: Path, clock: Clock, table: HeadTable | None = None) -> None:
        """Write according to *policy*, chained with the key in *keys*; the head goes there and to *table*."""
        self._policy, self._key_path, self._clock = policy, keys / KEY_FILE, clock
        self._lock = FileLock(
            policy.directory / folder.CURRENT,
            timeout=_LOCK_TIMEOUT,
            prepare=lambda: make_private_folder(policy.directory),
        )
        self._writer = Writer(policy.directory, keys, policy.max_file, self.key)
        self._ceiling = Ceiling(policy.unproven_per_source, policy.unproven_in_all)
        self._reserve = Reserve(policy.directory, policy.reserve)
        self._head_file, self._table = HeadFile(keys), table
        self._advance = HeadAdvance(self, self._head_file, table)
        self._key: bytes | None = None
        self._seconds = child(STORAGE_SECONDS, "trail", "write")

    def create_key(self) -> None:
        """Create the key of the chain unless there is one."""
        make_private_key(self._key_path)

    def append(self, event: Event) -> None:
        """Write *event*; raises Fault(TRAIL_UNAVAILABLE) when that is impossible.

        Events that strangers can cause at will are only counted once they exceed the ceiling.
        """
        self.append_all(((event, current_exchange.get()),))

    def append_all(self, events: Sequence[tuple[Event, Exchange]]) -> None:
        """Write *events*, each with its exchange, in their order and in one turn, all or none of them.

        Raises like `append`.
        """
        began = stopwatch()
        try:
            written = self._append([self._entry(event, exchange) for event, exchange in events])
            if written is not None:
                sync_and_close(written)
        except (OSError, ValueError) as error:
            raise Fault(Reason.TRAIL_UNAVAILABLE, holder_words(error, "the audit trail")) from error
        self._advance.soon()
        self._seconds.observe(stopwatch() - began)
        for event, _ in events:
            child(EVENTS, event.name, event.outcome, event.reason or "", event.audience or "").inc()

    def check(self) -> int | None:
        """Return the reserve's bytes, 0 if it was given up; raises Fault unless the trail can be opened."""
        try:
            with self._lock:
                self.key()
                self._writer.go_to_end(self._time())
            return self._reserve.size()
        except (OSError, ValueError) as error:
            raise Fault(Reason.TRAIL_UNAVAILABLE, holder_words(error, "the audit trail")) from error

    def key(self) -> bytes:
        """Return the key of the chain; raises OSError or ValueError when it cannot be read."""
        if self._key is None:
            self._key = read_private_key(self._key_path)
        return self._key

    def known_heads(self) -> Known:
        """Return the recorded heads, with a text for an unreadable one; raises like `key`."""
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

    def continue_after(self, head: Head) -> None:
        """Continue after *head* if the trail ends before it and so lost entries; raises Fault."""
        try:
            with self._lock:
                self._writer.go_to_end(self._time())
                position = self._writer.position
                if (
                    position is not None
                    and head.chain == chain_id(self.key())
                    and position.number < head.number
                ):
                    self._writer.record_break(head.position, self._time())
        except (OSError, ValueError) as error:
            raise Fault(Reason.TRAIL_UNAVAILABLE, holder_words(error, "the audit trail")) from error

    def sync(self, done: int) -> Head | None:
        """Sync the trail to disk and return its head; None unless its number is greater than *done*.

        Raises OSError. Does not take the trail's file lock: a position that this process knows is enough.
        """
        with self._lock.threads:
            position = self._writer.position
            if position is None or position.number <= done:
                return None
            descriptor = self._writer.descriptor()
        sync_and_close(descriptor)
        return Head(chain_id(self.key()), position)

    def run_due_work(self) -> bool:
        """Report entries withheld in past minutes; make the reserve again when there is space.

        Returns whether there will be more to report when the minute is over.
        """
        self._report_withheld(self._time()[:_MINUTE])
        if self._reserve.make():
            with suppress(OSError, ValueError), self._lock:
                time = self._time()
                self._writer.go_to_end(time)
                self._writer.write_own(EventName.TRAIL_RESERVE, time, detail=_MADE_AGAIN)
        return self._ceiling.has_any

    def close(self) -> None:
        """Report withheld entries, advance the head, and close the files."""
        self._report_withheld(None)
        self._advance.close()
        with self._lock.threads:
            self._writer.close()
            self._lock.close()

    def _entry(self, event: Event, exchange: Exchange) -> _Entry:
        unproven = is_at_will(event)
        must_sync = self._policy.sync_verdicts or (event.name in STATE_CHANGES and not unproven)
        return _Entry(with_safe_text(event), exchange, unproven, must_sync)

    def _append(self, entries: list[_Entry]) -> int | None:
        """Write *entries*; return a duplicate descriptor when the file has yet to be synced."""
        entries = [entry for entry in entries if not entry.is_at_will or self._is_admitted(entry)]
        if not entries:
            return None
        with self._lock:
            self.key()
            time = self._time()
            self._writer.go_to_end(time)
            if self._reserve.check_room():
                self._writer.write_own(EventName.TRAIL_RESERVE, time, detail=_GIVEN_UP)
            if self._reserve.is_low:
                entries = self._withheld(entries, time)
            if entries:
                self._write(entries, time)
            # Synced outside the lock, so that other writers need not wait for the disk.
            return self._writer.descriptor() if any(entry.must_sync for entry in entries) else None

    def _is_admitted(self, entry: _Entry) -> bool:
        return self._ceiling.admits(entry.event.name, entry.exchange.source, self._time()[:_MINUTE])

    def _withheld(self, entries: list[_Entry], time: str) -> list[_Entry]:
        """Withhold the entries that strangers can cause at will; return the others."""
        for event, exchange, unproven, _ in entries:
            if unproven:
                self._ceiling.withhold(event.name, exchange.source, time[:_MINUTE])
        return [entry for entry in entries if not entry.is_at_will]

    def _write(self, entries: list[_Entry], time: str) -> None:
        """Write the lines, on a full disk into the space of the reserve."""
        lines = [
            orjson.dumps(members_of(entry.event, entry.exchange, time, number))
            for number, entry in enumerate(entries, self._writer.next_number)
        ]
        try:
            self._writer.write(lines)
        except OSError:
            if not self._reserve.give_up():
                raise
            self._writer.write(lines)
            self._writer.write_own(EventName.TRAIL_RESERVE, self._time(), detail=_GIVEN_UP)

    def _report_withheld(self, minute: str | None) -> None:
        """Write one entry per source with entries withheld before *minute*, or until now if None."""
        pending = self._ceiling.take(minute)
        try:
            while pending and not self._reserve.is_low:
                withheld = pending[0]
                about = {"of": withheld.name, "source": withheld.source, "count": withheld.count}
                with self._lock:
                    time = self._time()
                    self._writer.go_to_end(time)
                    self._writer.write_own(
                        EventName.WITHHELD, time, **about, detail=f"and {withheld.count} more"
                    )
                del pending[0]
        except (OSError, ValueError) as error:
            log.error("the audit trail cannot record what was withheld", error=type(error).__name__)
        self._ceiling.put_back(pending)

    def _time(self) -> str:
        return iso_milliseconds(self._clock.now())

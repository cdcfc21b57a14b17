"""Advances the head of the trail beside the answers: in a thread of its own, a second after an entry at most.

First the trail is put on the disk, then the head is written: into the file beside the keys, then into the
database. No lock of the trail and no transaction is held meanwhile, and no answer waits for it. Several
processes may do so at once, since a head only grows.
"""

import os
from threading import Event, Lock, Thread
from typing import Protocol

import structlog

from validator.audit.head import Head, HeadFile
from validator.audit.headtable import HeadTable
from validator.errors import Fault

INTERVAL = 1.0  # seconds
_AGAIN = 10.0  # seconds after which what failed is tried again

log = structlog.get_logger("validator.audit")


class Advanced(Protocol):
    """A trail whose head is advanced."""

    def sync(self, done: int) -> Head | None:
        """Put the trail on the disk and return its head; None when it is not beyond the number *done*."""
        ...

    def look_around(self) -> bool:
        """Do what is due besides; return whether more will be, although nothing is written."""
        ...

    def go_on_after(self, head: Head) -> None:
        """Go on after *head* if the trail ends before it."""
        ...


class HeadAdvance:
    """Advances the head once in `INTERVAL` as long as entries are written."""

    def __init__(self, trail: Advanced, file: HeadFile, table: HeadTable | None) -> None:
        """Keep the head of *trail* in *file* and in *table*."""
        self._trail, self._file, self._table = trail, file, table
        self._due, self._stop, self._lock = Event(), Event(), Lock()
        self._thread: Thread | None = None
        self._process, self._done = 0, 0
        self._is_table_checked = self._is_table_behind = False

    def soon(self) -> None:
        """Advance the head in a while, by a thread of this process, which a fork does not take along."""
        if self._process != os.getpid():
            self._begin()
        if not self._due.is_set():
            self._due.set()

    def now(self) -> bool:
        """Advance the head; return whether that was possible everywhere, and log it when it was not."""
        try:
            head = self._trail.sync(self._done)
            if head is not None:
                self._advance(head)
                self._done = head.number
        except (Fault, OSError) as error:
            log.warning("the head of the audit trail could not be advanced", error=type(error).__name__)
            return False
        return True

    def close(self) -> None:
        """End the thread, and advance the head a last time."""
        with self._lock:
            thread, self._thread, self._process = self._thread, None, 0
        if thread is not None:
            self._stop.set()
            self._due.set()
            thread.join(INTERVAL)
        self.now()

    def _advance(self, head: Head) -> None:
        is_newest = self._file.advance(head)
        if self._table is None or not (is_newest or self._is_table_behind):
            return
        self._is_table_behind = True  # until it is not
        if not self._is_table_checked:
            former = self._table.read(head.chain)
            if former is not None and former.number > head.number:
                self._trail.go_on_after(former)
            self._is_table_checked = True
        self._table.advance(head)
        self._is_table_behind = False

    def _begin(self) -> None:
        with self._lock:
            if self._process == os.getpid():
                return
            self._due, self._stop = Event(), Event()
            self._thread = Thread(target=self._run, args=(self._due, self._stop), name="trail", daemon=True)
            self._process = os.getpid()
            self._thread.start()

    def _run(self, due: Event, stop: Event) -> None:
        wait: float | None = None
        while not stop.is_set():
            due.wait(wait)
            if stop.wait(INTERVAL):
                return
            due.clear()
            wait = _AGAIN if self._trail.look_around() else None
            if not self.now():
                wait = _AGAIN

"""Advances the head of the trail in a background thread, at most a second or so after an entry.

The trail is synced to disk first; then the head is written to the file beside the keys and to the database.
Meanwhile no lock of the trail and no transaction is held, and no response waits. Several processes may do so
at once, since a head only grows.
"""

import os
from threading import Event, Lock, Thread
from typing import Protocol

import structlog

from validator.audit.head import Head, HeadFile
from validator.audit.headtable import HeadTable
from validator.errors import Fault

INTERVAL = 1.0  # seconds
_RETRY = 10.0  # seconds until a failed step is retried

log = structlog.get_logger("validator.audit")


class Advanceable(Protocol):
    """A trail whose head can be advanced."""

    def sync(self, done: int) -> Head | None:
        """Sync the trail to disk and return its head; None unless its number is greater than *done*."""
        ...

    def run_due_work(self) -> bool:
        """Do other periodic work; return whether more will be due without another entry."""
        ...

    def continue_after(self, head: Head) -> None:
        """Continue after *head* if the trail ends before it."""
        ...


class HeadAdvance:
    """Advances the head once per `INTERVAL` while entries are written."""

    def __init__(self, trail: Advanceable, file: HeadFile, table: HeadTable | None) -> None:
        """Store the head of *trail* in *file* and in *table*."""
        self._trail, self._file, self._table = trail, file, table
        self._due, self._stop, self._lock = Event(), Event(), Lock()
        self._thread: Thread | None = None
        self._process, self._done = 0, 0
        self._is_table_checked = self._is_table_behind = False

    def soon(self) -> None:
        """Schedule an advance by a thread of this process; a forked process starts another one."""
        if self._process != os.getpid():
            self._start_thread()
        if not self._due.is_set():
            self._due.set()

    def now(self) -> bool:
        """Advance the head; return whether it was written everywhere. A failure is logged."""
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
        """Stop the thread and advance the head one last time."""
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
        self._is_table_behind = True  # until `advance` has succeeded
        if not self._is_table_checked:
            former = self._table.read(head.chain)
            if former is not None and former.number > head.number:
                self._trail.continue_after(former)
            self._is_table_checked = True
        self._table.advance(head)
        self._is_table_behind = False

    def _start_thread(self) -> None:
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
            wait = _RETRY if self._trail.run_due_work() else None
            if not self.now():
                wait = _RETRY

"""What this node remembers of the changes it knows (`validator.store.known`), in memory and in a file.

The file lies beside the keys, which are in no backup of the database. The processes of a node share it: each
reads it again when it has changed.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import orjson

from validator.clock import to_milliseconds
from validator.errors import Fault, Reason
from validator.files import read_private, write_private
from validator.locks import FileLock, holder_words
from validator.store.known import Kind, Known, change_id, number_of

FILE = "high-water"


class Memory:
    """What this node knows: the content of *file*, and what this process has learned since."""

    def __init__(self, file: Path) -> None:
        self._file, self._known = file, Known()
        self._seen: tuple[int, ...] | None = None
        self._changing, self._lock = threading.Lock(), FileLock(file)
        self._saver: ThreadPoolExecutor | None = None
        self._is_pending = False

    def known(self) -> Known:
        """Return what is known; raises Fault(KEYS_UNAVAILABLE) when the file cannot be used."""
        if self._signature() != self._seen:
            self._read_again()
        return self._known

    def learn(self, ended: str, changed: str) -> None:
        """Remember what a query returned; the file is written in the background."""
        if ended <= self._known.ended and changed <= self._known.changed:
            return
        with self._changing:
            self._known = self._known.merged(Known(ended, changed, accepted=self._known.accepted))
            if not self._is_pending:
                self._is_pending = True
                self._background().submit(self._save_quietly)

    def record(self, *, ended: str = "", changed: str = "", fence: int = 0) -> None:
        """Remember a change and write it to the file before this returns; raises Fault when it cannot."""
        with self._changing:
            self._known = self._known.merged(Known(ended, changed, fence, self._known.accepted))
        self.save()

    def take_over(self, known: Known) -> None:
        """Remember *known*, of an accepted restore, instead of what was known; raises Fault like `record`."""
        self._merge(known)
        self.save()

    def save(self) -> None:
        """Write to the file what it does not have yet; raises Fault when it cannot be written."""
        try:
            self._save()
        except OSError as error:
            words = holder_words(error, FILE) or f"{FILE}: {type(error).__name__}"
            raise Fault(Reason.KEYS_UNAVAILABLE, words) from error

    def close(self) -> None:
        """Finish what is being written."""
        if self._saver is not None:
            self._saver.shutdown()
            self._saver = None
        self._lock.close()

    def _merge(self, known: Known) -> None:
        with self._changing:
            self._known = self._known.merged(known)

    def _save(self) -> None:
        if self._known in (Known(), self._read()):
            return
        with self._lock:
            content = self._read()
            self._merge(content)
            known = self._known
            if known != content:
                write_private(self._file, _render(known))
            self._seen = self._signature()

    def _save_quietly(self) -> None:
        self._is_pending = False  # what is learned from now on is written next time
        with suppress(Fault):  # the health check writes it too, and shows why it cannot
            self.save()

    def _background(self) -> ThreadPoolExecutor:
        # Made late: a thread does not survive the fork of a worker.
        if self._saver is None:
            self._saver = ThreadPoolExecutor(1, thread_name_prefix=FILE)
        return self._saver

    def _read_again(self) -> None:
        signature = self._signature()
        self._merge(self._read())
        self._seen = signature

    def _signature(self) -> tuple[int, ...] | None:
        try:
            stat = self._file.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Fault(Reason.KEYS_UNAVAILABLE, f"{FILE}: {type(error).__name__}") from error
        return (stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)

    def _read(self) -> Known:
        try:
            return _parse(read_private(self._file))
        except FileNotFoundError:
            return Known()
        except OSError as error:
            raise Fault(Reason.KEYS_UNAVAILABLE, f"{FILE}: {type(error).__name__}") from error
        except (ValueError, TypeError, KeyError):
            words = f"{FILE} is damaged: remove it, then run `validator db accept-restore`"
            raise Fault(Reason.KEYS_UNAVAILABLE, words) from None


def _render(known: Known) -> bytes:
    members = {name: getattr(known, name) for name in Known.__dataclass_fields__}
    return orjson.dumps(members, option=orjson.OPT_APPEND_NEWLINE)


def _parse(content: bytes) -> Known:
    text = content.decode("ascii").strip()
    if not text.startswith("{"):  # the instant of the last change of either kind, of an older version
        change = change_id(to_milliseconds(datetime.fromisoformat(text)))
        return Known(change, change)
    members = orjson.loads(text)
    known = Known(
        str(members["ended"]), str(members["changed"]), int(members["fence"]), int(members["accepted"])
    )
    for kind in Kind:
        number_of(known.of(kind))
    return known

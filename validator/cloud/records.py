"""Fetches the call records and recordings of a time span into a folder, and goes on after an interruption.

The index is requested, and its id stored; it is downloaded as soon as the cloud has made it; its tables are
unpacked; each recording that is not there yet is fetched; the manifest is written. A recording that the cloud
does not have, or whose name is no plain path, does not stop the others. The number of bytes and the time are
bounded: what is there stays, and the next run goes on.
"""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from validator.clock import Clock, iso_milliseconds, stopwatch
from validator.cloud.fileserver import FileServer, NoFile, Span
from validator.cloud.interfaces import MAX_RESPONSE
from validator.cloud.recordfolder import INDEX, JOB, MANIFEST, Entry, RecordFolder
from validator.cloud.recordindex import RecordIndex, Recording, read_index
from validator.errors import OperatorError

AGAIN = "run the same command again to go on"
_RESERVE = 64 * 1024 * 1024  # bytes that stay free on the disk
_LONGEST_PAUSE = 10.0  # seconds between two attempts to get the index
_ZONES = (timedelta(hours=-12), timedelta(), timedelta(hours=14))  # of the cloud's date

Progress = Callable[[int, int, int], None]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many bytes of recordings one run fetches, how long it runs, how long it waits for the index."""

    max_bytes: int
    time: timedelta
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Fetched:
    """The numbers of recordings: fetched now, there before, not had; and what of the index is left out."""

    fetched: int
    present: int
    refused: int
    bytes: int
    left_out: int


class RecordsFetch:
    """One run for one time span."""

    def __init__(
        self,
        server: FileServer,
        folder: RecordFolder,
        bounds: Bounds,
        clock: Clock,
        *,
        pause: Callable[[float], None],
        progress: Progress,
    ) -> None:
        """Fetch from *server* into *folder*; *progress* gets recordings done, of all, and bytes."""
        self._server, self._folder, self._bounds, self._clock = server, folder, bounds, clock
        self._pause, self._progress = pause, progress
        self._until = stopwatch() + bounds.time.total_seconds()

    def run(self, span: Span) -> Fetched:
        """Fetch what is missing of *span*; raises OperatorError, after which a later run goes on."""
        with self._folder.opened():
            self._check_span(span)
            index = self._index(span)
            for name, content in index.tables:
                if not (self._folder.path / name).exists():
                    self._folder.write(name, content)
            entries, fetched, size = self._recordings(index)
            manifest = {**span.members, "recordings": entries, "members_left_out": index.left_out}
            self._folder.finish(manifest)
        refused = sum("refused" in entry for entry in entries)
        return Fetched(fetched, len(entries) - fetched - refused, refused, size, index.left_out)

    def _check_span(self, span: Span) -> None:
        """Raise OperatorError when the folder is another span's."""
        for name in (JOB, MANIFEST):
            known = self._folder.read(name)
            if known is not None and {key: known.get(key) for key in _MEMBERS} != {
                key: span.members.get(key) for key in _MEMBERS
            }:
                raise OperatorError(f"{self._folder.path}: is of another time or tenant space")

    def _index(self, span: Span) -> RecordIndex:
        """Return the index, requested before if the folder knows its id."""
        file = self._folder.path / INDEX
        if file.exists():
            return read_index(file.read_bytes())
        job = self._folder.read(JOB)
        if job is None:
            now = self._clock.now()
            response_id = self._server.request_index(span)
            job = {**span.members, "response_id": response_id, "requested_at": iso_milliseconds(now)}
            self._folder.write_json(JOB, job)
        content = self._awaited(str(job["response_id"]), datetime.fromisoformat(str(job["requested_at"])))
        index = read_index(content)
        self._folder.write(INDEX, content)
        return index

    def _awaited(self, response_id: str, requested_at: datetime) -> bytes:
        """Return the index as soon as it is there. Its name has a date, of a time zone that is not known."""
        until = min(self._until, stopwatch() + self._bounds.wait.total_seconds())
        dates = dict.fromkeys(f"{requested_at.astimezone(UTC) + zone:%Y%m%d}" for zone in _ZONES)
        seconds, code = 1.0, ""
        while True:
            for date in dates:
                try:
                    return self._server.index(response_id, date)
                except NoFile as error:
                    code = str(error)
            if stopwatch() + seconds > until:
                raise OperatorError(f"the index is not there yet (the cloud's code is {code}): {AGAIN}")
            self._pause(seconds)
            seconds = min(2 * seconds, _LONGEST_PAUSE)

    def _recordings(self, index: RecordIndex) -> tuple[list[Entry], int, int]:
        """Return an entry for each recording, the number of those fetched now, and their bytes."""
        complete, entries, fetched, size = self._folder.complete(), [], 0, 0
        for number, recording in enumerate(index.recordings, 1):
            about = {"call_id": recording.call_id, "source": recording.source}
            there = complete.get(recording.file)
            if there is None:
                self._check_bounds(size)
                try:
                    there = self._fetched(recording)
                    fetched, size = fetched + 1, size + there["size"]
                except NoFile as error:
                    there = {"refused": str(error)}
            entries.append({**about, **there})
            self._progress(number, len(index.recordings), size)
        return entries, fetched, size

    def _fetched(self, recording: Recording) -> Entry:
        if not recording.is_plausible:
            raise NoFile("its name is no plain path")
        return self._folder.add(recording.file, self._server.recording(recording.source))

    def _check_bounds(self, size: int) -> None:
        """Raise OperatorError when the time is over, or another recording may not fit."""
        if stopwatch() >= self._until:
            raise OperatorError(f"the time of this run is over: {AGAIN}")
        if size >= self._bounds.max_bytes:
            raise OperatorError(f"this run has fetched {size} bytes, its maximum: {AGAIN}")
        if shutil.disk_usage(self._folder.path).free < MAX_RESPONSE + _RESERVE:
            raise OperatorError(f"{self._folder.path}: the disk is nearly full; make room, then {AGAIN}")


_MEMBERS = ("beginTime", "endTime", "accountId")


def state_of(folder: RecordFolder) -> Iterator[tuple[str, str]]:
    """Yield what *folder* has already, for people; nothing is changed, not even made."""
    yield "folder", "there" if folder.path.is_dir() else "new"
    yield "index", "there" if (folder.path / INDEX).exists() else "not yet"
    if (folder.path / INDEX).exists():
        index, complete = read_index((folder.path / INDEX).read_bytes()), folder.complete()
        there = sum(one.file in complete for one in index.recordings)
        yield "recordings", f"{there} of {len(index.recordings)}"

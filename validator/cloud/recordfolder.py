"""The folder of fetched call records and recordings: private, and whole after a crash at any moment.

    job.json         the time span and the id of its index, until everything is there
    index.zip        the cloud's index; call-NNN.csv and record-NNN.csv are its tables
    recordings/      a file for each recording, under a name of ours
    journal.jsonl    size and SHA-256 of each file that is complete, until everything is there
    manifest.json    at the end: the span, and each recording with its file, size and SHA-256, or why not

A file is written under another name, synced and renamed, so that a name stands for a whole file. A line of
the journal follows its file; a file without a line, or with another size or digest, is fetched again.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from validator.errors import OperatorError
from validator.files import make_private_folder, write_private
from validator.locks import LockTimeoutError, locked

JOB, INDEX, JOURNAL, MANIFEST = "job.json", "index.zip", "journal.jsonl", "manifest.json"
RECORDINGS = "recordings"
_FILE = re.compile(r"[A-Za-z0-9_-]{1,80}\.wav")
_LOCK = ".lock"

Entry = dict[str, Any]


class RecordFolder:
    """One folder, for one time span."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Make the folder, exclude other runs, and remove what a killed run left half written.

        Raises OperatorError for a folder of other users, with other files, or in use; and OSError.
        """
        self._make()
        try:
            with locked(self.path / JOB):
                self._check_empty()
                for folder in (self.path, self.path / RECORDINGS):
                    for rest in folder.glob(".*"):
                        if not rest.name.endswith(_LOCK):
                            rest.unlink()
                yield
        except LockTimeoutError as error:
            raise OperatorError(f"{self.path}: {error.holder} fetches into it") from None

    def read(self, name: str) -> Entry | None:
        """Return the JSON object in the file *name* of the folder; None without it."""
        try:
            content: Entry = orjson.loads((self.path / name).read_bytes())
        except FileNotFoundError:
            return None
        except orjson.JSONDecodeError:
            raise OperatorError(f"{self.path / name}: is not what was written there") from None
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write the file *name*, a word of ours, as a whole."""
        write_private(self.path / name, content)

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write *content* as the file *name*."""
        self.write(name, orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n")

    def add(self, name: str, content: bytes) -> Entry:
        """Write the recording *name*, and then its line in the journal; return that."""
        entry = {"file": name, "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        write_private(self.path / RECORDINGS / name, content)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
        descriptor = os.open(self.path / JOURNAL, flags, 0o600)
        try:
            os.write(descriptor, orjson.dumps(entry) + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        return entry

    def complete(self) -> dict[str, Entry]:
        """Return the entries of the recordings that are there as they were written, by their files."""
        manifest = self.read(MANIFEST) or {}
        known = [entry for entry in manifest.get("recordings", ()) if "file" in entry]
        return {entry["file"]: entry for entry in (*known, *self._journal()) if self._is_there(entry)}

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest, and remove what is for going on only."""
        self.write_json(MANIFEST, manifest)
        for name in (JOURNAL, JOB):
            (self.path / name).unlink(missing_ok=True)

    def _make(self) -> None:
        for folder in (self.path, self.path / RECORDINGS):
            if folder.is_symlink():
                raise OperatorError(f"{folder}: is a symbolic link")
            make_private_folder(folder)
            if folder.stat().st_uid != os.geteuid():
                raise OperatorError(f"{folder}: belongs to another user")

    def _check_empty(self) -> None:
        """Raise OperatorError when the folder has other files and none of a fetch."""
        if any((self.path / name).exists() for name in (JOB, MANIFEST)):
            return
        others = [one.name for one in self.path.iterdir() if not one.name.startswith(".")]
        if others != [RECORDINGS] or any((self.path / RECORDINGS).iterdir()):
            raise OperatorError(f"{self.path}: has other files: name a new folder")

    def _journal(self) -> Iterator[Entry]:
        """Yield the lines of the journal; the last one may be torn."""
        try:
            lines = (self.path / JOURNAL).read_bytes().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines:
            try:
                yield orjson.loads(line)
            except orjson.JSONDecodeError:
                continue

    def _is_there(self, entry: Entry) -> bool:
        name = str(entry["file"])
        if not _FILE.fullmatch(name):
            return False
        try:
            content = (self.path / RECORDINGS / name).read_bytes()
        except OSError:
            return False
        return (len(content), hashlib.sha256(content).hexdigest()) == (entry["size"], entry["sha256"])

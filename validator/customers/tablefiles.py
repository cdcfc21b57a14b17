"""The files of a table: each has the header and at most 20,000,000 bytes, and is for its owner only.

They have other names until all of them are complete: a table that cannot be completed leaves nothing.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

from validator.errors import OperatorError
from validator.files import FOLDER_MODE, sync_folder

MAX_FILE = 20_000_000  # bytes: the smaller reading of the cloud's "20 M"
NAME = re.compile(r"[\u4e00-\u9fffA-Za-z0-9_]{1,64}")  # as the cloud allows names of files, without .csv
_MAX_FILES = 999


class TableFiles:
    """The files of one table in a folder."""

    def __init__(
        self,
        folder: Path,
        name: str,
        header: bytes,
        *,
        acting: Callable[[], AbstractContextManager[None]] = nullcontext,
        max_file: int = MAX_FILE,
    ) -> None:
        """Write files called *name* into *folder*, making, opening and naming them within *acting*.

        Raises OperatorError for a name that the cloud refuses, and when the folder has files of this name.
        """
        self._folder, self._name, self._header = folder, name, header
        self._acting, self._max_file = acting, max_file
        self._paths: list[Path] = []
        self._file: BinaryIO | None = None
        self._size, self._digest = 0, hashlib.sha256()
        if not NAME.fullmatch(name):
            raise OperatorError(
                "the cloud accepts names of 1 to 64 Chinese characters, A-Z a-z 0-9 _ only: use --name"
            )
        with self._acting():
            self._check_folder()

    @property
    def count(self) -> int:
        """The number of files."""
        return len(self._paths)

    @property
    def digest(self) -> str:
        """The SHA-256, in hexadecimal, of the files' content, one after the other."""
        return self._digest.hexdigest()

    def add(self, row: bytes) -> None:
        """Write the bytes of a row; raises OperatorError when it cannot be written."""
        try:
            if self._file is None or self._size + len(row) > self._max_file:
                self._finish()
                self._begin()
            self._write(row)
        except OSError as error:
            raise self._unwritable(error) from None

    def complete(self) -> None:
        """Put every byte on the disk; raises OperatorError."""
        try:
            self._finish()
        except OSError as error:
            raise self._unwritable(error) from None

    def publish(self) -> list[Path]:
        """Give the files their names and return these; raises OperatorError."""
        names = [self._folder / f"{self._name}_{number:03}.csv" for number in range(1, self.count + 1)]
        names = [self._folder / f"{self._name}.csv"] if self.count == 1 else names
        try:
            with self._acting():
                for place, name in enumerate(names):
                    self._paths[place] = self._paths[place].rename(name)
                sync_folder(self._folder)
        except OSError as error:
            raise self._unwritable(error) from None
        self._paths.clear()  # `discard` leaves them
        return names

    def discard(self) -> None:
        """Remove the files unless all of them were published."""
        if self._file is not None:
            self._file.close()
        with self._acting():
            for path in self._paths:
                path.unlink(missing_ok=True)

    def _check_folder(self) -> None:
        try:
            self._folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
            present = [path.name for path in self._folder.iterdir()]
        except OSError as error:
            raise self._unwritable(error) from None
        # A killed process leaves files without their names, which begin with a dot.
        former = re.compile(rf"{self._name}(_\d{{3}})?\.csv|\.{self._name}\..*")
        if any(former.fullmatch(each) for each in present):
            raise OperatorError(
                f"{self._folder} has files of the table {self._name}: upload and delete them first"
            )

    def _begin(self) -> None:
        if self.count == _MAX_FILES:
            raise OperatorError(f"the table needs more than {_MAX_FILES} files")
        with self._acting():
            descriptor, path = tempfile.mkstemp(dir=self._folder, prefix=f".{self._name}.")  # 0600
        self._file, self._size = os.fdopen(descriptor, "wb"), 0
        self._paths.append(Path(path))
        self._write(self._header)

    def _write(self, content: bytes) -> None:
        assert self._file is not None  # noqa: S101 - by `add`
        self._file.write(content)
        self._digest.update(content)
        self._size += len(content)

    def _finish(self) -> None:
        if self._file is None:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None

    def _unwritable(self, error: OSError) -> OperatorError:
        return OperatorError(f"{self._folder}: cannot be written: {error.strerror or type(error).__name__}")

"""The index of call records and recordings, as CC-FS makes it: a ZIP file of CSV files, read with bounds.

`…_call_N.csv` has a row for each part of a call, `…_record_N.csv` one for each recording: columns without
their names, of which the fifth is the call and the tenth the recording's name at the cloud (cec_07_0831; that
there is no row of names, and the encoding, are not verified). Nothing here becomes the name of a file as the
cloud has it: a name could lead out of the folder, or overwrite another file.
"""

import csv
import hashlib
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from validator.errors import OperatorError

MAX_CONTENT = 128 * 1024 * 1024  # bytes of all CSV files, unpacked
MAX_TABLES = 500
MAX_RECORDINGS = 200_000
_MEMBER = re.compile(r"[0-9]{20}_(call|record)(?:_[0-9]{1,6})?\.csv")
_SOURCE = re.compile(r"[A-Za-z0-9._/\\:@+~=-]{1,255}")
_CALL = re.compile(r"[A-Za-z0-9_-]{1,40}")
_CALL_COLUMN, _SOURCE_COLUMN = 4, 9
_UNREADABLE = (
    *(zipfile.BadZipFile, ValueError, EOFError),  # no ZIP file, damaged, or cut off
    *(NotImplementedError, RuntimeError),  # an unknown method, a password
    *(zlib.error, lzma.LZMAError, struct.error, OSError),  # damaged content; OSError is that of bzip2
)


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording by its name at the cloud, and the call that it is of; neither is trusted."""

    call_id: str
    source: str = field(repr=False)

    @property
    def is_plausible(self) -> bool:
        """Whether the cloud's name is a path without a step up."""
        return _SOURCE.fullmatch(self.source) is not None and ".." not in self.source

    @property
    def file(self) -> str:
        """The name of its file here: the call if that is plain, and a digest of the cloud's name."""
        digest = hashlib.sha256(self.source.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        return f"{self.call_id}-{digest}.wav" if _CALL.fullmatch(self.call_id) else f"{digest}.wav"


@dataclass(frozen=True, slots=True)
class RecordIndex:
    """The CSV files by their names here, each recording once, and the number of members that are neither."""

    tables: tuple[tuple[str, bytes], ...] = field(repr=False)
    recordings: tuple[Recording, ...] = field(repr=False)
    left_out: int


def read_index(content: bytes) -> RecordIndex:
    """Return the index in *content*; raises OperatorError when it is no such ZIP file, or too large."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
            known = sorted((one for one in members if _MEMBER.fullmatch(one.filename)), key=_name)
            if len(known) > MAX_TABLES:
                raise OperatorError(f"the index has more than {MAX_TABLES} files")
            tables = tuple(_read(archive, known))
    except _UNREADABLE as error:
        raise OperatorError(f"the index is no readable ZIP file ({type(error).__name__})") from None
    found = {one.source: one for name, text in tables if name.startswith("record") for one in _rows(text)}
    if len(found) > MAX_RECORDINGS:
        raise OperatorError(f"the index names more than {MAX_RECORDINGS} recordings: ask for a shorter time")
    return RecordIndex(tables, tuple(found.values()), len(members) - len(known))


def _name(member: zipfile.ZipInfo) -> str:
    return member.filename


def _read(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo]) -> Iterator[tuple[str, bytes]]:
    """Yield the content of *members* under names of ours; the sizes that a member claims are not believed."""
    left = MAX_CONTENT
    for number, member in enumerate(members, 1):
        with archive.open(member) as file:
            content = file.read(left + 1)
        left -= len(content)
        if left < 0:
            raise OperatorError(f"the index unpacks to more than {MAX_CONTENT} bytes")
        match = _MEMBER.fullmatch(member.filename)
        yield f"{match[1] if match else ''}-{number:03}.csv", content


def _rows(content: bytes) -> Iterator[Recording]:
    try:
        for row in csv.reader(io.StringIO(_text(content), newline="")):
            if len(row) > _SOURCE_COLUMN and row[_SOURCE_COLUMN] not in ("", "file_name"):
                yield Recording(row[_CALL_COLUMN], row[_SOURCE_COLUMN])
    except csv.Error as error:
        raise OperatorError(f"a list of recordings is no CSV file: {error}") from None


def _text(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise OperatorError("a list of recordings is neither UTF-8 nor GB18030")

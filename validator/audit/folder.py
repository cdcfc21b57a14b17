"""The files of the audit trail: the one that is written, and the rotated ones, full or of a day past.

Each file names its own number in its first line, and is rotated under that number: it is used once.
"""

import re
from pathlib import Path

CURRENT = "audit.jsonl"
NEXT = f".{CURRENT}.next"  # the next file, until it has its first line
_DIGITS = 6
_ROTATED = re.compile(rf"audit-(\d{{{_DIGITS},}})\.jsonl", re.ASCII)


def rotated(directory: Path) -> list[Path]:
    """Return the rotated files, oldest first."""
    found = ((_ROTATED.fullmatch(path.name), path) for path in directory.glob("audit-*.jsonl"))
    return [path for _, path in sorted((int(form[1]), path) for form, path in found if form)]


def last_rotated(directory: Path) -> int:
    """Return the number of the newest rotated file that is there; 0 when none is."""
    files_ = rotated(directory)
    return int(files_[-1].stem.rpartition("-")[2]) if files_ else 0


def name_of(directory: Path, number: int) -> Path:
    """Return the path that the file with this *number* is rotated to."""
    return directory / f"audit-{number:0{_DIGITS}}.jsonl"


def files(directory: Path) -> list[Path]:
    """Return every file of the trail, oldest first."""
    current = directory / CURRENT
    return [*rotated(directory), *([current] if current.exists() else [])]

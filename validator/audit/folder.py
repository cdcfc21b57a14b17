"""The files of the audit trail: the current one, and rotated ones, which are full or of an earlier day.

Each file names its number in its first line and is rotated under it; a number is used once.
"""

import re
from pathlib import Path

CURRENT = "audit.jsonl"
NEXT = f".{CURRENT}.next"  # the next file, before it has its first line
_DIGITS = 6
_ROTATED = re.compile(rf"audit-(\d{{{_DIGITS},}})\.jsonl", re.ASCII)


def rotated(directory: Path) -> list[Path]:
    """Return the rotated files, oldest first."""
    found = ((_ROTATED.fullmatch(path.name), path) for path in directory.glob("audit-*.jsonl"))
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]


def last_rotated(directory: Path) -> int:
    """Return the number of the newest rotated file; 0 when there is none."""
    files_ = rotated(directory)
    return int(files_[-1].stem.rpartition("-")[2]) if files_ else 0


def name_of(directory: Path, number: int) -> Path:
    """Return the path to which the file with this *number* is rotated."""
    return directory / f"audit-{number:0{_DIGITS}}.jsonl"


def files(directory: Path) -> list[Path]:
    """Return every file of the trail, oldest first."""
    current = directory / CURRENT
    return [*rotated(directory), *([current] if current.exists() else [])]

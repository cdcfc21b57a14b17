"""The files of the audit trail: the one that is written, and those put aside, full or of a day past."""

from pathlib import Path

CURRENT = "audit.jsonl"
_DIGITS = 6


def put_aside(directory: Path) -> list[Path]:
    """Return the files that were put aside, oldest first."""
    return sorted(directory.glob(f"audit-{'[0-9]' * _DIGITS}.jsonl"))


def next_put_aside(directory: Path) -> Path:
    """Return the name that the next file is put aside under."""
    aside = put_aside(directory)
    number = int(aside[-1].stem.rpartition("-")[2]) + 1 if aside else 1
    return directory / f"audit-{number:0{_DIGITS}}.jsonl"


def files(directory: Path) -> list[Path]:
    """Return every file of the trail, oldest first."""
    current = directory / CURRENT
    return [*put_aside(directory), *([current] if current.exists() else [])]

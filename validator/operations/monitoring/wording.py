"""Sizes, ages and lists as text for people."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from validator.clock import iso_milliseconds


def folded(head: str, words: Iterable[str], width: int = 62) -> Iterator[str]:
    """Yield lines of *words*, separated by commas."""
    line = head
    for number, word in enumerate(words):
        comma = ", " if number else ""
        if number and len(line) + len(comma) + len(word) > width:
            yield f"{line},"
            line, comma = "", ""
        line += comma + word
    yield line


def shortened(words: list[str], most: int, what: str) -> list[str]:
    """Return *words*, or the first *most* of them and the number of the others."""
    rest = len(words) - most
    return words if rest <= 0 else [*words[:most], f"and {rest} other {what}"]


def some(count: int, one: str, several: str) -> str:
    """Return *count* with its unit."""
    return f"{count:,} {one if count == 1 else several}"


def mebibytes(size: int | None) -> str:
    """Return bytes in MiB; "?" for None."""
    return "?" if size is None else f"{size / (1 << 20):,.{0 if size >= 10 << 20 else 1}f}"


def age(duration: timedelta) -> str:
    """Return a duration in its largest useful unit."""
    seconds = max(0, int(duration.total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length or seconds == length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def time_of_day(instant: datetime) -> str:
    """Return the time of day, UTC, in seconds."""
    return iso_milliseconds(instant)[11:19]

"""Tolerant reading of a record's fields: an empty value is none, and numbers may be texts.

Each reader returns None for an empty value. It raises ValueError, whose text is for the operator and quotes
nothing of what was sent, for a value that is not of its kind.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from validator.clock import iso_milliseconds
from validator.errors import Reason, Refusal
from validator.untrusted import is_forbidden

MAX_TEXT = 255
_MAX_INTEGER = 2**53 - 1  # JavaScript's greatest exact integer
_DIGITS = re.compile(r"[0-9]{1,16}", re.ASCII)
_TIME = re.compile(r"(?:19|20)\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII)
_NEVER = "0001-01-01T00:00:00Z"  # the zero of Go's time
_FILE = re.compile(r"/[A-Za-z0-9_./-]{1,511}", re.ASCII)

Reader = Callable[[Any], Any]


def read_text(value: Any) -> str | None:
    """Return a text of at most `MAX_TEXT` characters; an integer becomes its digits."""
    if type(value) is int:
        value = str(value)
    if value in (None, ""):
        return None
    if not isinstance(value, str):
        raise ValueError("not a string")
    if len(value) > MAX_TEXT or is_forbidden(value):
        raise ValueError(f"longer than {MAX_TEXT} characters, or with a NUL")
    return value


def read_integer(value: Any) -> int | None:
    """Return an integer that is not negative; it may be written as digits."""
    if value in (None, ""):
        return None
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = int(value)
    if type(value) is not int or not 0 <= value <= _MAX_INTEGER:
        raise ValueError("not an integer")
    return value


def read_boolean(value: Any) -> bool | None:
    """Return a boolean."""
    if value in (None, ""):
        return None
    if not isinstance(value, bool):
        raise ValueError("not a boolean")
    return value


def read_file(value: Any) -> str | None:
    """Return the path of a recording; raises ValueError for one that a link could not have safely."""
    if value in (None, ""):
        return None
    if not isinstance(value, str) or not _FILE.fullmatch(value) or ".." in value:
        raise ValueError("not a path of / A-Z a-z 0-9 _ . - without ..")
    return value


def check_other(members: Mapping[str, Any]) -> None:
    """Raise Refusal for further *members* that other systems could not read: integers beyond 64 bits."""
    try:
        orjson.dumps(members)
    except TypeError:
        raise Refusal(Reason.FIELD_INVALID, "another field: an integer beyond 64 bits") from None


def one_of(*words: str) -> Reader:
    """Return the reader of a field that is one of *words*."""

    def read(value: Any) -> str | None:
        if value in (None, ""):
            return None
        if value not in words:
            raise ValueError(f"not one of {', '.join(words)}")
        return str(value)

    return read


def time_in(zone: ZoneInfo) -> Reader:
    """Return the reader of a time, which is in *zone* when it names none; the result is in UTC."""

    def read(value: Any) -> str | None:
        if value in (None, "", _NEVER):
            return None
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise ValueError("not a time such as 2023-07-17T14:04:00+08:00")
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("not a time that exists") from None
        aware = instant if instant.tzinfo else instant.replace(tzinfo=zone)
        return iso_milliseconds(aware.astimezone(UTC))

    return read

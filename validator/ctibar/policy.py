"""The settings of the other call centre, and of the numbers that may be called through it."""

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}|[0-9]{2,8}", re.ASCII)
_EXTENSIONS = re.compile(r"([0-9]{2,6})(?:-([0-9]{2,6}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class CtibarPolicy:
    """Where the other call centre is; without `url` it is not used.

    This server's requests go to the origin `url`, whose certificate is of an authority in `ca_file`, or of
    the system's; each has at most `timeout`. Browsers load `script_url` and connect to `ws_url`.
    """

    url: str
    script_url: str
    ws_url: str
    ca_file: Path | None
    timeout: timedelta

    @property
    def is_on(self) -> bool:
        """Whether there is another call centre."""
        return bool(self.url)


@dataclass(frozen=True, slots=True)
class Extensions:
    """Internal numbers from *first* to *last*, which have equally many digits."""

    first: str
    last: str

    def has(self, digits: str) -> bool:
        """Return whether *digits* is one of them."""
        return len(digits) == len(self.first) and self.first <= digits <= self.last


@dataclass(frozen=True, slots=True)
class CallsPolicy:
    """Which numbers may be called beside the ordinary ones of the own country.

    `allowed_prefixes` are beginnings of E.164 numbers, such as `+852`, and of short numbers, such as `955`.
    """

    allowed_prefixes: tuple[str, ...]
    extensions: tuple[Extensions, ...]


def check_prefix(text: str) -> str:
    """Return *text*; raises ValueError unless it is the beginning of a number."""
    if not _PREFIX.fullmatch(text):
        raise ValueError("not the beginning of a number")
    return text


def parse_extensions(text: str) -> Extensions:
    """Return the internal numbers that *text* spells, such as `1000-1999` or `8001`; raises ValueError."""
    match = _EXTENSIONS.fullmatch(text)
    first, last = (match[1], match[2] or match[1]) if match else ("1", "")
    if len(first) != len(last) or first > last:
        raise ValueError("not internal numbers")
    return Extensions(first, last)

"""The chain that binds the lines of the audit trail together.

Each line is a JSON object whose last member is `mac`: HMAC-SHA-256, keyed apart from the trail, over the mac
of the line before, a line feed, and the line without its own mac. Whoever changes, removes, adds or swaps a
line without the key breaks the chain at that place. Lines missing at the very end do not show: copy the trail
to another host for that.
"""

import hmac
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import orjson

BEGINNING = "0" * 64
LONGEST_LINE = 65_536
_LINE = re.compile(rb'(?P<entry>\{.*),"mac":"(?P<mac>[0-9a-f]{64})"\}', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Break:
    """A place where the chain does not hold: the line in its file, from 1, and what is wrong."""

    line: int
    problem: str


def link(entry: bytes, previous: str, key: bytes) -> tuple[bytes, str]:
    """Return the line of *entry* (a JSON object) after the one whose mac is *previous*, and its own mac."""
    mac = _mac(entry, previous, key)
    return entry[:-1] + b',"mac":"' + mac.encode() + b'"}\n', mac


def mac_of(line: bytes) -> str | None:
    """Return the mac that *line* carries; None when it is not a whole line of a trail."""
    form = _LINE.fullmatch(line.rstrip(b"\n"))
    return form["mac"].decode() if form else None


def last_mac_in(content: bytes) -> str | None:
    """Return the mac of the last whole line in *content*; None when there is none near its end."""
    macs = (mac_of(line) for line in reversed(content[-LONGEST_LINE:].splitlines()))
    return next(filter(None, macs), None)


def verify(lines: Iterable[bytes], key: bytes, previous: str | None) -> Iterator[Break | str]:
    """Yield each break of the chain in *lines*, and last of all the mac that the next line must follow.

    *previous* is the mac that the first line must follow; None takes what the first line itself says it
    follows, for a trail whose older files were moved away. A torn line (the process died while writing it)
    is no break as long as the next one follows the line before it.
    """
    for number, line in enumerate(lines, 1):
        form = _LINE.fullmatch(line.rstrip(b"\n"))
        if form is None:
            if _is_json(line):
                yield Break(number, "has no mac: it was not written by this program")
            continue
        entry, mac = form["entry"] + b"}", form["mac"].decode()
        if previous is None:
            previous = _named_by(entry)
        if not hmac.compare_digest(mac, _mac(entry, previous, key)):
            yield Break(
                number, "does not follow the line before it: a line was changed, removed, added or moved"
            )
        previous = mac
    yield previous or BEGINNING


def _named_by(entry: bytes) -> str:
    """Return the mac that the first entry of a file says it follows."""
    try:
        members = orjson.loads(entry)
    except orjson.JSONDecodeError:
        return BEGINNING
    return str(members.get("previous", BEGINNING))


def _is_json(line: bytes) -> bool:
    """Tell whether *line* is whole: the beginning of one, torn by a power cut, is no JSON."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _mac(entry: bytes, previous: str, key: bytes) -> str:
    return hmac.digest(key, previous.encode() + b"\n" + entry, "sha256").hex()

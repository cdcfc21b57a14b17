"""The chain that links the lines of the audit trail.

Each line is a JSON object whose last member is `mac`: HMAC-SHA-256, with a key stored apart from the trail,
over the previous line's mac, a line feed, and the line without its mac. Without the key, a changed, removed,
added or swapped line breaks the chain at that point. The first member is `number`, one more than that of the
previous entry; lines of older versions have none. `validator.audit.verifying` checks lines.
"""

import hmac
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

BEGINNING = "0" * 64
MAX_LINE = 65_536
_LINE = re.compile(rb'(?P<entry>\{.*),"mac":"(?P<mac>[0-9a-f]{64})"\}', re.DOTALL)
_NUMBER = re.compile(rb'\{"number":(\d{1,18}),')
MAX_NUMBERED = 32  # leading bytes of an entry that contain its number
_CHAIN = b"validator.audit.chain"


class Position(NamedTuple):
    """An entry's place in the chain: its number (0: before the first), its mac, the number of its file."""

    number: int
    mac: str
    file: int


@dataclass(frozen=True, slots=True)
class Line:
    """A whole line: the entry without its mac, and the mac that it carries, verified or not."""

    entry: bytes
    mac: str

    @property
    def number(self) -> int | None:
        """The entry's number; None for an entry of an older version."""
        return number_of(self.entry)

    @property
    def members(self) -> dict[str, Any]:
        """The entry's members; empty when it is not JSON."""
        try:
            members = orjson.loads(self.entry)
        except orjson.JSONDecodeError:
            return {}
        return members if isinstance(members, dict) else {}

    @property
    def previous(self) -> str:
        """The mac that the first entry of a file names as its predecessor's."""
        return str(self.members.get("previous", BEGINNING))

    def follows(self, previous: str, key: bytes) -> bool:
        """Return whether the entry was written with *key* after the entry whose mac is *previous*."""
        return hmac.compare_digest(self.mac, _mac(self.entry, previous, key))


def chain_id(key: bytes) -> str:
    """Return the name of the chain of *key*; it reveals nothing about the key."""
    return hmac.digest(key, _CHAIN, "sha256").hex()[:32]


def link(entry: bytes, previous: str, key: bytes) -> tuple[bytes, str]:
    """Return the line of *entry* (a JSON object) after the mac *previous*, and its mac."""
    mac = _mac(entry, previous, key)
    return entry[:-1] + b',"mac":"' + mac.encode() + b'"}\n', mac


def parse(line: bytes) -> Line | None:
    """Return the parts of *line*; None unless it is a whole line of a trail."""
    match = _LINE.fullmatch(line.rstrip(b"\n"))
    return Line(match["entry"] + b"}", match["mac"].decode()) if match else None


def number_of(entry: bytes) -> int | None:
    """Return the number at the beginning of *entry*; None for an entry of an older version."""
    match = _NUMBER.match(entry)
    return int(match[1]) if match else None


def mac_of(line: bytes) -> str | None:
    """Return the mac of *line*; None unless it is a whole line of a trail."""
    match = _LINE.fullmatch(line.rstrip(b"\n"))
    return match["mac"].decode() if match else None


def is_json(line: bytes) -> bool:
    """Return whether *line* is JSON; the start of an entry that a power cut tore is not."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _mac(entry: bytes, previous: str, key: bytes) -> str:
    return hmac.digest(key, previous.encode() + b"\n" + entry, "sha256").hex()

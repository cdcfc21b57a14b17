"""Assesses whether the trail is complete and ends at its recorded heads, for `validator audit verify`."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

import orjson

from validator.audit import reading
from validator.audit.chain import chain_id
from validator.audit.head import Head
from validator.audit.verifying import Finding, Verifier

_SAVED_FILE = "in the file"
_LINE = re.compile(r"^\s*(\w+)\s+(\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Known:
    """The recorded heads by location: None where there is none, a text where it cannot be read.

    *elsewhere* maps other nodes to their heads of the same chain.
    """

    heads: Mapping[str, Head | str | None]
    elsewhere: Mapping[str, Head] = field(default_factory=dict)
    saved: Head | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """The result: the number of entries, the first and last number, the heads, and what is wrong."""

    entries: int
    first: int | None
    last: int | None
    is_continuation: bool
    heads: dict[str, str]
    notices: list[str]
    problems: list[Finding]
    accepted: list[Finding]


def assess(directory: Path, key: bytes, known: Known) -> Assessment:
    """Return the assessment of the trail in *directory*, compared with the *known* heads."""
    stored = {location: head for location, head in known.heads.items() if isinstance(head, Head)}
    saved = {_SAVED_FILE: known.saved} if known.saved else {}
    numbers = [head.number for head in (*stored.values(), *saved.values(), *known.elsewhere.values())]
    verifier = reading.verified(directory, key, numbers)
    compared = (_compared(verifier, location, head, key) for location, head in {**stored, **saved}.items())
    verifier.breaks += list(chain.from_iterable(compared))
    return Assessment(
        entries=verifier.entries,
        first=verifier.first,
        last=verifier.number,
        is_continuation=verifier.is_continuation,
        heads={location: _described(head) for location, head in known.heads.items()},
        notices=[*_notices(verifier, known), *_outdated(stored)],
        problems=verifier.problems,
        accepted=[each for each in verifier.breaks if each.digest in verifier.accepted],
    )


def parse_head(text: str) -> Head:
    """Return the head that `validator audit head` printed as text or JSON; raises ValueError."""
    try:
        members = orjson.loads(text)
    except orjson.JSONDecodeError:
        members = dict(_LINE.findall(text))
    if not isinstance(members, dict):
        raise ValueError("this is no head of a trail")
    number, file = (re.search(r"(\d+)\D*$", str(members.get(name))) for name in ("number", "file"))
    if not number or not file:
        raise ValueError("this is no head of a trail")
    return Head.of({**members, "number": int(number[1]), "file": int(file[1])})


def _compared(verifier: Verifier, location: str, head: Head, key: bytes) -> Iterator[Finding]:
    """Yield what is wrong with the end of the trail, according to the *head* at *location*."""
    first, last = verifier.first, verifier.number or 0
    missing: tuple[int, int] | None = None
    if head.chain != chain_id(key):
        words = "belongs to another chain: keys/audit.key was replaced"
    elif verifier.is_known_missing(head.number) or verifier.macs.get(head.number) == head.position.mac:
        return
    elif head.number > last:
        missing = (last + 1, head.number)
        words = f"records that the trail ends at entry {head.number}: entries from {last + 1} on are missing"
    elif first is not None and head.number < first:
        if location != _SAVED_FILE:
            return
        words = f"is of entry {head.number}: the files before entry {first} are needed to compare"
    else:
        words = f"records a different mac for entry {head.number} than the trail has"
    digest = hashlib.sha256(f"{location} {head.number} {head.position.mac}".encode()).hexdigest()
    yield Finding(f"the head {location}", 0, words, digest, missing)


def _notices(verifier: Verifier, known: Known) -> Iterator[str]:
    yield from map(str, verifier.notices)
    if verifier.unnumbered:
        yield f"{verifier.unnumbered} later entries have no number: an older version wrote them"
    for location, head in known.heads.items():
        if isinstance(head, str):
            yield f"the head {location} {head}: the end of the trail was not compared with it"
        elif head is None and verifier.number:
            yield f"there is no head {location} yet: the end of the trail was not compared with it"
    for node, head in known.elsewhere.items():
        is_here = verifier.macs.get(head.number) == head.position.mac
        if not is_here and not (verifier.first and head.number < verifier.first):
            yield f"{node} wrote entry {head.number} of this chain, which is not here: one trail is a copy"


def _outdated(stored: Mapping[str, Head]) -> Iterator[str]:
    newest = max((head.number for head in stored.values()), default=0)
    for location, head in stored.items():
        if head.number < newest:
            what = f"is of entry {head.number}, not {newest}"
            yield f"the head {location} {what}: it was restored, or not written"


def _described(head: Head | str | None) -> str:
    if head is None:
        return "none"
    return head if isinstance(head, str) else f"entry {head.number}"

"""Whether the trail is whole, and its end the one that is known: what `validator audit verify` says."""

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

_SAVED = "in the file"
_LINE = re.compile(r"^\s*(\w+)\s+(\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Known:
    """The heads that are kept: by place, None where there is none, words where it cannot be read.

    *elsewhere* are the heads that other nodes have of the same chain.
    """

    heads: Mapping[str, Head | str | None]
    elsewhere: Mapping[str, Head] = field(default_factory=dict)
    saved: Head | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    """What was found: how many entries, the first and the last number, the heads, and what is wrong."""

    entries: int
    first: int | None
    last: int | None
    is_continuation: bool
    heads: dict[str, str]
    notices: list[str]
    problems: list[Finding]
    accepted: list[Finding]


def assess(directory: Path, key: bytes, known: Known) -> Assessment:
    """Return what is found in the trail in *directory*, compared with the heads that were *known* before."""
    kept = {place: head for place, head in known.heads.items() if isinstance(head, Head)}
    saved = {_SAVED: known.saved} if known.saved else {}
    wanted = [head.number for head in (*kept.values(), *saved.values(), *known.elsewhere.values())]
    verifier = reading.verified(directory, key, wanted)
    compared = (_compared(verifier, place, head, key) for place, head in {**kept, **saved}.items())
    verifier.breaks += list(chain.from_iterable(compared))
    return Assessment(
        entries=verifier.entries,
        first=verifier.first,
        last=verifier.number,
        is_continuation=verifier.is_continuation,
        heads={place: _words(head) for place, head in known.heads.items()},
        notices=[*_notices(verifier, known), *_too_old(kept)],
        problems=verifier.problems,
        accepted=[each for each in verifier.breaks if each.digest in verifier.accepted],
    )


def parse_head(text: str) -> Head:
    """Return the head that `validator audit head` printed, as text or as JSON; raises ValueError."""
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


def _compared(verifier: Verifier, place: str, head: Head, key: bytes) -> Iterator[Finding]:
    """Yield what is wrong with the end of the trail, by the *head* that is kept at a *place*."""
    first, last = verifier.first, verifier.number or 0
    missing: tuple[int, int] | None = None
    if head.chain != chain_id(key):
        words = "is of another chain: keys/audit.key was replaced"
    elif verifier.is_known_missing(head.number) or verifier.macs.get(head.number) == head.position.mac:
        return
    elif head.number > last:
        missing = (last + 1, head.number)
        words = f"says that the trail ends at entry {head.number}: entries from {last + 1} on are missing"
    elif first is not None and head.number < first:
        if place != _SAVED:
            return
        words = f"is of entry {head.number}: the files before entry {first} are needed to compare"
    else:
        words = f"says that entry {head.number} is another one than the one that is there"
    digest = hashlib.sha256(f"{place} {head.number} {head.position.mac}".encode()).hexdigest()
    yield Finding(f"the head {place}", 0, words, digest, missing)


def _notices(verifier: Verifier, known: Known) -> Iterator[str]:
    yield from map(str, verifier.notices)
    if verifier.unnumbered:
        yield f"{verifier.unnumbered} entries between the others have no number: an older version wrote them"
    for place, head in known.heads.items():
        if isinstance(head, str):
            yield f"the head {place} {head}: the end of the trail was not compared with it"
        elif head is None and verifier.number:
            yield f"there is no head {place} yet: the end of the trail was not compared with it"
    for node, head in known.elsewhere.items():
        is_here = verifier.macs.get(head.number) == head.position.mac
        if not is_here and not (verifier.first and head.number < verifier.first):
            yield f"{node} wrote entry {head.number} of this chain, which is not here: one is a copy"


def _too_old(kept: Mapping[str, Head]) -> Iterator[str]:
    newest = max((head.number for head in kept.values()), default=0)
    for place, head in kept.items():
        if head.number < newest:
            yield f"the head {place} is of entry {head.number}, not {newest}: it was restored, or not written"


def _words(head: Head | str | None) -> str:
    if head is None:
        return "none"
    return head if isinstance(head, str) else f"entry {head.number}"

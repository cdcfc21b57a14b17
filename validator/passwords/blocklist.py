"""Passwords that nobody may choose: common and breached ones, looked up offline in a compact list.

A list is one file: a line that names the format, a line of JSON that says what is in it (sources,
versions, licences, counts), then the sorted digests of the entries. An entry is the root of a password,
see `validator.passwords.variations`; its digest is the first five bytes of the SHA-256 of its UTF-8. A
look-up is a bisection. With 200,000 entries the chance that a text which is not listed seems to be is
1.8 in ten million, and a password has about five forms: one good password in a million is refused.

The digests of the *common* entries come first. Two of them in a row are blocked as well: there are fewer
than 10^9 such pairs. The others block a password as a whole, or with something trivial beside them.

`validator.passwords.build_blocklist` makes the list that is shipped; `import_list` makes one out of an
enterprise's own plain text.
"""

import json
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Self

from validator.errors import OperatorError
from validator.files import text_of, write_private
from validator.passwords.variations import (
    MIN_LENGTH,
    forms,
    is_pattern,
    is_pinyin_name,
    is_pinyin_phrase,
    is_trivial,
    pairs,
    root,
)

SHIPPED = Path(__file__).with_name("blocklist.bin")
MAX_ENTRY = 128
LARGEST_IMPORT = 64 * 1024 * 1024
_FORMAT = b"validator block-list 1\n"
_DIGEST_BYTES = 5
_HASH = re.compile(r"(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})(?::\d+)?")


@dataclass(frozen=True, slots=True)
class Listing:
    """One list in memory: what its header says, and its digests in two sorted runs of bytes."""

    about: Mapping[str, Any]
    common: bytes
    others: bytes

    def has_common(self, text: str) -> bool:
        """Return whether *text* is one of the common entries."""
        return _has(self.common, _digest(text))

    def has(self, text: str) -> bool:
        """Return whether *text* is an entry."""
        digest = _digest(text)
        return _has(self.others, digest) or _has(self.common, digest)


class Blocklist:
    """The shipped list and those an enterprise added, asked as one."""

    def __init__(self, *listings: Listing) -> None:
        """Block what any of *listings* has."""
        self._listings = listings

    @classmethod
    def from_shipped(cls, *extra: Path) -> Self:
        """Return the shipped list together with the imported lists *extra*.

        Raises OperatorError when one of them cannot be read or is no such list.
        """
        return cls(_shipped(), *map(load, extra))

    def is_blocked(self, password: str) -> bool:
        """Return whether *password* is a common one, a simple variation of one, or follows a simple rule."""
        return any(self._is_known(form) or self._is_pair(form) for form in forms(password))

    def _is_known(self, form: str) -> bool:
        return len(form) >= MIN_LENGTH and (is_pattern(form) or is_pinyin_phrase(form) or self._has(form))

    def _is_pair(self, form: str) -> bool:
        return any(self._is_guessed(part, rest) for part, rest in pairs(form))

    def _is_guessed(self, part: str, rest: str) -> bool:
        if is_trivial(rest):
            return is_pattern(part) or self._has(part)
        return self._has_common(part) and (is_pinyin_name(rest) or any(map(self._has_common, forms(rest))))

    def _has(self, text: str) -> bool:
        return any(one.has(text) for one in self._listings)

    def _has_common(self, text: str) -> bool:
        return any(one.has_common(text) for one in self._listings)


def load(path: Path) -> Listing:
    """Return the list in the file *path*; raises OperatorError when it cannot be read or is damaged."""
    try:
        return _parse(path.read_bytes())
    except OSError as error:
        raise OperatorError(f"cannot read the block-list {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise OperatorError(f"{path} is no block-list, or it is damaged; import it again") from None


def import_list(source: Path, destination: Path) -> int:
    """Write the plain text *source* as a private list to *destination* and return how many entries it has.

    Raises OperatorError like `read_list` and `write_list`.
    """
    entries = read_list(source)
    write_list(entries, source.name, destination)
    return len(entries)


def read_list(source: Path) -> set[str]:
    """Return what the list of the plain text *source* holds.

    One password a line, in UTF-8, at most 128 characters each; empty lines are passed over.
    Raises OperatorError, which names lines by their number only, never what they say.
    """
    return {root(line) for line in _lines(source)}


def write_list(entries: Iterable[str], name: str, destination: Path) -> None:
    """Write *entries*, read from a file called *name*, as a private list; raises OperatorError."""
    about = {"licence": "the enterprise's own", "sources": [{"package": name}]}
    try:
        write_private(destination, packed((), entries, about))
    except OSError as error:
        raise OperatorError(f"cannot write {destination}: {error.strerror}") from None


def packed(common: Iterable[str], others: Iterable[str], about: Mapping[str, Any]) -> bytes:
    """Return the file of a list; the same entries in any order are the same bytes."""
    first = {_digest(entry) for entry in common}
    runs = [b"".join(sorted(run)) for run in (first, {_digest(entry) for entry in others} - first)]
    header = {
        **about,
        "common": len(runs[0]) // _DIGEST_BYTES,
        "others": len(runs[1]) // _DIGEST_BYTES,
        "sha256": sha256(b"".join(runs)).hexdigest(),
    }
    return _FORMAT + json.dumps(header, sort_keys=True).encode() + b"\n" + b"".join(runs)


@cache
def _shipped() -> Listing:
    return load(SHIPPED)


def _parse(content: bytes) -> Listing:
    """Return the list in *content*; raises ValueError, KeyError or TypeError when it is none."""
    if not content.startswith(_FORMAT):
        raise ValueError("not this format")
    end = content.index(b"\n", len(_FORMAT)) + 1
    about = json.loads(content[len(_FORMAT) : end])
    middle = end + about["common"] * _DIGEST_BYTES
    common, others = content[end:middle], content[middle:]
    counted = len(others) == about["others"] * _DIGEST_BYTES
    if not counted or sha256(content[end:]).hexdigest() != about["sha256"]:
        raise ValueError("damaged")
    return Listing(about, common, others)


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()[:_DIGEST_BYTES]


def _has(digests: bytes, digest: bytes) -> bool:
    def at(index: int) -> bytes:
        return digests[index * _DIGEST_BYTES : (index + 1) * _DIGEST_BYTES]

    return at(bisect_left(range(len(digests) // _DIGEST_BYTES), digest, key=at)) == digest


def _lines(source: Path) -> list[str]:
    """Return the passwords in the file *source*; raises OperatorError when it is something else."""
    lines = [line.removesuffix("\r") for line in _text(source).split("\n")]
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_ENTRY:
            raise OperatorError(f"line {number} of {source} has more than {MAX_ENTRY} characters")
        if any(unicodedata.category(character) == "Cc" for character in line):
            raise OperatorError(f"line {number} of {source} has a control character")
    entries = [line for line in lines if line.strip()]
    if not entries:
        raise OperatorError(f"{source} has no password in it")
    if all(map(_HASH.fullmatch, entries)):
        raise OperatorError(f"{source} has hashes in it; the list is made of the passwords themselves")
    return entries


def _text(source: Path) -> str:
    try:
        with source.open("rb") as file:
            content = file.read(LARGEST_IMPORT + 1)
    except OSError as error:
        raise OperatorError(f"cannot read {source}: {error.strerror}") from None
    if len(content) > LARGEST_IMPORT:
        raise OperatorError(f"{source} is larger than {LARGEST_IMPORT // 1024**2} MiB; split it")
    try:
        return text_of(content)
    except ValueError as error:
        raise OperatorError(f"{source} {error}") from None

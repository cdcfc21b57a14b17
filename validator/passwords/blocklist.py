"""The block-list: common and breached passwords, looked up offline in a compact file.

A list is one file: a line that names the format, a line of JSON about its content (sources, versions,
licences, counts), then the sorted digests of the entries. An entry is the root of a password, see
`validator.passwords.variations`; its digest is the first five bytes of the SHA-256 of its UTF-8. A look-up
is a binary search. With 200,000 entries, the chance of a false positive is 1.8 in ten million, and a
password has about five forms: one good password in a million is refused.

The digests of the *common* entries come first. Two of them in a row are blocked as well: there are fewer
than 10^9 such pairs. Other entries block a password as a whole, or with a trivial addition.

`validator.passwords.build_blocklist` builds the shipped list; `import_list` makes a list from an enterprise's
plain text.
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
MAX_IMPORT = 64 * 1024 * 1024
_FORMAT = b"validator block-list 1\n"
_DIGEST_BYTES = 5
_HASH = re.compile(r"(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64})(?::\d+)?")


@dataclass(frozen=True, slots=True)
class Listing:
    """One list in memory: its header, and its digests in two sorted runs of bytes."""

    about: Mapping[str, Any]
    common: bytes
    others: bytes

    def has_common(self, text: str) -> bool:
        """Return whether *text* is a common entry."""
        return _has(self.common, _digest(text))

    def has(self, text: str) -> bool:
        """Return whether *text* is an entry."""
        digest = _digest(text)
        return _has(self.others, digest) or _has(self.common, digest)


class Blocklist:
    """The shipped list and an enterprise's imported lists, looked up together."""

    def __init__(self, *listings: Listing) -> None:
        """Block the entries of all *listings*."""
        self._listings = listings

    @classmethod
    def from_shipped(cls, *extra: Path) -> Self:
        """Return the shipped list together with the imported lists *extra*.

        Raises OperatorError when a list is unreadable or not a block-list.
        """
        return cls(_shipped(), *map(load, extra))

    def is_blocked(self, password: str) -> bool:
        """Return whether *password* is common, a simple variation of a common one, or matches a rule."""
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
    """Return the list in the file *path*; raises OperatorError when it is unreadable or damaged."""
    try:
        return _parse(path.read_bytes())
    except OSError as error:
        raise OperatorError(f"cannot read the block-list {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise OperatorError(f"{path} is not a block-list or is damaged; import it again") from None


def import_list(source: Path, destination: Path) -> int:
    """Write the plain text *source* as a private list to *destination*; return the number of entries.

    Raises OperatorError like `read_list` and `write_list`.
    """
    entries = read_list(source)
    write_list(entries, source.name, destination)
    return len(entries)


def read_list(source: Path) -> set[str]:
    """Return the entries of the plain text *source*.

    It has one password per line, in UTF-8, of at most 128 characters; empty lines are skipped. Raises
    OperatorError, which refers to lines by number and never quotes them.
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
    """Return the content of a list's file; the same entries in any order yield the same bytes."""
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
    """Return the list in *content*; raises ValueError, KeyError or TypeError when it is malformed."""
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
    """Return the passwords in the file *source*; raises OperatorError for other content."""
    lines = [line.removesuffix("\r") for line in _text(source).split("\n")]
    for number, line in enumerate(lines, start=1):
        if len(line) > MAX_ENTRY:
            raise OperatorError(f"line {number} of {source} has more than {MAX_ENTRY} characters")
        if any(unicodedata.category(character) == "Cc" for character in line):
            raise OperatorError(f"line {number} of {source} has a control character")
    entries = [line for line in lines if line.strip()]
    if not entries:
        raise OperatorError(f"{source} contains no password")
    if all(map(_HASH.fullmatch, entries)):
        raise OperatorError(f"{source} contains hashes; import the passwords themselves")
    return entries


def _text(source: Path) -> str:
    try:
        with source.open("rb") as file:
            content = file.read(MAX_IMPORT + 1)
    except OSError as error:
        raise OperatorError(f"cannot read {source}: {error.strerror}") from None
    if len(content) > MAX_IMPORT:
        raise OperatorError(f"{source} is larger than {MAX_IMPORT // 1024**2} MiB; split it")
    try:
        return text_of(content)
    except ValueError as error:
        raise OperatorError(f"{source} {error}") from None

"""The counters as rows of an LMDB transaction.

    key: length of the window (seconds), number of the window + 1, name        8 + 8 bytes, text
    value: how many were counted                                               8 bytes

Windows that end together are next to each other, so that pruning needs no index. The name is the counter's
key backwards: those of one limit, which have one ending, are next to each other too. Length and number of a
fixed window are 0, and its value also has its end (milliseconds since 1970).

A sliding window is two fixed windows, the past one weighted by how much of it is still in sight.
"""

import struct
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import TypeAlias

from lmdb import Transaction

from validator.limits.entry import Entry

Rows: TypeAlias = "Transaction[bytes]"

HEADER = b"\xff"  # the key of the row that names the format: after all others
MAX_NAME = 200  # bytes; LMDB's keys have at most 511
_WINDOW = struct.Struct(">QQ")
_pack, _BYTES = _WINDOW.pack, 8
_FIXED = struct.Struct(">QQ")
_FIXED_WINDOW = _pack(0, 0)
_MARK = 2 * 16 + 1  # bytes of the digest at the end of a name that is cut


def name_of(key: str) -> bytes:
    """Return the name of the counter *key*: distinct keys have distinct names."""
    name = key[::-1].encode("utf-8", "surrogatepass")
    if len(name) <= MAX_NAME:
        return name
    return name[: MAX_NAME - _MARK] + b"\0" + blake2b(name, digest_size=16).hexdigest().encode()


def key_of(name: bytes) -> str:
    """Return the counter's key, the beginning of a long one as a digest."""
    return name.decode("utf-8", "replace")[::-1]


def acquire(rows: Rows, now: int, entries: Sequence[Entry], amount: int = 1) -> bool:
    """Count *amount* for each of *entries* if that keeps all of them within their limits, else nothing.

    *now* is in milliseconds since 1970. The past window's share is rounded down, as in the library.
    """
    counted: list[tuple[bytes, bytes]] = []
    for key, limit, expiry in entries:
        name, length = name_of(key), expiry * 1000
        number, gone = divmod(now, length)
        window = _pack(expiry, number + 1) + name
        present, past = rows.get(window), rows.get(_pack(expiry, number) + name)
        total = amount if present is None else amount + int.from_bytes(present)
        if total + (0 if past is None else int.from_bytes(past) * (length - gone) // length) > limit:
            return False
        counted.append((window, total.to_bytes(_BYTES)))
    for window, count in counted:
        rows.put(window, count)
    return True


def acquire_each(rows: Rows, now: int, groups: Sequence[Sequence[Entry]], amount: int = 1) -> list[bool]:
    """Do `acquire` for each of *groups*, which sees the counts of those before it; return its results."""
    return [acquire(rows, now, entries, amount) for entries in groups]


def sliding(rows: Rows, key: str, expiry: int, number: int) -> tuple[int, int]:
    """Return the counts of the window before *number* and of *number*."""
    name = name_of(key)
    past, present = (rows.get(_pack(expiry, each) + name, b"") for each in (number, number + 1))
    return int.from_bytes(past), int.from_bytes(present)


def increment(rows: Rows, now: int, key: str, expiry: int, amount: int) -> int:
    """Count *amount* in the fixed window of *key*, which begins with its first count; return the sum."""
    count, end = fixed(rows, now, key) or (0, now + expiry * 1000)
    rows.put(_FIXED_WINDOW + name_of(key), _FIXED.pack(count + amount, end))
    return count + amount


def fixed(rows: Rows, now: int, key: str) -> tuple[int, int] | None:
    """Return the count and the end of the fixed window of *key*; None when there is none."""
    row = rows.get(_FIXED_WINDOW + name_of(key))
    count, end = _FIXED.unpack(row) if row else (0, 0)
    return (count, end) if end > now else None


def clear(rows: Rows, key: str, expiry: int | None = None) -> None:
    """Forget what was counted for *key*, with *expiry* in sliding windows of that length only."""
    name = name_of(key)
    for window in list(_windows(rows)):
        if expiry is None or _WINDOW.unpack(window)[0] == expiry:
            rows.delete(window + name)


def prune(rows: Rows, now: int, at_most: int) -> None:
    """Forget at most *at_most* counts that can count no more."""
    for window in list(_windows(rows)):
        if window == _FIXED_WINDOW:
            _prune_fixed(rows, now)
        elif _end(window) <= now:
            at_most -= _delete(rows, window, at_most)


def evict(rows: Rows, count: int) -> None:
    """Forget *count* counts, those first whose windows end first."""
    for window in sorted(_windows(rows), key=_end):
        count -= _delete(rows, window, count)


def page(rows: Rows, expiry: int, number: int, start: bytes, ending: bytes) -> list[tuple[bytes, int]]:
    """Return at most 1,000 counts of a window, of names that begin with *ending*, from *start* on."""
    window, cursor = _pack(expiry, number + 1), rows.cursor()
    found: list[tuple[bytes, int]] = []
    is_found = cursor.set_range(window + start)
    while is_found and cursor.key().startswith(window + ending) and len(found) < 1000:
        found.append((cursor.key()[_WINDOW.size :], int.from_bytes(cursor.value())))
        is_found = cursor.next()
    return found


def _windows(rows: Rows) -> Iterator[bytes]:
    """Yield the beginning of the keys of each window that has a row."""
    cursor, start = rows.cursor(), b"\0"
    while cursor.set_range(start) and cursor.key() != HEADER:
        window = cursor.key()[: _WINDOW.size]
        yield window
        start = (int.from_bytes(window) + 1).to_bytes(_WINDOW.size)


def _end(window: bytes) -> int:
    """Return when the window after *window* ends, in milliseconds since 1970; fixed ones are the last."""
    expiry, following = _WINDOW.unpack(window)
    return int((following + 1) * expiry * 1000) if expiry else 2**63


def _delete(rows: Rows, window: bytes, at_most: int) -> int:
    """Delete at most *at_most* rows of *window*; return how many there were."""
    cursor, deleted = rows.cursor(), 0
    is_found = at_most > 0 and cursor.set_range(window)
    while is_found and deleted < at_most and cursor.key().startswith(window):
        is_found = cursor.delete() and cursor.key() != b""
        deleted += 1
    return deleted


def _prune_fixed(rows: Rows, now: int) -> None:
    cursor = rows.cursor()
    is_found = cursor.set_range(_FIXED_WINDOW)
    while is_found and cursor.key().startswith(_FIXED_WINDOW):
        is_over = _FIXED.unpack(cursor.value())[1] <= now
        is_found = cursor.delete() and cursor.key() != b"" if is_over else cursor.next()

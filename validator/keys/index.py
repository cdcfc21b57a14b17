"""The keys of the blind indexes, which find a sealed record by a value that the database does not contain.

A blind index is HMAC-SHA-256(key, length of the tenant ‖ tenant ‖ value). Without the key the entries of two
values look like random bytes; a holder of the key can recover a telephone number by trying all.
The file has a key a line: `current` makes new entries. Every key of the file finds entries: `next` is
staged, to be copied to every node before a rotation; `previous` stays until each entry is made again.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from validator.errors import Fault, OperatorError, Reason
from validator.files import make_private_folder, read_private, write_private
from validator.locks import locked
from validator.ownership import words_of

FILE = "index.key"
_KEY_BYTES = 32


class IndexKeyState(StrEnum):
    """What a key is for."""

    CURRENT = "current"
    NEXT = "next"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True)
class IndexKey:
    """A key of the blind indexes."""

    state: IndexKeyState
    secret: bytes = field(repr=False)

    @property
    def id(self) -> str:
        """A name of the key, which reveals nothing of it."""
        return hashlib.sha256(self.secret).hexdigest()[:8]

    def digest(self, tenant: str, value: str) -> bytes:
        """Return the entry for *value* of *tenant*, 32 bytes."""
        name = tenant.encode()
        return hmac.digest(self.secret, len(name).to_bytes(4) + name + value.encode(), "sha256")


class IndexKeys:
    """The keys in *directory*."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def create(self) -> None:
        """Create the folder and the first key unless there is one."""
        make_private_folder(self._path.parent)
        with locked(self._path):
            if not self._path.exists():
                self._write(_new(IndexKeyState.CURRENT))

    def list(self) -> tuple[IndexKey, ...]:
        """Return every key, the current one first; raises Fault(KEYS_UNAVAILABLE) for an unusable file."""
        try:
            keys = _parse(read_private(self._path))
        except FileNotFoundError:
            words = f"{FILE} is missing: restore it, or run `validator keys rotate --index`"
            raise Fault(Reason.KEYS_UNAVAILABLE, words) from None
        except (OSError, ValueError) as error:
            raise Fault(Reason.KEYS_UNAVAILABLE, words_of(error, FILE)) from None
        return keys

    def digests(self, tenant: str, value: str) -> tuple[bytes, ...]:
        """Return the entries for *value* of *tenant* with every key; raises Fault(KEYS_UNAVAILABLE)."""
        return tuple(key.digest(tenant, value) for key in self.list())

    def stage(self) -> IndexKey:
        """Add the next key; raises OperatorError when there is one, or a rotation has not ended."""
        with locked(self._path):
            keys = self.list()
            if len(keys) > 1:
                raise OperatorError(f"there is a {keys[1].state} key of the indexes already")
            staged = _new(IndexKeyState.NEXT)
            self._write(*keys, staged)
            return staged

    def rotate(self) -> IndexKey:
        """Make the next key, or a new one, the current key and return it; the old one becomes the previous.

        A rotation that has not ended goes on with its key. A lost file is replaced.
        """
        with locked(self._path):
            keys = self.list() if self._path.exists() else ()
            if any(key.state is IndexKeyState.PREVIOUS for key in keys):
                return keys[0]
            staged = keys[1] if len(keys) > 1 else _new(IndexKeyState.NEXT)
            current = replace(staged, state=IndexKeyState.CURRENT)
            self._write(current, *(replace(key, state=IndexKeyState.PREVIOUS) for key in keys[:1]))
            return current

    def finish(self) -> None:
        """Destroy the previous key: every entry has been made again."""
        with locked(self._path):
            self._write(*(key for key in self.list() if key.state is not IndexKeyState.PREVIOUS))

    def _write(self, *keys: IndexKey) -> None:
        write_private(self._path, "".join(f"{key.state} {key.secret.hex()}\n" for key in keys).encode())


def _new(state: IndexKeyState) -> IndexKey:
    return IndexKey(state, secrets.token_bytes(_KEY_BYTES))


def _parse(content: bytes) -> tuple[IndexKey, ...]:
    """Return the keys in *content*; raises ValueError, which quotes nothing of it."""
    keys = tuple(_parse_line(line) for line in content.decode("ascii", "replace").splitlines())
    states = [key.state for key in keys]
    if (
        not 1 <= len(states) <= 2
        or states[0] is not IndexKeyState.CURRENT
        or IndexKeyState.CURRENT in states[1:]
    ):
        raise ValueError("does not have one current key and at most one other")
    return keys


def _parse_line(line: str) -> IndexKey:
    state, _, digits = line.partition(" ")
    try:
        key = IndexKey(IndexKeyState(state), bytes.fromhex(digits))
    except ValueError:
        raise ValueError("has a line that is not a key") from None
    if len(key.secret) != _KEY_BYTES:
        raise ValueError(f"has a key without {_KEY_BYTES} bytes")
    return key

"""The keyring: several signing keys, oldest to newest, in one private file.

A key is *pending* (known, verifies, not yet signing: for handing a key to every node first), *signing*
(exactly one), *verify-only* (its tokens live on, it signs nothing new) or *revoked* (neither). The file is
read again as soon as it changes, so that a rotation needs no restart. What is signed is separated by a
salt for each purpose: a token for one audience is noise to the other.
"""

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import orjson

from validator.clock import Clock, iso_milliseconds
from validator.errors import Fault, OperatorError, Reason
from validator.files import locked, make_private_folder, read_private, write_private
from validator.keys.signing import Seal
from validator.ownership import words_of

FILE = "keyring.json"
KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeysPolicy:
    """Where the keys are."""

    directory: Path


class KeyState(StrEnum):
    """What a key may do."""

    PENDING = "pending"
    SIGNING = "signing"
    VERIFY_ONLY = "verify-only"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key; a revoked one has lost its secret."""

    id: str
    state: KeyState
    created_at: datetime
    secret: bytes = field(repr=False)


class Keyring:
    """The keys in *directory*."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._path = directory / FILE
        self._clock = clock
        self._read: tuple[tuple[int, ...], tuple[Key, ...], dict[str, Seal]] | None = None

    def create(self) -> None:
        """Make the folder and the first signing key, unless there is one."""
        make_private_folder(self._path.parent)
        with locked(self._path):
            if not self._path.exists():
                self._write((self._new(KeyState.SIGNING),))

    def list(self) -> tuple[Key, ...]:
        """Return every key, oldest to newest; raises Fault(KEYS_UNAVAILABLE) when the file cannot be used."""
        return self._current()[0]

    def seal(self, purpose: str) -> Seal:
        """Return what signs and verifies for *purpose*; raises Fault like `list`."""
        keys, by_purpose = self._current()
        if purpose not in by_purpose:
            # A key that signs next, or has signed, verifies; the last of the list signs.
            order = (KeyState.PENDING, KeyState.VERIFY_ONLY), (KeyState.SIGNING,)
            by_purpose[purpose] = Seal(
                [key.secret for states in order for key in keys if key.state in states], purpose
            )
        return by_purpose[purpose]

    def stage(self) -> Key:
        """Add a pending key; raises OperatorError when one is pending already."""
        with locked(self._path):
            keys = self.list()
            if any(key.state is KeyState.PENDING for key in keys):
                raise OperatorError("a key is pending already")
            pending = self._new(KeyState.PENDING)
            self._write((*keys, pending))
            return pending

    def rotate(self) -> Key:
        """Let the pending key sign, or a new one; the one that signed only verifies from now on."""
        with locked(self._path):
            keys = self.list()
            if not any(key.state is KeyState.PENDING for key in keys):
                keys = (*keys, self._new(KeyState.PENDING))
            after = {KeyState.SIGNING: KeyState.VERIFY_ONLY, KeyState.PENDING: KeyState.SIGNING}
            keys = tuple(replace(key, state=after.get(key.state, key.state)) for key in keys)
            self._write(keys)
            return next(key for key in keys if key.state is KeyState.SIGNING)

    def revoke(self, key_id: str) -> None:
        """Distrust a key at once and destroy it; raises OperatorError if it is signing or unknown."""
        with locked(self._path):
            keys = self.list()
            state = next((key.state for key in keys if key.id == key_id), None)
            if state is None:
                raise OperatorError(f"there is no key {key_id}")
            if state is KeyState.SIGNING:
                raise OperatorError(f"key {key_id} is the signing key: rotate first, then revoke it")
            self._write(
                tuple(
                    replace(key, state=KeyState.REVOKED, secret=b"") if key.id == key_id else key
                    for key in keys
                )
            )

    def _new(self, state: KeyState) -> Key:
        return Key(secrets.token_hex(4), state, self._clock.now(), secrets.token_bytes(KEY_BYTES))

    def _current(self) -> tuple[tuple[Key, ...], dict[str, Seal]]:
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)
            read = self._read
            if read is None or read[0] != seen:
                read = self._read = (seen, _parse(read_private(self._path)), {})
            # Of this snapshot, not of what another thread may have read meanwhile.
            return read[1], read[2]
        except (OSError, ValueError, KeyError, TypeError) as error:
            # The message of a parser may quote the file, and the file is secret.
            raise Fault(Reason.KEYS_UNAVAILABLE, words_of(error, FILE)) from None

    def _write(self, keys: tuple[Key, ...]) -> None:
        write_private(self._path, _render(keys))


def _parse(content: bytes) -> tuple[Key, ...]:
    keys = tuple(
        Key(
            member["id"],
            KeyState(member["state"]),
            datetime.fromisoformat(member["created_at"]),
            bytes.fromhex(member["secret"]),
        )
        for member in orjson.loads(content)["keys"]
    )
    if [key.state for key in keys].count(KeyState.SIGNING) != 1:
        raise ValueError("not exactly one signing key")
    if any(len(key.secret) < KEY_BYTES for key in keys if key.state is not KeyState.REVOKED):
        raise ValueError("a key is too short")
    return keys


def _render(keys: tuple[Key, ...]) -> bytes:
    members = [
        {
            "id": key.id,
            "state": key.state,
            "created_at": iso_milliseconds(key.created_at),
            "secret": key.secret.hex(),
        }
        for key in keys
    ]
    return orjson.dumps({"keys": members}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

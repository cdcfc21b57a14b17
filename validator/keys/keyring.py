"""The keyring: several signing keys, oldest to newest, in one private file.

A key is *pending* (verifies but does not sign yet, until every node has it), *signing* (exactly one),
*verify-only* (its tokens stay valid, it signs nothing new) or *revoked* (neither). The file is read again as
soon as it changes, so that a rotation needs no restart. A verify-only key whose signatures have all expired
is no longer tried, so that junk is not verified with every key there ever was. Each purpose has a salt: a
token for one audience does not verify for the other.
"""

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import orjson

from validator.clock import Clock, iso_milliseconds
from validator.errors import Fault, OperatorError, Reason
from validator.files import make_private_folder, read_private, write_private
from validator.keys.signing import PurposeSigner
from validator.locks import locked
from validator.ownership import words_of

FILE = "keyring.json"
KEY_BYTES = 32
MAX_LIFE = timedelta(days=365)  # the maximum lifetime of any signature that the settings permit
_ROLLOUT = timedelta(days=7)  # a node that gets the new file late still signs with the old key
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class KeysPolicy:
    """The folder of the keys."""

    directory: Path


class KeyState(StrEnum):
    """What a key may do."""

    PENDING = "pending"
    SIGNING = "signing"
    VERIFY_ONLY = "verify-only"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key; a revoked key has no secret any more."""

    id: str
    state: KeyState
    created_at: datetime
    secret: bytes = field(repr=False)
    retired_at: datetime | None = None  # latest possible signature; None: still signing, or unknown

    def has_expired(self, life: timedelta, now: datetime) -> bool:
        """Return whether all its signatures with lifetime *life* have expired *now*."""
        return self.end(life) <= now

    def end(self, life: timedelta) -> datetime:
        """Return when its last signature with lifetime *life* expires; the maximum datetime if unknown."""
        return _NEVER if self.retired_at is None else self.retired_at + life + _ROLLOUT


class _CachedSigner(NamedTuple):
    """A signer, and the period in which its keys are the trusted ones."""

    since: datetime
    until: datetime
    signer: PurposeSigner


_Signers = dict[tuple[str, timedelta], _CachedSigner]


class Keyring:
    """The keys in *directory*."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._path = directory / FILE
        self._clock = clock
        self._read: tuple[tuple[int, ...], tuple[Key, ...], _Signers] | None = None

    def create(self) -> None:
        """Create the folder and the first signing key unless there is one."""
        make_private_folder(self._path.parent)
        with locked(self._path):
            if not self._path.exists():
                self._write((self._new(KeyState.SIGNING),))

    def list(self) -> tuple[Key, ...]:
        """Return every key, oldest to newest; raises Fault(KEYS_UNAVAILABLE) when the file is unusable."""
        return self._current()[0]

    def signer(self, purpose: str, life: timedelta = MAX_LIFE) -> PurposeSigner:
        """Return the signer for *purpose*, whose signatures last at most *life*.

        Raises Fault like `list`.
        """
        keys, signers = self._current()
        now, cached = self._clock.now(), signers.get((purpose, life))
        if cached is None or not cached.since <= now < cached.until:
            cached = signers[purpose, life] = _cached_signer(keys, purpose, life, now)
        return cached.signer

    def stage(self) -> Key:
        """Add a pending key; raises OperatorError when there is one already."""
        with locked(self._path):
            keys = self.list()
            if any(key.state is KeyState.PENDING for key in keys):
                raise OperatorError("a key is pending already")
            pending = self._new(KeyState.PENDING)
            self._write((*keys, pending))
            return pending

    def rotate(self) -> Key:
        """Make the pending key, or a new one, the signing key; the previous one becomes verify-only."""
        with locked(self._path):
            keys = self.list()
            if not any(key.state is KeyState.PENDING for key in keys):
                keys = (*keys, self._new(KeyState.PENDING))
            keys = tuple(_rotated(key, self._clock.now()) for key in keys)
            self._write(keys)
            return next(key for key in keys if key.state is KeyState.SIGNING)

    def revoke(self, key_id: str) -> None:
        """Distrust a key at once and delete its secret; raises OperatorError if it is signing or unknown."""
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

    def _current(self) -> tuple[tuple[Key, ...], _Signers]:
        try:
            stat = self._path.stat()
            seen = (stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)
            read = self._read
            if read is None or read[0] != seen:
                read = self._read = (seen, _parse(read_private(self._path)), {})
            # From this snapshot: another thread may have replaced `_read` meanwhile.
            return read[1], read[2]
        except (OSError, ValueError, KeyError, TypeError) as error:
            # A parser's message may quote the file, which is secret.
            raise Fault(Reason.KEYS_UNAVAILABLE, words_of(error, FILE)) from None

    def _write(self, keys: tuple[Key, ...]) -> None:
        write_private(self._path, _render(keys))


def _cached_signer(keys: tuple[Key, ...], purpose: str, life: timedelta, now: datetime) -> _CachedSigner:
    # Pending and verify-only keys verify; the last of the list signs.
    order = (KeyState.PENDING, KeyState.VERIFY_ONLY), (KeyState.SIGNING,)
    trusted = [
        key for states in order for key in keys if key.state in states and not key.has_expired(life, now)
    ]
    until = min(key.end(life) for key in trusted)
    return _CachedSigner(now, until, PurposeSigner([key.secret for key in trusted], purpose))


def _rotated(key: Key, now: datetime) -> Key:
    """Return *key* after a rotation at *now*; keys retired by older versions have no known time."""
    if key.state is KeyState.PENDING:
        return replace(key, state=KeyState.SIGNING)
    if key.state is KeyState.REVOKED:
        return key
    return replace(key, state=KeyState.VERIFY_ONLY, retired_at=key.retired_at or now)


def _parse(content: bytes) -> tuple[Key, ...]:
    keys = tuple(
        Key(
            member["id"],
            KeyState(member["state"]),
            datetime.fromisoformat(member["created_at"]),
            bytes.fromhex(member["secret"]),
            datetime.fromisoformat(member["retired_at"]) if "retired_at" in member else None,
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
            **({"retired_at": iso_milliseconds(key.retired_at)} if key.retired_at else {}),
        }
        for key in keys
    ]
    return orjson.dumps({"keys": members}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

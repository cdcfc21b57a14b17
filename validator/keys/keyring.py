"""The keyring: several signing keys, oldest to newest, in one private file.

A key is *pending* (known, verifies, not yet signing: for handing a key to every node first), *signing*
(exactly one), *verify-only* (its tokens live on, it signs nothing new) or *revoked* (neither). The file is
read again as soon as it changes, so that a rotation needs no restart. What is signed is separated by a
salt for each purpose: a token for one audience is noise to the other.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import orjson
from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from validator.clock import Clock, iso_milliseconds
from validator.errors import Fault, OperatorError, Reason
from validator.files import locked, make_private_folder, read_private, write_private

FILE = "keyring.json"
KEY_BYTES = 32
# The signature is base64url of SHA-256's 32 bytes, without "=".
_FORM = re.compile(r"[A-Za-z0-9_-]+\.(?P<signature>[A-Za-z0-9_-]{43})", re.ASCII)


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


class Seal:
    """Signs and proves text for one purpose with one state of the keyring.

    The form is itsdangerous' `payload.signature`, with HMAC-SHA-256 for both the signature and the key
    derivation (the library's defaults are SHA-1 and plain concatenation).
    """

    def __init__(self, keys: tuple[Key, ...], purpose: str) -> None:
        # itsdangerous signs with the last key of the list and verifies with all, newest first.
        trusted = [key.secret for key in keys if key.state in (KeyState.PENDING, KeyState.VERIFY_ONLY)]
        signing = [key.secret for key in keys if key.state is KeyState.SIGNING]
        self._signer = Signer(
            trusted + signing, salt=purpose, key_derivation="hmac", digest_method=hashlib.sha256
        )

    def sign(self, payload: bytes) -> str:
        """Return *payload*, readable by everybody, with its signature."""
        return self._signer.sign(base64_encode(payload)).decode("ascii")

    def verify(self, presented: str) -> bytes | None:
        """Return the payload of *presented*, or None unless every character is as `sign` wrote it."""
        form = _FORM.fullmatch(presented)
        # Base64 has spare bits and itsdangerous ignores strange characters: one token, several spellings.
        if form is None or not _is_canonical(form["signature"]):
            return None
        try:
            return base64_decode(self._signer.unsign(presented))
        except BadSignature:
            return None


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
            by_purpose[purpose] = Seal(keys, purpose)
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
            raise Fault(Reason.KEYS_UNAVAILABLE, f"{FILE}: {type(error).__name__}") from None

    def _write(self, keys: tuple[Key, ...]) -> None:
        write_private(self._path, _render(keys))


def _is_canonical(signature: str) -> bool:
    return base64_encode(base64_decode(signature)) == signature.encode("ascii")


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

"""Secrets at rest: sealed with a key that lives in a file apart from the database.

AES-256-GCM (NIST SP 800-38D), a random 96-bit nonce before each box. The purpose is authenticated with
the secret, so that a box moved to another row of the database does not open there.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from validator.errors import Fault, Reason
from validator.files import make_private_key, read_private_key
from validator.ownership import words_of

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

FILE = "sealing.key"
_NONCE_BYTES = 12


class Sealer:
    """Seals and opens secrets with the key in *directory*."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def create(self) -> None:
        """Make the key, unless there is one."""
        make_private_key(self._path)

    def check(self) -> None:
        """Raise Fault(KEYS_UNAVAILABLE) unless the key can be used."""
        self._key()

    def seal(self, secret: str, purpose: str) -> bytes:
        """Return the box that only `open` with the same *purpose* turns back; raises Fault without a key."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher().encrypt(nonce, secret.encode(), purpose.encode())

    def open(self, box: bytes, purpose: str) -> str:
        """Return the secret in *box*; raises Fault(KEYS_UNAVAILABLE) if the key or purpose is another."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as in _cipher

        nonce, sealed = box[:_NONCE_BYTES], box[_NONCE_BYTES:]
        try:
            return self._cipher().decrypt(nonce, sealed, purpose.encode()).decode()
        except (InvalidTag, ValueError):
            raise Fault(Reason.KEYS_UNAVAILABLE, "a sealed secret does not open with this key") from None

    def _cipher(self) -> "AESGCM":
        # The library takes 8 MiB of each worker, and the workers that answer the cloud unseal nothing.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        return AESGCM(self._key())

    def _key(self) -> bytes:
        try:
            return read_private_key(self._path)
        except (OSError, ValueError) as error:
            raise Fault(Reason.KEYS_UNAVAILABLE, words_of(error, FILE)) from None

"""Encrypts secrets at rest with a key in a file that is separate from the database.

AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce before each ciphertext. The purpose is authenticated
with the secret, so that a ciphertext moved to another row of the database does not decrypt there.
"""

import os
from pathlib import Path

from validator.errors import Fault, Reason
from validator.files import make_private_key, read_private_key
from validator.ownership import words_of

FILE = "sealing.key"
_NONCE_BYTES = 12


class Cipher:
    """Encrypts and decrypts with one key, which is not read again for each of many secrets."""

    def __init__(self, key: bytes) -> None:
        # The library takes 8 MiB per worker, and the workers for the cloud's requests decrypt nothing.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        self._aead = AESGCM(key)

    def encrypt(self, secret: str, purpose: str) -> bytes:
        """Return the ciphertext of *secret* for *purpose*."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, secret.encode(), purpose.encode())

    def decrypt(self, ciphertext: bytes, purpose: str) -> str:
        """Return the secret in *ciphertext*; raises Fault(KEYS_UNAVAILABLE) for another key or purpose."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above

        nonce, encrypted = ciphertext[:_NONCE_BYTES], ciphertext[_NONCE_BYTES:]
        try:
            return self._aead.decrypt(nonce, encrypted, purpose.encode()).decode()
        except (InvalidTag, ValueError):
            raise Fault(
                Reason.KEYS_UNAVAILABLE, "an encrypted secret does not decrypt with this key"
            ) from None


class SecretEncryption:
    """Encrypts and decrypts secrets with the key in *directory*."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE

    def create(self) -> None:
        """Create the key unless there is one."""
        make_private_key(self._path)

    def check(self) -> None:
        """Raise Fault(KEYS_UNAVAILABLE) unless the key is usable."""
        self._key()

    def encrypt(self, secret: str, purpose: str) -> bytes:
        """Return the ciphertext of *secret* for *purpose*; raises Fault(KEYS_UNAVAILABLE) without a key."""
        return self.cipher().encrypt(secret, purpose)

    def decrypt(self, ciphertext: bytes, purpose: str) -> str:
        """Return the secret in *ciphertext*; raises Fault(KEYS_UNAVAILABLE) for another key or purpose."""
        return self.cipher().decrypt(ciphertext, purpose)

    def cipher(self) -> Cipher:
        """Return a cipher with the present key; raises Fault(KEYS_UNAVAILABLE) without one."""
        return Cipher(self._key())

    def _key(self) -> bytes:
        try:
            return read_private_key(self._path)
        except (OSError, ValueError) as error:
            raise Fault(Reason.KEYS_UNAVAILABLE, words_of(error, FILE)) from None

"""Signs and verifies text for one purpose: the format of itsdangerous with HMAC-SHA-256 throughout.

The format is the library's `payload.signature`, in base64url without "=". Its defaults, SHA-1 and a key
derived by concatenation, are replaced by HMAC-SHA-256 for both. The keys are derived by the library, once.

A presented signature is compared as text, character by character: base64 has several spellings of the same
bytes, and the library accepts all of them (malleability).
"""

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence

from itsdangerous import Signer


class PurposeSigner:
    """Signs with the last of several secrets; verifies with all of them, the last one first."""

    def __init__(self, secrets: Sequence[bytes], purpose: str) -> None:
        """Sign for *purpose*; signatures for another purpose do not verify."""
        deriving = Signer(secrets, salt=purpose, key_derivation="hmac", digest_method=hashlib.sha256)
        self._keys = [deriving.derive_key(secret) for secret in reversed(secrets)]

    def sign(self, payload: bytes) -> str:
        """Return *payload*, readable to anybody, with its signature."""
        text = _encode(payload)
        return f"{text.decode()}.{_signature(self._keys[0], text).decode()}"

    def verify(self, presented: str) -> bytes | None:
        """Return the payload of *presented*, or None unless every character is as `sign` wrote it."""
        if not presented.isascii():
            return None
        text, _, signature = presented.encode().rpartition(b".")
        if not text:
            return None
        for key in self._keys:
            if hmac.compare_digest(_signature(key, text), signature):
                return urlsafe_b64decode(text + b"=" * (-len(text) % 4))
        return None


def _signature(key: bytes, text: bytes) -> bytes:
    return _encode(hmac.digest(key, text, "sha256"))


def _encode(content: bytes) -> bytes:
    return urlsafe_b64encode(content).rstrip(b"=")

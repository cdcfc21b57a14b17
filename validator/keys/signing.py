"""Signs and verifies text for one purpose: itsdangerous with HMAC-SHA-256 throughout.

The format is the library's `payload.signature`, in base64url without "=". Its defaults, SHA-1 and a key
derived by concatenation, are replaced by HMAC-SHA-256 for both.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode
from itsdangerous.signer import SigningAlgorithm

# A signature has 32 bytes, so the two spare bits of its last character are zero. The library ignores them,
# and characters outside the alphabet: one token would have several spellings (malleability).
_FORMAT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)


class PurposeSigner:
    """Signs with the last of several secrets; verifies with all of them, the last one first."""

    def __init__(self, secrets: Sequence[bytes], purpose: str) -> None:
        """Sign for *purpose*; signatures for another purpose do not verify."""
        self._signer = _Signer(
            secrets,
            salt=purpose,
            key_derivation="hmac",
            digest_method=hashlib.sha256,
            algorithm=_HmacSha256(),
        )

    def sign(self, payload: bytes) -> str:
        """Return *payload*, readable to anybody, with its signature."""
        return self._signer.sign(base64_encode(payload)).decode("ascii")

    def verify(self, presented: str) -> bytes | None:
        """Return the payload of *presented*, or None unless every character is as `sign` wrote it."""
        if _FORMAT.fullmatch(presented) is None:
            return None
        try:
            return base64_decode(self._signer.unsign(presented))
        except BadSignature:
            return None


class _Signer(Signer):
    """The library's signer, which would otherwise derive the purpose's key again for every signature."""

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        """Return the key that the library derives."""
        cache: dict[str | bytes | None, bytes] = self.__dict__.setdefault("derived", {})
        if secret_key not in cache:
            cache[secret_key] = super().derive_key(secret_key)
        return cache[secret_key]


class _HmacSha256(SigningAlgorithm):
    """The library's `HMACAlgorithm` in one call."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        """Return the signature of *value*."""
        return hmac.digest(key, value, "sha256")

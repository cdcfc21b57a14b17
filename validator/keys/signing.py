"""Signs and proves text for one purpose: itsdangerous, with HMAC-SHA-256 throughout.

The form is the library's `payload.signature`, in base64url without "=". Its defaults, SHA-1 and a key derived
by concatenation, are replaced by HMAC-SHA-256 for both.
"""

import hashlib
import hmac
import re
from collections.abc import Sequence

from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode
from itsdangerous.signer import SigningAlgorithm

# A signature has 32 bytes, so the two spare bits of its last character are zero. The library ignores
# them, and characters that are strange: one token would have several spellings.
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)


class PurposeSigner:
    """Signs with the last of several secrets, and verifies with all of them, the last one first."""

    def __init__(self, secrets: Sequence[bytes], purpose: str) -> None:
        """Sign for *purpose*: what is signed for another is noise here."""
        self._signer = _Signer(
            secrets,
            salt=purpose,
            key_derivation="hmac",
            digest_method=hashlib.sha256,
            algorithm=_HmacSha256(),
        )

    def sign(self, payload: bytes) -> str:
        """Return *payload*, readable by everybody, with its signature."""
        return self._signer.sign(base64_encode(payload)).decode("ascii")

    def verify(self, presented: str) -> bytes | None:
        """Return the payload of *presented*, or None unless every character is as `sign` wrote it."""
        if _FORM.fullmatch(presented) is None:
            return None
        try:
            return base64_decode(self._signer.unsign(presented))
        except BadSignature:
            return None


class _Signer(Signer):
    """The library's, which would derive a purpose's key from the secret anew for every signature."""

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        """Return the key that the library derives."""
        kept: dict[str | bytes | None, bytes] = self.__dict__.setdefault("kept", {})
        if secret_key not in kept:
            kept[secret_key] = super().derive_key(secret_key)
        return kept[secret_key]


class _HmacSha256(SigningAlgorithm):
    """The library's `HMACAlgorithm`, in one call."""

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        """Return the signature of *value*."""
        return hmac.digest(key, value, "sha256")

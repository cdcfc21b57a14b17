"""Signs messages by Standard Webhooks 1.0.0, symmetric scheme `v1`.

    webhook-id: msg_…            the same at every attempt, by which the receiver drops repeats
    webhook-timestamp: seconds since 1970 of this attempt, by which it refuses old ones
    webhook-signature: v1,base64(HMAC-SHA-256(secret, "id.timestamp.body")), one for each secret, with a blank

A secret is `whsec_` and the base64 form of 24 to 64 random bytes. While it is rotated there are two, and the
receiver accepts a message if one of the signatures is right.

Source: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md, "Signature scheme" and
"Webhook headers".
"""

import base64
import binascii
import hmac
from collections.abc import Iterable

PREFIX = "whsec_"
MAX_SECRETS = 2
_MIN_BYTES, _MAX_BYTES = 24, 64
_MIN_DIFFERENT = 8  # different bytes; 24 random ones have fewer once in 10^19 times
FORM = f"{PREFIX} and the base64 form of {_MIN_BYTES} to {_MAX_BYTES} random bytes"


def parse_secrets(text: str) -> tuple[bytes, ...]:
    """Return the keys in *text*, which has a secret a line; raises ValueError, which quotes nothing of it."""
    lines = text.split()
    if not 1 <= len(lines) <= MAX_SECRETS:
        raise ValueError(f"has {len(lines)} secrets, not 1, or {MAX_SECRETS} while it is rotated")
    keys = tuple(_parse(number, line) for number, line in enumerate(lines, 1))
    if len(set(keys)) != len(keys):
        raise ValueError("has the same secret twice")
    return keys


def headers(message: str, seconds: int, body: bytes, keys: Iterable[bytes]) -> dict[str, str]:
    """Return the headers of *body*, the message with the id *message*, sent *seconds* after 1970."""
    signatures = (f"v1,{signature(message, seconds, body, key)}" for key in keys)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(signatures),
    }


def signature(message: str, seconds: int, body: bytes, key: bytes) -> str:
    """Return the signature with *key*, in base64."""
    signed = f"{message}.{seconds}.".encode() + body
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()


def _parse(number: int, line: str) -> bytes:
    try:
        key = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    is_secret = line.startswith(PREFIX) and _MIN_BYTES <= len(key) <= _MAX_BYTES
    if not is_secret or len(set(key)) < _MIN_DIFFERENT:
        raise ValueError(f"line {number} is not {FORM}")
    return key

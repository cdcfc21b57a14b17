"""Signs a request with a channel's secret key, in stages that can each be shown and compared.

    prefix         auth-v2/{access key}/{timestamp}/{names of the signed headers}
    signing key    hex of HMAC-SHA256, keyed with the secret key, over the prefix
    signature      hex of HMAC-SHA256, keyed with the signing key, over the canonical request
    authorization  {prefix}/{signature}

Hex is lower case, text is signed as UTF-8. The signing key is used as it is written, 64 characters of
text, not as the 32 bytes that they spell. The time is always given: nothing here reads a clock.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import datetime

from validator.clock import iso_milliseconds
from validator.signatures.canonical import SignableRequest, canonical_request, signed_header_names

SCHEME = "auth-v2"
# Visible ASCII but "/": the authorization is one line and is split at its slashes.
_ACCESS_KEY = re.compile(r"[!-.0-~]+")
_TIMESTAMP = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")


@dataclass(frozen=True, slots=True)
class Signature:
    """Every stage of one signature. With `signing_key` anybody can sign other requests of the same prefix."""

    prefix: str
    canonical: str
    signing_key: str = field(repr=False)
    signature: str

    @property
    def authorization(self) -> str:
        """The line that travels with the request."""
        return f"{self.prefix}/{self.signature}"


def authorization(request: SignableRequest, *, access_key: str, secret_key: str, at: datetime) -> str:
    """Return the authorization value that signs *request* at time *at*; raises what `sign` raises."""
    return sign(request, access_key=access_key, secret_key=secret_key, at=at).authorization


def sign(request: SignableRequest, *, access_key: str, secret_key: str, at: datetime) -> Signature:
    """Return every stage of the signature of *request* at time *at* (aware; cut to the millisecond).

    Raises ValueError when *access_key* is not visible ASCII without "/", when *secret_key* is empty,
    when *at* has no time zone, and when something signed has no UTF-8 form.
    """
    return sign_stamped(request, access_key=access_key, secret_key=secret_key, stamp=timestamp(at))


def sign_stamped(request: SignableRequest, *, access_key: str, secret_key: str, stamp: str) -> Signature:
    """Like `sign`, for a *stamp* already written: to repeat a signature made elsewhere."""
    if not _ACCESS_KEY.fullmatch(access_key):
        raise ValueError('the access key must be visible ASCII without "/"')
    if not secret_key:
        raise ValueError("the secret key is empty")
    prefix = f"{SCHEME}/{access_key}/{stamp}/{signed_header_names(request)}"
    canonical = canonical_request(request)
    signing_key = _hmac_hex(secret_key, prefix)
    return Signature(prefix, canonical, signing_key, _hmac_hex(signing_key, canonical))


def timestamp(at: datetime) -> str:
    """Return *at* in UTC as `yyyy-MM-ddTHH:mm:ss.SSSZ`; raises ValueError when it has no time zone."""
    if at.tzinfo is None:
        raise ValueError("an instant without a time zone cannot be signed")
    return iso_milliseconds(at)


def parse_timestamp(text: str) -> datetime:
    """Return the instant that *text* spells, the inverse of `timestamp`: aware, in UTC.

    Raises ValueError on every other spelling, even where ISO 8601 would allow it.
    """
    if not _TIMESTAMP.fullmatch(text):
        raise ValueError("a timestamp is written yyyy-MM-ddTHH:mm:ss.SSSZ")
    return datetime.fromisoformat(text)


def _hmac_hex(key: str, message: str) -> str:
    return hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest()

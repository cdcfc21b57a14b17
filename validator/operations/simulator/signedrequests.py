"""Verifies requests to the cloud's signed interfaces, by the documents alone: without this project's signer.

    Authorization: auth-v2/{access key}/{time}/{names of the signed headers}/{signature}

The signed headers include `host`, and with a body its `content-length` and `content-type`. The time is in
UTC, with or without milliseconds. A check takes the request as it arrived.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote_plus

_PARTS = 5
_TIMES = ("%Y-%m-%dT%H:%M:%S.%fZ", "%Y-%m-%dT%H:%M:%SZ")


class RequestRefused(Exception):  # noqa: N818 - an outcome
    """The request is not signed by a known key, as a whole and now; the text says what differs."""


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived: its target with the query, its headers by their names in small letters."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def signer_of(request: Received, keys: Mapping[str, str], now: datetime, skew: timedelta) -> str:
    """Return the access key that signed *request*; *keys* are the secret keys by the access keys.

    Raises RequestRefused, for a time more than *skew* from *now*, too.
    """
    parts = request.headers.get("authorization", "").split("/")
    if len(parts) != _PARTS or parts[0] != "auth-v2":
        raise RequestRefused("the Authorization is not auth-v2/AK/time/headers/signature")
    _, access_key, stamp, names, signature = parts
    if access_key not in keys:
        raise RequestRefused("the access key is unknown; is it API Fabric's?")
    if abs(_instant(stamp) - now) > skew:
        raise RequestRefused("the time of the signature differs too much")
    _check_names(names.split(";"), request)
    prefix = "/".join(parts[:-1])
    signing_key = _mac(keys[access_key], prefix)
    if not hmac.compare_digest(_mac(signing_key, _text(request, names)).encode(), signature.encode()):
        raise RequestRefused("the signature is of another secret key or of another request")
    return access_key


def _instant(stamp: str) -> datetime:
    for form in _TIMES:
        try:
            return datetime.strptime(stamp, form).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise RequestRefused("the time of the signature is malformed")


def _check_names(names: list[str], request: Received) -> None:
    needed = {"host"} | ({"content-length", "content-type"} if request.body else set())
    if missing := sorted(needed - {*names}):
        raise RequestRefused(f"the signature does not cover {', '.join(missing)}")
    if names != sorted(set(names)) or not all(name in request.headers for name in names):
        raise RequestRefused("the signed headers are not sorted, or one is not there")


def _text(request: Received, names: str) -> str:
    """Return the text that is signed: method, path, query, names, headers, body."""
    path, _, query = request.target.partition("?")
    headers = sorted(f"{_coded(name)}:{_coded(request.headers[name].strip())}" for name in names.split(";"))
    lines = [request.method, path, *([_query(query)] if query else []), names, *headers]
    return "\n".join([*lines, quote(request.body, safe="")])


def _query(query: str) -> str:
    pairs = (pair.partition("=") for pair in query.split("&"))
    return "&".join(
        sorted(f"{_coded(unquote_plus(name))}={_coded(unquote_plus(value))}" for name, _, value in pairs)
    )


def _coded(text: str) -> str:
    return quote(text, safe="")


def _mac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()

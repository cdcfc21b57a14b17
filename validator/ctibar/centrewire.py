"""The other call centre's requests and responses, within bounds.

    POST /api/v1/base/auth             {"username", "password": MD5 in small hexadecimal digits}
    POST /api/v1/thirdparty/makecall   {"callee"}, x-token: the token; the caller is the token's extension
    200                                {"code": 0, "data": {…}, "msg"}; any other code is a refusal

`data` of a login has `extNo`, `token` and `expiresAt` (epoch seconds), of a call `callId`. A token that has
ended is refused with code 7 and `data.reload`. A response may renew the token by the headers `new-token` and
`new-expires-at`. `msg` is never shown, logged or stored: it may quote the request.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from validator.clock import EPOCH
from validator.errors import Reason, Refusal
from validator.untrusted import read_object

AUTH_PATH, CALL_PATH = "/api/v1/base/auth", "/api/v1/thirdparty/makecall"
MAX_TOKEN, MAX_EXTENSION, MAX_CALL = 4096, 16, 64
MAX_USERNAME = 64
LOGIN_REFUSED = "the call centre refuses the linked account: ask for its password to be linked again"
CALL_REFUSED = "the call centre did not make the call: sign in at the bar, set yourself busy, and try again"
MAX_LIFETIME = timedelta(hours=24)  # of a token, whatever the centre says; its document has 12 hours
_TOKEN = re.compile(rf"[!-~]{{1,{MAX_TOKEN}}}", re.ASCII)
_EXTENSION = re.compile(rf"[0-9]{{1,{MAX_EXTENSION}}}", re.ASCII)
_CALL = re.compile(rf"[A-Za-z0-9._:-]{{1,{MAX_CALL}}}", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
_DIGEST = re.compile(r"[0-9a-f]{32}", re.ASCII)


class TokenEnded(Exception):  # noqa: N818 - an outcome
    """The centre does not know the token any more."""


@dataclass(frozen=True, slots=True)
class CentreLogin:
    """A login at the centre: the token, the agent's extension there, and the token's end."""

    token: str = field(repr=False)
    extension: str
    expires_at: datetime

    @property
    def end(self) -> int:
        """The token's end in whole seconds since 1970."""
        return (self.expires_at - EPOCH) // timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Placed:
    """A call that the centre makes, and the token and its end that replace those of the request, if any."""

    call_id: str
    renewed: tuple[str, datetime] | None = field(default=None, repr=False)


def digest_of(password: str) -> str:
    """Return the unsalted MD5 of *password*, which the protocol demands: it logs in like the password."""
    return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()


def is_digest(text: str) -> bool:
    """Return whether *text* is such a form."""
    return bool(_DIGEST.fullmatch(text))


def login_body(username: str, digest: str) -> bytes:
    """Return the request of a login."""
    return orjson.dumps({"username": username, "password": digest})


def call_body(callee: str) -> bytes:
    """Return the request of a call."""
    return orjson.dumps({"callee": callee})


def parse_login(body: bytes, now: datetime) -> CentreLogin:
    """Return the login in *body*, whose end is at most a day from *now*.

    Raises Refusal(CENTRE_REFUSED) for a code other than 0, and ValueError, which quotes nothing.
    """
    try:
        data = _data(body, LOGIN_REFUSED)
    except TokenEnded:
        raise Refusal(Reason.CENTRE_REFUSED, LOGIN_REFUSED) from None
    token, extension, seconds = data.get("token"), data.get("extNo"), data.get("expiresAt")
    if not _is(_TOKEN, token):
        raise ValueError("data.token is not printable text of at most 4096 characters")
    if not _is(_EXTENSION, extension):
        raise ValueError("data.extNo is not digits")
    if type(seconds) is not int:
        raise ValueError("data.expiresAt is not an integer")
    return CentreLogin(str(token), str(extension), _end(seconds, now))


def parse_call(body: bytes, headers: Mapping[str, str], now: datetime) -> Placed:
    """Return the call in *body*; raises as `parse_login`, and TokenEnded."""
    data = _data(body, CALL_REFUSED)
    call_id = data.get("callId")
    if not _is(_CALL, call_id):
        raise ValueError("data.callId is not an id of a call")
    return Placed(str(call_id), _renewed(headers, now))


def _renewed(headers: Mapping[str, str], now: datetime) -> tuple[str, datetime] | None:
    """Return the token and its end in *headers*; None unless both are usable."""
    token, seconds = headers.get("new-token"), headers.get("new-expires-at", "")
    if not _is(_TOKEN, token) or not _SECONDS.fullmatch(seconds):
        return None
    try:
        return str(token), _end(int(seconds), now)
    except ValueError:
        return None


def _data(body: bytes, refused: str) -> dict[str, Any]:
    """Return the member `data` of a response with code 0; *refused* is the detail of a refusal."""
    try:
        content = read_object(body)
    except Refusal as refusal:
        raise ValueError(refusal.detail or "is unreadable") from None
    code, data = content.get("code"), content.get("data")
    data = data if isinstance(data, dict) else {}
    if type(code) is not int:
        raise ValueError("code is not an integer")
    if code and data.get("reload") is True:
        raise TokenEnded
    if code:
        raise Refusal(Reason.CENTRE_REFUSED, refused)
    return data


def _end(seconds: int, now: datetime) -> datetime:
    """Return the instant *seconds* after 1970, at most a day from *now*; raises ValueError if it is past."""
    last = (now + MAX_LIFETIME).replace(microsecond=0)
    end = EPOCH + timedelta(seconds=min(max(seconds, 0), int((last - EPOCH).total_seconds())))
    if end <= now:
        raise ValueError("data.expiresAt is past: compare the clocks")
    return end


def _is(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None

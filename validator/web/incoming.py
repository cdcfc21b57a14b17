"""What a view may use of its request: the exchange, the body, the credentials, the page's origin."""

from collections.abc import Mapping
from typing import Any

from flask import request
from werkzeug.wsgi import get_content_length

from validator.errors import Reason, Refusal
from validator.exchange import Exchange
from validator.origins import is_from_allowed_page
from validator.tokens.authentication import Credentials
from validator.untrusted import read_form, read_object
from validator.web import middleware
from validator.web.forwarded import own_origin
from validator.web.gunicorn_internals import parse_errors
from validator.web.policy import ServerPolicy

SESSION_COOKIE = "__Host-validator-session"
POP_COOKIE = "__Host-validator-pop"
GUEST_COOKIE = "__Host-validator-guest"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
CUT_OFF = "the body ended early, or is not in chunks as it says"
_OF_BROWSERS = ("Cookie", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest")
_SAFE_METHODS = ("GET", "HEAD")
_MAX_COOKIE = 1024


def exchange() -> Exchange:
    """Return the exchange of the present request, which decisions take as an argument."""
    return middleware.exchange_of(request.environ)


def body(maximum: int | None = None) -> bytes:
    """Return the body, whatever its Content-Type; raises Refusal when it is too large or cut off.

    Without a *maximum* of bytes that of the settings holds.
    """
    allowed = request.max_content_length or 0
    return read_body(request.environ, allowed if maximum is None else min(maximum, allowed))


def read_body(environ: dict[str, Any], maximum: int) -> bytes:
    """Return the body of the request in *environ* (PEP 3333), of at most *maximum* bytes; raises Refusal."""
    length = get_content_length(environ)
    if length is None:
        return _body_in_chunks(environ, maximum)
    if length > maximum:
        raise Refusal(Reason.BODY_TOO_LARGE)
    content = _read(environ, length)
    if len(content) != length:
        raise Refusal(Reason.BODY_UNREADABLE, CUT_OFF)
    return content


def _body_in_chunks(environ: Mapping[str, Any], maximum: int) -> bytes:
    """Return a body without a Content-Length; without chunks there is none (RFC 9112, section 6.3)."""
    if not environ.get("wsgi.input_terminated"):
        return b""
    content = _read(environ, maximum + 1)
    if len(content) > maximum:
        raise Refusal(Reason.BODY_TOO_LARGE)
    return content


def _read(environ: Mapping[str, Any], size: int) -> bytes:
    try:
        content: bytes = environ["wsgi.input"].read(size)
    except (OSError, ValueError, parse_errors.ParseException):
        raise Refusal(Reason.BODY_UNREADABLE, CUT_OFF) from None
    return content


def json_object(maximum: int | None = None) -> dict[str, Any]:
    """Return the JSON object in the body; raises Refusal for anything else, or another Content-Type.

    *maximum* is that of `body`.
    """
    if request.mimetype != JSON:
        raise Refusal(Reason.MEDIA_TYPE_UNSUPPORTED, f"the Content-Type must be {JSON}")
    return read_object(body(maximum))


def form_or_json_object() -> dict[str, Any]:
    """Return the fields of a form (RFC 7009, 7662) or of a JSON object; raises Refusal."""
    return read_form(body()) if request.mimetype == FORM else json_object()


def page_origin() -> str | None:
    """Return the origin of the page that sent the request, as the browser states it."""
    return request.headers.get("Origin")


def credentials() -> Credentials:
    """Return the credentials of the caller; a request with any `Authorization` is one of a client."""
    session, pop = cookie(SESSION_COOKIE), cookie(POP_COOKIE)
    header = request.headers.get("Authorization")
    if header is None:
        is_browser = any(name in request.headers for name in _OF_BROWSERS)
        return Credentials(presented_session=session, presented_pop=pop, is_browser=is_browser)
    # werkzeug's parser raises an unrelated error for a header that is not ASCII.
    basic = request.authorization if header.isascii() else None
    if basic is None or basic.type != "basic":
        return Credentials("", "", session)
    return Credentials(basic.username or "", basic.password or "", session)


def check_page(policy: ServerPolicy) -> None:
    """Raise Refusal when another site's page made the browser send the request (CSRF)."""
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if request.method not in _SAFE_METHODS and not is_from_allowed_page(
        page_origin(), fetch_site, own=own_origin(policy), allowed=policy.public_origins
    ):
        raise Refusal(Reason.ORIGIN_DENIED)


def cookie(name: str) -> str | None:
    """Return the value of the cookie *name*, if it may be one of this server."""
    value = request.cookies.get(name)
    return value if value and len(value) <= _MAX_COOKIE and value.isascii() else None

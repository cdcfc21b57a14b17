"""What a view may know of its request: the body, read strictly; the caller's proof; the page's origin."""

from typing import Any

from flask import request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

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
GUEST_COOKIE = "__Host-validator-guest"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
CUT_OFF = "the body ended early, or is not in chunks as it says"
RAISED = "validator.raised"  # in the WSGI environment: what was raised before Flask was asked
_OF_BROWSERS = ("Cookie", "Origin", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest")
_SAFE_METHODS = ("GET", "HEAD")
_MAX_COOKIE = 1024


def go_on() -> None:
    """Raise what was raised on the way here (`web.shortway`)."""
    error: Exception | None = request.environ.get(RAISED)
    if error is not None:
        raise error


def exchange() -> Exchange:
    """Return the exchange that decisions about the present request need."""
    return middleware.exchange_of(request.environ)


def body() -> bytes:
    """Return the body, whatever its Content-Type; raises Refusal when it is too large or cut off."""
    try:
        content = request.get_data(cache=False, parse_form_data=False)
        # Of a chunked body that is too large, werkzeug gives the beginning and no error.
        is_chunked = request.content_length is None and request.environ.get("wsgi.input_terminated")
        if is_chunked and request.environ["wsgi.input"].read(1):
            raise Refusal(Reason.BODY_TOO_LARGE)
        return content
    except RequestEntityTooLarge:
        raise Refusal(Reason.BODY_TOO_LARGE) from None
    except (ClientDisconnected, OSError, parse_errors.ParseException):
        raise Refusal(Reason.BODY_UNREADABLE, CUT_OFF) from None


def json_object() -> dict[str, Any]:
    """Return the JSON object in the body; raises Refusal when it is not one, or not said to be JSON."""
    if request.mimetype != JSON:
        raise Refusal(Reason.MEDIA_TYPE_UNSUPPORTED, f"the Content-Type must be {JSON}")
    return read_object(body())


def form_or_json_object() -> dict[str, Any]:
    """Return the fields of a form (RFC 7009, 7662) or of a JSON object; raises Refusal."""
    return read_form(body()) if request.mimetype == FORM else json_object()


def page_origin() -> str | None:
    """Return the origin that the browser says the page is of."""
    return request.headers.get("Origin")


def credentials() -> Credentials:
    """Return what proves the caller; whoever sends any `Authorization` is meant to be a client."""
    session = cookie(SESSION_COOKIE)
    header = request.headers.get("Authorization")
    if header is None:
        is_browser = any(name in request.headers for name in _OF_BROWSERS)
        return Credentials(presented_session=session, is_browser=is_browser)
    # werkzeug's reader of this header takes what is not ASCII for an error of its own.
    basic = request.authorization if header.isascii() else None
    if basic is None or basic.type != "basic":
        return Credentials("", "", session)
    return Credentials(basic.username or "", basic.password or "", session)


def check_page(policy: ServerPolicy) -> None:
    """Raise Refusal when another site's page sends the browser here (CSRF)."""
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if request.method not in _SAFE_METHODS and not is_from_allowed_page(
        page_origin(), fetch_site, own=own_origin(policy), allowed=policy.public_origins
    ):
        raise Refusal(Reason.ORIGIN_DENIED)


def cookie(name: str) -> str | None:
    """Return the value of the cookie *name*, if it may be one of ours."""
    value = request.cookies.get(name)
    return value if value and len(value) <= _MAX_COOKIE and value.isascii() else None

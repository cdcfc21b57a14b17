"""What a view may know of its request: the body, read strictly; the caller's proof; the page's origin."""

from typing import Any

from flask import request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from validator.errors import Reason, Refusal
from validator.origins import is_from_allowed_page
from validator.untrusted import read_form, read_object
from validator.web.callers import Credentials

SESSION_COOKIE = "__Host-validator-session"
GUEST_COOKIE = "__Host-validator-guest"
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_SAFE_METHODS = ("GET", "HEAD")
_LONGEST_COOKIE = 1024


def body() -> bytes:
    """Return the body, whatever its Content-Type; raises Refusal when it is too large or cut off."""
    try:
        return request.get_data(cache=False, parse_form_data=False)
    except RequestEntityTooLarge:
        raise Refusal(Reason.BODY_TOO_LARGE) from None
    except (ClientDisconnected, OSError):
        raise Refusal(Reason.BODY_UNREADABLE, "the body ended early") from None


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


def guest_cookie() -> str | None:
    """Return the guest cookie's value, if it may be one of ours."""
    return _cookie(GUEST_COOKIE)


def credentials() -> Credentials:
    """Return what the request carries to prove its caller."""
    basic = request.authorization
    session = _cookie(SESSION_COOKIE)
    if basic is None or basic.type != "basic":
        return Credentials(presented_session=session)
    return Credentials(basic.username or "", basic.password or "", session)


def check_page(public_origins: tuple[str, ...]) -> None:
    """Raise Refusal when another site's page sends the browser here (CSRF)."""
    own = f"{request.scheme}://{request.host}"
    allowed = (own, *public_origins)
    fetch_site = request.headers.get("Sec-Fetch-Site")
    if request.method not in _SAFE_METHODS and not is_from_allowed_page(page_origin(), fetch_site, allowed):
        raise Refusal(Reason.ORIGIN_DENIED)


def _cookie(name: str) -> str | None:
    value = request.cookies.get(name)
    return value if value and len(value) <= _LONGEST_COOKIE and value.isascii() else None

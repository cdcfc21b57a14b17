"""What the reverse proxy in front says of a request, believed only when it comes from there.

The proxy overwrites these headers: `X-Forwarded-For` (its last entry is the address the proxy saw),
`X-Forwarded-Proto`, `X-Request-ID`, and `X-Client-Verify` (nginx's `$ssl_client_verify`). On a unix socket
whoever may open it is the proxy; on a TCP bind its address must lie in `server.proxy_networks`.
"""

import re
from ipaddress import ip_address
from uuid import uuid4

from flask import request

from validator.audit.events import Exchange
from validator.networks import is_in
from validator.web.policy import ServerPolicy

UNKNOWN_SOURCE = "unknown"
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)


def exchange(policy: ServerPolicy) -> Exchange:
    """Return which request this is, and where it came from."""
    trusted = _is_from_proxy(policy)
    return Exchange(
        _request_id(trusted=trusted),
        _source(trusted=trusted),
        policy.role,
        is_certified=trusted and request.headers.get("X-Client-Verify") == "SUCCESS",
    )


def own_origin(policy: ServerPolicy) -> str:
    """Return the origin that this request was sent to, as the browser sees it."""
    scheme = request.scheme
    if _is_from_proxy(policy):
        scheme = "http" if request.headers.get("X-Forwarded-Proto") == "http" else "https"
    return f"{scheme}://{request.host}"


def _is_from_proxy(policy: ServerPolicy) -> bool:
    if policy.trusted_proxies == 0:
        return False
    return policy.is_unix or is_in(request.remote_addr or "", policy.proxy_networks)


def _request_id(*, trusted: bool) -> str:
    presented = request.headers.get("X-Request-ID", "") if trusted else ""
    return presented if _REQUEST_ID.fullmatch(presented) else uuid4().hex


def _source(*, trusted: bool) -> str:
    """Return the caller's address; behind the proxy the one it saw, which is the last it wrote."""
    presented = request.remote_addr or ""
    if trusted:
        presented = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    try:
        return str(ip_address(presented))
    except ValueError:
        return UNKNOWN_SOURCE

"""The headers of the reverse proxy about a request, trusted only when the proxy sent them.

The proxy overwrites these headers: `X-Forwarded-For` (its last entry is the address the proxy saw),
`X-Forwarded-Proto`, `X-Request-ID`, and `X-Client-Verify` (nginx's `$ssl_client_verify`). On a unix socket
every process that may open it counts as the proxy; on TCP its address must be in `server.proxy_networks`.
"""

import random
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import structlog
from flask import request

from validator.exchange import Exchange
from validator.metrics.instruments import UNREADABLE_SOURCES, child
from validator.networks import CACHED_ADDRESSES, address_of, forwarded_address_of, is_in
from validator.web.policy import ServerPolicy

# With the first nginx announces that it sets the status 200 itself. It drops the body of a response that it
# replaces, and takes the second instead.
STATUS_HEADER, ANSWER_HEADER = "X-Validator-Status", "X-Validator-Answer"
_STATUS_VARIABLE = f"HTTP_{STATUS_HEADER.upper().replace('-', '_')}"
UNKNOWN_SOURCE = "unknown"
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)

log = structlog.get_logger("validator.proxy")


def exchange(policy: ServerPolicy, environ: Mapping[str, Any]) -> Exchange:
    """Return the exchange of the request in *environ* (PEP 3333)."""
    trusted = is_from_proxy(policy, environ)
    return Exchange(
        _request_id(environ, trusted=trusted),
        _forwarded_source(policy, environ) if trusted else _address(environ.get("REMOTE_ADDR", "")),
        policy.role,
        is_certified=trusted and environ.get("HTTP_X_CLIENT_VERIFY") == "SUCCESS",
    )


def own_origin(policy: ServerPolicy) -> str:
    """Return the origin that this request was sent to, as the browser sees it."""
    scheme = request.scheme
    if is_from_proxy(policy, request.environ):
        scheme = "http" if request.headers.get("X-Forwarded-Proto") == "http" else "https"
    return f"{scheme}://{request.host}"


def sets_callback_status(policy: ServerPolicy, environ: Mapping[str, Any]) -> bool:
    """Return whether the proxy in front wants the true status of a response to the cloud."""
    return is_from_proxy(policy, environ) and environ.get(_STATUS_VARIABLE) == "true"


def is_from_proxy(policy: ServerPolicy, environ: Mapping[str, Any]) -> bool:
    """Return whether the trusted proxy sent the request in *environ* (PEP 3333)."""
    if policy.trusted_proxies == 0:
        return False
    return policy.is_unix or is_in(environ.get("REMOTE_ADDR", ""), policy.proxy_networks)


def _request_id(environ: Mapping[str, Any], *, trusted: bool) -> str:
    presented = environ.get("HTTP_X_REQUEST_ID", "") if trusted else ""
    # An id needs no secure randomness; a call for that lets the interpreter switch to another thread.
    return presented if _REQUEST_ID.fullmatch(presented) else f"{random.getrandbits(128):032x}"


def _forwarded_source(policy: ServerPolicy, environ: Mapping[str, Any]) -> str:
    """Return the address that the proxy saw, the last one in its header.

    Callers with a malformed address share one bucket of every limit; that is logged once and counted.
    """
    presented = environ.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
    source = _forwarded(presented)
    if source == UNKNOWN_SOURCE and presented:
        child(UNREADABLE_SOURCES, policy.role).inc()
        _say_once()
    return source


@lru_cache(CACHED_ADDRESSES)
def _forwarded(presented: str) -> str:
    return str(forwarded_address_of(presented) or UNKNOWN_SOURCE)


@lru_cache(CACHED_ADDRESSES)
def _address(presented: str) -> str:
    return str(address_of(presented) or UNKNOWN_SOURCE)


@lru_cache(1)
def _say_once() -> None:
    # Never what was presented: a caller may have written it.
    log.warning("the proxy's X-Forwarded-For does not end in an address: these callers share one bucket")

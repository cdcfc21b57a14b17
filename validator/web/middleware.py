"""What happens around every request: its id, where it came from, its log line, its headers."""

import re
from ipaddress import ip_address
from uuid import uuid4

import structlog
from flask import Flask, Response, g, request

from validator.audit.events import Exchange, current_exchange
from validator.clock import stopwatch
from validator.web.policy import ServerPolicy

UNKNOWN_SOURCE = "unknown"
_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}", re.ASCII)
_LONGEST_LOGGED_PATH = 256
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

log = structlog.get_logger("validator.access")


def install(app: Flask, policy: ServerPolicy) -> None:
    """Let *app* know each request's id and source, answer with the id and safe headers, and log a line."""

    @app.before_request
    def begin() -> None:
        g.began = stopwatch()
        is_proxied = policy.trusted_proxies == 1
        exchange = Exchange(_request_id(trusted=is_proxied), _source(trusted=is_proxied), policy.role)
        current_exchange.set(exchange)

    @app.after_request
    def end(reply: Response) -> Response:
        exchange = current_exchange.get()
        reply.headers.setdefault("X-Request-ID", exchange.request_id)
        for name, value in _HEADERS.items():
            reply.headers.setdefault(name, value)
        log.info(
            "request",
            request_id=exchange.request_id,
            source=exchange.source,
            method=request.method,
            path=request.path[:_LONGEST_LOGGED_PATH],
            status=reply.status_code,
            milliseconds=round((stopwatch() - g.began) * 1000, 2),
        )
        return reply


def _request_id(*, trusted: bool) -> str:
    presented = request.headers.get("X-Request-ID", "") if trusted else ""
    return presented if _REQUEST_ID.fullmatch(presented) else uuid4().hex


def _source(*, trusted: bool) -> str:
    """Return the caller's address; behind a trusted proxy the one it saw, which is the last it wrote."""
    presented = request.remote_addr or ""
    if trusted:
        presented = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    try:
        return str(ip_address(presented))
    except ValueError:
        return UNKNOWN_SOURCE

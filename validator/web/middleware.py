"""What runs around every request: its id and source, its log line, its headers."""

from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, Response, request

from validator.clock import stopwatch
from validator.exchange import Exchange, current_exchange
from validator.metrics.instruments import REQUEST_SECONDS, child
from validator.web import forwarded
from validator.web.policy import ServerPolicy

_MAX_LOGGED_PATH = 256
NO_ROUTE = "none"
_BEGUN = "validator.begun"  # in the WSGI environment
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)

log = structlog.get_logger("validator.access")


def install(app: Flask, policy: ServerPolicy) -> None:
    """Give each request of *app* an exchange, its response safe headers, and record it."""

    @app.before_request
    def begin_request() -> None:
        begin(policy, request.environ)

    @app.after_request
    def end(reply: Response) -> Response:
        return finish(reply, request.environ, request.method, request.path, request.endpoint)


def begin(policy: ServerPolicy, environ: dict[str, Any]) -> tuple[Exchange, float]:
    """Return the exchange of the request in *environ* (PEP 3333), and when it began by the stopwatch.

    From then on entries of the trail have this exchange.
    """
    began = stopwatch()
    exchange = forwarded.exchange(policy, environ)
    environ[_BEGUN] = exchange, began
    current_exchange.set(exchange)
    return exchange, began


def exchange_of(environ: Mapping[str, Any]) -> Exchange:
    """Return the exchange of a request after `begin`."""
    exchange: Exchange = environ[_BEGUN][0]
    return exchange


def finish(
    reply: Response, environ: Mapping[str, Any], method: str, path: str, endpoint: str | None
) -> Response:
    """Record the request, and return *reply* with the headers that every response has."""
    exchange, began = environ[_BEGUN]
    for name, value in headers(exchange):
        reply.headers.setdefault(name, value)
    record(exchange, method, path, endpoint, reply.status_code, began)
    return reply


def headers(exchange: Exchange) -> list[tuple[str, str]]:
    """Return the headers that every response has."""
    return [("X-Request-ID", exchange.request_id), *_HEADERS]


def record(
    exchange: Exchange, method: str, path: str, endpoint: str | None, status: int, began: float
) -> None:
    """Count and log a request that *began* at that time of the stopwatch and gets its response now."""
    seconds = stopwatch() - began
    child(REQUEST_SECONDS, endpoint or NO_ROUTE, str(status)).observe(seconds)
    log.info(
        "request",
        request_id=exchange.request_id,
        source=exchange.source,
        method=method,
        path=path[:_MAX_LOGGED_PATH],
        status=status,
        milliseconds=round(seconds * 1000, 2),
    )

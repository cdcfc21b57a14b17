"""What runs around every request: its id and source, its log line, its headers."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flask import Flask, Response, request

from validator.callbacks.wire import plain_path
from validator.clock import stopwatch
from validator.exchange import Exchange, current_exchange
from validator.metrics.instruments import REQUEST_SECONDS, child
from validator.web import forwarded
from validator.web.logs import request_log
from validator.web.policy import IntegrationRoute, ServerPolicy

_MAX_LOGGED_PATH = 256
NO_ROUTE = "none"
_BEGUN = "validator.begun"  # in the WSGI environment
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)

log = request_log


class Served(NamedTuple):
    """A request that gets its response: its endpoint, if any, and when it *began* by the stopwatch."""

    exchange: Exchange
    method: str
    path: str
    endpoint: str | None
    status: int
    began: float


def install(app: Flask, policy: ServerPolicy) -> None:
    """Give each request of *app* an exchange, its response safe headers, and record it."""

    @app.before_request
    def begin_request() -> None:
        began = stopwatch()
        request.environ[_BEGUN] = begin(policy, request.environ), began

    @app.after_request
    def end(reply: Response) -> Response:
        exchange, began = request.environ[_BEGUN]
        for name, value in headers(exchange):
            reply.headers.setdefault(name, value)
        path = shown_path(request.path, policy.integrations)
        record(Served(exchange, request.method, path, request.endpoint, reply.status_code, began))
        return reply


def begin(policy: ServerPolicy, environ: Mapping[str, Any]) -> Exchange:
    """Return the exchange of the request in *environ*; entries of the trail have it from then on."""
    exchange = forwarded.exchange(policy, environ)
    current_exchange.set(exchange)
    return exchange


def exchange_of(environ: Mapping[str, Any]) -> Exchange:
    """Return the exchange of Flask's present request, in its *environ*."""
    exchange: Exchange = environ[_BEGUN][0]
    return exchange


def shown_path(path: str, routes: Iterable[IntegrationRoute]) -> str:
    """Return *path* for the log: of one below a route with a secret segment, only the route's path."""
    plain = plain_path(path)
    return next((route.path for route in routes if route.is_above(plain)), path)


def headers(exchange: Exchange) -> list[tuple[str, str]]:
    """Return the headers that every response has."""
    return [("X-Request-ID", exchange.request_id), *_HEADERS]


def record(*served: Served) -> None:
    """Count and log requests that get their responses now."""
    log.info_each("request", [_counted(each) for each in served])


def _counted(served: Served) -> dict[str, Any]:
    """Count a request; return the members of its line in the log."""
    exchange, method, path, endpoint, status, began = served
    seconds = stopwatch() - began
    child(REQUEST_SECONDS, endpoint or NO_ROUTE, str(status)).observe(seconds)
    return {
        "request_id": exchange.request_id,
        "source": exchange.source,
        "method": method,
        "path": path[:_MAX_LOGGED_PATH],
        "status": status,
        "milliseconds": round(seconds * 1000, 2),
    }

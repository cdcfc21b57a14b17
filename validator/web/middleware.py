"""What happens around every request: its id, where it came from, its log line, its headers."""

import structlog
from flask import Flask, Response, g, request

from validator.audit.events import current_exchange
from validator.clock import stopwatch
from validator.metrics.instruments import REQUEST_SECONDS, child
from validator.web import proxy
from validator.web.policy import ServerPolicy

_LONGEST_LOGGED_PATH = 256
NO_ROUTE = "none"
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
        current_exchange.set(proxy.exchange(policy))

    @app.after_request
    def end(reply: Response) -> Response:
        exchange = current_exchange.get()
        reply.headers.setdefault("X-Request-ID", exchange.request_id)
        for name, value in _HEADERS.items():
            reply.headers.setdefault(name, value)
        seconds = stopwatch() - g.began
        child(REQUEST_SECONDS, request.endpoint or NO_ROUTE, str(reply.status_code)).observe(seconds)
        log.info(
            "request",
            request_id=exchange.request_id,
            source=exchange.source,
            method=request.method,
            path=request.path[:_LONGEST_LOGGED_PATH],
            status=reply.status_code,
            milliseconds=round(seconds * 1000, 2),
        )
        return reply

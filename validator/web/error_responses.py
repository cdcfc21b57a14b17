"""Turns every exception into a response, for Flask's error handler and for the fast path.

A refusal is an outcome and is not logged here. A fault is logged with its reason and its cause, an unforeseen
error with its type and its frames, never with its message, which may contain a secret. Both are counted. The
response has the shape that its path promises: the cloud's, or a problem (RFC 9457).
"""

from collections.abc import Mapping
from typing import Any

import structlog
from flask import Response
from flask_limiter import RateLimitExceeded
from werkzeug.exceptions import HTTPException, InternalServerError

from validator.callbacks.wire import CallbackPolicy
from validator.causes import cause_name
from validator.errors import Fault, Reason, Refusal, ValidatorError
from validator.exchange import Exchange
from validator.limits.rate_limits import RateLimits
from validator.metrics.instruments import FAULTS, child
from validator.web import middleware
from validator.web.integrationreplies import IntegrationReplies
from validator.web.logs import frames
from validator.web.replies import (
    CallbackReplies,
    PlainResponse,
    flask_response,
    plain_response,
    problem_reply,
)

log = structlog.get_logger("validator.app")

_REASON_OF_STATUS = {
    404: Reason.ROUTE_UNKNOWN,
    405: Reason.METHOD_UNKNOWN,
    413: Reason.BODY_TOO_LARGE,
    415: Reason.MEDIA_TYPE_UNSUPPORTED,
}


class ErrorResponses:
    """Responds to errors."""

    def __init__(
        self,
        routes: CallbackPolicy,
        replies: CallbackReplies,
        integrations: IntegrationReplies,
        rate_limits: RateLimits,
    ) -> None:
        self._routes, self._replies, self._integrations = routes, replies, integrations
        self._rate_limits = rate_limits

    def respond(self, error: Exception, environ: Mapping[str, Any]) -> Response:
        """Return Flask's response to the request in *environ* that raised *error*; log and count a fault."""
        exchange = middleware.exchange_of(environ)
        reply = flask_response(self.response(error, environ, exchange))
        reply.headers.extend(_allowed(error))
        return reply

    def response(self, error: Exception, environ: Mapping[str, Any], exchange: Exchange) -> PlainResponse:
        """Return the response to *error*, in the shape of the path in *environ*; log and count a fault."""
        known = self._known(error, exchange)
        if self._routes.is_callback(environ.get("PATH_INFO", "")):
            return self._replies.refusal(environ, known.answer.value, known.detail, known.retry_after)
        shape = self._integrations.shape_of(environ.get("PATH_INFO", ""))
        if shape is not None:
            return self._integrations.refusal(known, shape)
        return plain_response(
            problem_reply(known.answer, known.detail, known.retry_after, exchange.request_id)
        )

    def _known(self, error: Exception, exchange: Exchange) -> ValidatorError:
        """Return *error* as a reason of the catalogue, without a detail that is not for the caller."""
        if isinstance(error, InternalServerError) and isinstance(error.original_exception, Exception):
            error = error.original_exception  # Flask wraps what is raised after the view
        if isinstance(error, Refusal):
            return error
        if isinstance(error, RateLimitExceeded):
            return self._rate_limits.last_refusal()
        if isinstance(error, HTTPException):
            return Refusal(_REASON_OF_STATUS.get(error.code or 500, Reason.REQUEST_INVALID))
        return _fault(error, exchange)


def _fault(error: Exception, exchange: Exchange) -> Fault:
    """Log and count *error*, and return it as a fault without its detail."""
    request_id = exchange.request_id
    if isinstance(error, Fault):
        child(FAULTS, error.reason).inc()
        cause = cause_name(error)
        log.error("fault", request_id=request_id, reason=error.reason, detail=error.detail, cause=cause)
        return Fault(error.reason, retry_after=error.retry_after)
    child(FAULTS, Reason.FAULT).inc()
    log.critical("unforeseen error", request_id=request_id, error=type(error).__name__, frames=frames(error))
    return Fault(Reason.FAULT)


def _allowed(error: Exception) -> list[tuple[str, str]]:
    """Return the header Allow of a response to a method that the route does not have."""
    pairs = error.get_headers() if isinstance(error, HTTPException) else []
    return [pair for pair in pairs if pair[0] == "Allow"]

"""Refusals and faults on the cloud's routes of the role `integrations`: a body that each client can parse.

A query gets an empty list. A verification gets the result 3 (exception), with HTTP status 200 when this
server is at fault, because a flow may look at nothing else. An IVR flow's query gets `failed`. A pushed call
record gets the sender's own form of a failure, always with the HTTP status of it: it is the acknowledgement.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from flask import Response

from validator.callbacks.wire import plain_path
from validator.callcentre import aicc, ctibar
from validator.customerquery.wire import EMPTY
from validator.errors import ValidatorError
from validator.ivr.wire import UNKNOWN
from validator.verification.wire import UNDECIDED
from validator.web.policy import ErrorShape, IntegrationRoute
from validator.web.replies import CHALLENGE, JSON, PlainResponse, retry_headers

BODIES: Mapping[ErrorShape, bytes] = MappingProxyType(
    {
        ErrorShape.EMPTY: EMPTY,
        ErrorShape.VERIFICATION: UNDECIDED,
        ErrorShape.IVR: UNKNOWN,
        ErrorShape.CTIBAR: ctibar.FAILED,
        ErrorShape.AICC: aicc.FAILED,
    }
)
_FAULTS = 500
_OF_RECORDS = (ErrorShape.CTIBAR, ErrorShape.AICC)


def status_on(shape: ErrorShape, status: int, *, always_200: bool) -> int:
    """Return the status that is sent with an error in *shape*, in place of *status*."""
    if shape in _OF_RECORDS:
        return status
    is_result = shape is ErrorShape.VERIFICATION and status >= _FAULTS
    return 200 if always_200 or is_result else status


class IntegrationReplies:
    """Responses to failed requests on those routes of the role `integrations` that are the cloud's."""

    def __init__(self, routes: Iterable[IntegrationRoute], *, always_200: bool) -> None:
        """Know the *routes*; with *always_200*, give every response the HTTP status 200."""
        self._shapes = {route.path: route.error_shape for route in routes if route.error_shape in BODIES}
        self._always_200 = always_200

    def shape_of(self, path: str) -> ErrorShape | None:
        """Return the shape on the route that *path* is, or lies below; None where an error is a problem."""
        path = plain_path(path)
        for route, shape in self._shapes.items():
            if path == route or path.startswith(f"{route}/"):
                return shape
        return None

    def refusal(self, error: ValidatorError, shape: ErrorShape) -> PlainResponse:
        """Return the response in *shape* to a request that failed with *error*, which it does not show."""
        status, body = error.answer.value.status, BODIES[shape]
        more = [*retry_headers(status, error.retry_after), *([CHALLENGE] if status == 401 else [])]
        headers = (("Content-Type", JSON), ("Content-Length", str(len(body))))
        sent = status_on(shape, status, always_200=self._always_200)
        return PlainResponse(sent, headers, body).with_headers(more)


def cloud_reply(body: bytes) -> Response:
    """Return *body*, which is JSON."""
    return Response(body, 200, content_type=JSON)

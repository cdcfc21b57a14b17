"""The response to malformed HTTP and to requests that are too long to be read, whose route is unknown.

It is a problem (RFC 9457) that has the two fields of the cloud's callbacks as well, because the request may
have been one of them. nginx gives the same response by itself.
"""

from http import HTTPStatus
from uuid import uuid4

import orjson

from validator.errors import PublicError
from validator.web.gunicorn_internals import parse_errors
from validator.web.replies import PROBLEM_TYPE, problem

_STATUSES: dict[type[Exception], int] = {
    parse_errors.LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    parse_errors.LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    parse_errors.UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    parse_errors.ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
}


def problem_of_any_route(kind: PublicError, status: int, request_id: str) -> bytes:
    """Return the body of a response of *kind* with the HTTP *status*."""
    shape = kind.value
    members = {"retCode": int(shape.ret_code), "message": shape.title}
    return orjson.dumps(problem(kind, status, request_id) | members)


def answer(error: Exception) -> bytes:
    """Return the whole response to the request that gunicorn's *error* is about, head and body."""
    is_theirs = isinstance(error, parse_errors.ParseException)
    return response(_STATUSES.get(type(error), 400) if is_theirs else 500)


def response(code: int) -> bytes:
    """Return the whole response with the status *code* to a request that could not be read, head and body.

    It contains nothing of what was sent, because that may contain a secret.
    """
    status, request_id = HTTPStatus(code), uuid4().hex
    is_ours = status is HTTPStatus.INTERNAL_SERVER_ERROR
    body = problem_of_any_route(PublicError.FAULTY if is_ours else PublicError.MALFORMED, status, request_id)
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        "Connection: close",
        f"Content-Type: {PROBLEM_TYPE}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        f"X-Request-ID: {request_id}",
        "\r\n",
    )
    return "\r\n".join(head).encode("ascii") + body

"""The shapes of responses: JSON, text, problems (RFC 9457) and the cloud's `{retCode, message}`."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import orjson
from flask import Response

from validator.callbacks import wire
from validator.callbacks.validation import Verdict
from validator.errors import ProblemType, PublicError, RetCode
from validator.web import forwarded
from validator.web.policy import ServerPolicy

JSON = "application/json"
CHALLENGE = ("WWW-Authenticate", 'Basic realm="validator", charset="UTF-8"')
PROBLEM_TYPE = "application/problem+json"
_VERDICT_SHAPE = ProblemType(200, RetCode.ACCEPTED, wire.ACCEPTED_MESSAGE)


def json_reply(content: Mapping[str, Any], status: int = 200) -> Response:
    """Return *content* as a JSON response."""
    return Response(orjson.dumps(content), status, content_type=JSON)


def text_reply(text: str) -> Response:
    """Return *text* unchanged."""
    return Response(text, 200, content_type="text/plain; charset=utf-8")


def empty_reply(status: int = 204) -> Response:
    """Return a response without a body."""
    return Response(status=status)


def set_cookie(reply: Response, name: str, value: str, lifetime: timedelta) -> Response:
    """Return *reply*, setting a cookie that is sent only to this host, over TLS, and that no script reads."""
    reply.set_cookie(name, value, max_age=lifetime, secure=True, httponly=True, samesite="Lax", path="/")
    return reply


def set_framed_cookie(reply: Response, name: str, value: str, lifetime: timedelta) -> Response:
    """Return *reply*, setting a cookie like `set_cookie`, for a frame in a page of another site.

    The browser sends it only in frames of pages of the site that the present one is in (Partitioned, CHIPS).
    """
    reply.set_cookie(
        name,
        value,
        max_age=lifetime,
        secure=True,
        httponly=True,
        samesite="None",
        partitioned=True,
        path="/",
    )
    return reply


def forget_framed_cookie(reply: Response, name: str) -> Response:
    """Return *reply*, deleting a cookie of `set_framed_cookie`."""
    reply.delete_cookie(name, secure=True, httponly=True, samesite="None", partitioned=True, path="/")
    return reply


def forget_cookie(reply: Response, name: str) -> Response:
    """Return *reply*, deleting a cookie."""
    reply.delete_cookie(name, secure=True, httponly=True, samesite="Lax", path="/")
    return reply


def allow_page(reply: Response, origin: str | None) -> Response:
    """Return *reply*, readable by the page of *origin*, which was checked before (CORS)."""
    reply.headers["Access-Control-Allow-Origin"] = origin or ""
    reply.headers["Access-Control-Allow-Credentials"] = "true"
    reply.headers["Access-Control-Allow-Methods"] = "POST"
    reply.headers["Access-Control-Allow-Headers"] = "Content-Type, X-Requested-With"
    reply.headers["Access-Control-Max-Age"] = "600"
    reply.vary.add("Origin")
    return reply


def problem(
    answer: PublicError, status: int, request_id: str, *, detail: str | None = None
) -> dict[str, Any]:
    """Return the members of a problem (RFC 9457); `error` is OAuth's word for it, if any."""
    members = {
        "type": f"urn:validator:problem:{answer.name.lower().replace('_', '-')}",
        "title": answer.value.title,
        "status": status,
        "detail": detail,
        "instance": f"urn:validator:request:{request_id}",
        "error": answer.value.oauth_error,
    }
    return {name: value for name, value in members.items() if value is not None}


def problem_reply(
    answer: PublicError, detail: str | None, retry_after: timedelta | None, request_id: str
) -> Response:
    """Return the response to an error in the shape of RFC 9457."""
    status = answer.value.status
    body = orjson.dumps(problem(answer, status, request_id, detail=detail))
    reply = Response(body, status, content_type=PROBLEM_TYPE)
    if answer is PublicError.CLIENT_REQUIRED:
        reply.headers.extend([CHALLENGE])
    reply.headers.extend(retry_headers(status, retry_after))
    return reply


class PlainResponse(NamedTuple):
    """A response for any server interface: Flask, WSGI or ASGI."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def with_headers(self, headers: Iterable[tuple[str, str]]) -> "PlainResponse":
        """Return this response with further *headers*."""
        return PlainResponse(self.status, (*self.headers, *headers), self.body)


def flask_response(response: PlainResponse) -> Response:
    """Return *response* for Flask."""
    return Response(response.body, response.status, headers=response.headers)


def plain_response(response: Response) -> PlainResponse:
    """Return Flask's *response*."""
    return PlainResponse(response.status_code, tuple(response.headers), response.data)


class CallbackReplies:
    """Responses on the cloud's two routes; every one has `retCode` and `message`."""

    def __init__(self, *, always_200: bool, policy: ServerPolicy) -> None:
        """With *always_200*, give every response the HTTP status 200, unless the proxy of *policy* does it.

        The project's nginx does: it needs the true status, to leave out a node that is unavailable.
        """
        self._always_200, self._policy = always_200, policy
        self._verdicts = {
            shape: _callback_response(200, wire.render(shape.ret_code, shape.title))
            for shape in (_VERDICT_SHAPE, PublicError.VALIDATION_REFUSED.value)
        }

    def verdict(self, verdict: Verdict) -> PlainResponse:
        """Return the response with *verdict*; every refusal has the same bytes."""
        return self._verdicts[verdict.shape or _VERDICT_SHAPE]

    def refusal(
        self,
        environ: Mapping[str, Any],
        shape: ProblemType,
        detail: str | None = None,
        retry_after: timedelta | None = None,
    ) -> PlainResponse:
        """Return the response of *shape* to the request in *environ*; *detail* makes its message helpful."""
        message = f"{shape.title}: {detail}" if detail else shape.title
        body, status = wire.render(shape.ret_code, message), shape.status
        is_left_to_proxy = self._always_200 and forwarded.sets_callback_status(self._policy, environ)
        if self._always_200 and not is_left_to_proxy:
            status = 200
        headers = []
        if is_left_to_proxy and status != 200:
            headers.append((forwarded.ANSWER_HEADER, wire.render_ascii(shape.ret_code, message)))
        return _callback_response(status, body).with_headers([*headers, *retry_headers(status, retry_after)])


def _callback_response(status: int, body: bytes) -> PlainResponse:
    return PlainResponse(status, (("Content-Type", JSON), ("Content-Length", str(len(body)))), body)


def retry_headers(status: int, retry_after: timedelta | None) -> list[tuple[str, str]]:
    """Return the header Retry-After, in whole seconds, of a response with *status*, if it needs one."""
    if status not in (429, 503) and retry_after is None:
        return []
    seconds = max(1, -(-retry_after // timedelta(seconds=1))) if retry_after else 1
    return [("Retry-After", str(seconds))]

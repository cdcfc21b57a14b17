"""The short way of the cloud's questions: the same rooms, without Flask's dispatch.

A POST on one of the two routes, with a body that is not too long and says how long it is, gets its verdict
here. Whatever else comes goes the long way through Flask, and so does whatever is raised here: there every
refusal and every fault has its words. Without this module every answer is the same, and takes longer.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from validator.callbacks import wire
from validator.callbacks.validation import Validation
from validator.callbacks.wire import CallbackPolicy, Presentation
from validator.errors import Reason, Refusal
from validator.web import middleware
from validator.web.gunicorn_internals import parse_errors
from validator.web.incoming import CUT_OFF, RAISED
from validator.web.policy import ServerPolicy
from validator.web.replies import JSON, CallbackReplies

_LENGTH = re.compile(r"\d{1,12}", re.ASCII)

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class FastPath:
    """A WSGI application (PEP 3333) before another one, the *flask_app*."""

    def __init__(
        self,
        flask_app: Application,
        validation: Validation,
        routes: CallbackPolicy,
        policy: ServerPolicy,
        replies: CallbackReplies,
    ) -> None:
        self._flask_app, self._validation, self._policy = flask_app, validation, policy
        self._questions: Mapping[tuple[str, str], tuple[str, Callable[[bytes], Presentation]]] = {
            ("POST", routes.agent_path): ("thirdparty.third_party_validate", wire.parse_agent),
            ("POST", routes.chat_path): ("thirdparty.chat_third_party_validate", wire.parse_chat),
        }
        self._replies, self._routes = replies, routes

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or let the long way answer; there too a callback's path may have doubled slashes."""
        path = wire.plain_path(environ.get("PATH_INFO", ""))
        if self._routes.is_callback(path):
            environ["PATH_INFO"] = path
        question = self._questions.get((environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")))
        length = _length(environ)
        if question is None or not 0 <= length <= self._policy.max_body:
            return self._flask_app(environ, start_response)
        exchange, began = middleware.begin(self._policy, environ)
        endpoint, parse = question
        try:
            self._validation.check_source(exchange)
            verdict = self._validation.judge(exchange, parse(_body(environ, length)))
        except Exception as error:  # noqa: BLE001 - nothing is swallowed: the long way raises it again
            environ[RAISED] = error
            return self._flask_app(environ, start_response)
        content = self._replies.verdict_body(verdict)
        middleware.record(exchange, "POST", environ["PATH_INFO"], endpoint, 200, began)
        about = [("Content-Type", JSON), ("Content-Length", str(len(content))), *middleware.headers(exchange)]
        start_response("200 OK", about)
        return [content]


def _length(environ: Mapping[str, Any]) -> int:
    """Return how many bytes the body has; -1 when that is not said in digits, or said in chunks."""
    said = environ.get("CONTENT_LENGTH") or ""
    is_in_chunks = "HTTP_TRANSFER_ENCODING" in environ
    return int(said) if _LENGTH.fullmatch(said) and not is_in_chunks else -1


def _body(environ: Mapping[str, Any], length: int) -> bytes:
    """Return the body; raises Refusal when it is cut off, by the same mistakes as on the long way."""
    try:
        body: bytes = environ["wsgi.input"].read(length)
    except (OSError, ValueError, parse_errors.ParseException):
        raise Refusal(Reason.BODY_UNREADABLE, CUT_OFF) from None
    if len(body) != length:
        raise Refusal(Reason.BODY_UNREADABLE, CUT_OFF)
    return body

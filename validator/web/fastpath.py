"""The fast path of the cloud's requests: the same validation, without Flask's dispatch.

A POST on one of the two routes, with a Content-Length within the limit, gets its response here: a verdict, a
refusal or a fault. Every other request goes to Flask. Without this module every response would be the same
and take longer.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from werkzeug.wsgi import get_content_length

from validator.callbacks import wire
from validator.callbacks.validation import Validation
from validator.callbacks.wire import CallbackPolicy, Presentation
from validator.endpoints import Endpoint
from validator.web import middleware
from validator.web.error_responses import ErrorResponses
from validator.web.incoming import read_body
from validator.web.policy import ServerPolicy
from validator.web.replies import JSON, CallbackReplies

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
        errors: ErrorResponses,
    ) -> None:
        self._flask_app, self._validation, self._policy = flask_app, validation, policy
        self._parsers: Mapping[str, tuple[Endpoint, Callable[[bytes], Presentation]]] = {
            routes.agent_path: (Endpoint.VALIDATE_AGENT, wire.parse_agent),
            routes.chat_path: (Endpoint.VALIDATE_CHAT, wire.parse_chat),
        }
        self._replies, self._routes, self._errors = replies, routes, errors

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Respond, or let Flask respond; on both paths a callback's path may have doubled slashes."""
        path = wire.plain_path(environ.get("PATH_INFO", ""))
        route = self._parsers.get(path) if environ["REQUEST_METHOD"] == "POST" else None
        length = None if route is None else get_content_length(environ)
        if route is None or length is None or length > self._policy.max_body:
            if self._routes.is_callback(path):
                environ["PATH_INFO"] = path
            return self._flask_app(environ, start_response)
        endpoint, parse = route
        exchange, began = middleware.begin(self._policy, environ)
        try:
            verdict = self._validation.validate(exchange, lambda: parse(read_body(environ, length)))
        except Exception as error:  # noqa: BLE001 - nothing is swallowed: the response is that of Flask's handler
            response = self._errors.respond(error, environ)
            middleware.finish(response, environ, "POST", path, endpoint)
            return response(environ, start_response)
        content = self._replies.verdict_body(verdict)
        middleware.record(exchange, "POST", path, endpoint, 200, began)
        about = [("Content-Type", JSON), ("Content-Length", str(len(content))), *middleware.headers(exchange)]
        start_response("200 OK", about)
        return [content]

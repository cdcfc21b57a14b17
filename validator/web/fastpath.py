"""The fast path of the cloud's requests: the same validation, without Flask's dispatch.

`FastPath` is a function of requests on the two routes, and knows no server interface. `FastPathWsgi` calls it
in front of Flask, with one request, `web.asgi` in place of Flask, with those that arrived together. A POST
gets its response here: a verdict, a refusal or a fault. Every other request goes to Flask. Without this
module every response would be the same and take longer.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from werkzeug.http import HTTP_STATUS_CODES

from validator.callbacks import wire
from validator.callbacks.validation import Asked, Validation, Verdict
from validator.callbacks.wire import CallbackPolicy, Presentation
from validator.clock import stopwatch
from validator.endpoints import Endpoint
from validator.errors import Fault, Reason
from validator.exchange import Exchange
from validator.web import middleware
from validator.web.error_responses import ErrorResponses
from validator.web.incoming import read_body
from validator.web.middleware import Served
from validator.web.policy import ServerPolicy
from validator.web.replies import CallbackReplies, PlainResponse

StartResponse = Callable[..., Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]
_STATUS_LINES = {status: f"{status} {phrase.upper()}" for status, phrase in HTTP_STATUS_CODES.items()}


class CallbackRequest(NamedTuple):
    """A POST on one of the two routes.

    The *path* has no doubled slashes. *environ* has the request's CGI variables (RFC 3875, section 4.1):
    `REMOTE_ADDR`, and the proxy's headers as `HTTP_…`. *read* returns the body, or raises Refusal. *began* is
    the time of its arrival by the stopwatch. *is_given_up* returns whether the client already got another
    response: then nothing is recorded.
    """

    path: str
    environ: Mapping[str, Any]
    read: Callable[[], bytes]
    began: float
    is_given_up: Callable[[], bool] = lambda: False


class FastPath:
    """Responds to the cloud's requests, to those that arrived together at once."""

    def __init__(
        self,
        validation: Validation,
        routes: CallbackPolicy,
        policy: ServerPolicy,
        replies: CallbackReplies,
        errors: ErrorResponses,
    ) -> None:
        self._validation, self._policy, self._replies, self._errors = validation, policy, replies, errors
        self._parsers: Mapping[str, tuple[Endpoint, Callable[[bytes], Presentation]]] = {
            routes.agent_path: (Endpoint.VALIDATE_AGENT, wire.parse_agent),
            routes.chat_path: (Endpoint.VALIDATE_CHAT, wire.parse_chat),
        }

    def takes(self, method: str, path: str) -> bool:
        """Return whether `respond` takes a request with *method* for *path*, which has no doubled slashes."""
        return method == "POST" and path in self._parsers

    def respond(self, requests: Sequence[CallbackRequest]) -> list[PlainResponse]:
        """Return the response to each of *requests*, after they were recorded, logged and counted."""
        exchanges = [middleware.begin(self._policy, request.environ) for request in requests]
        decided = self._validation.decide([*map(self._asked, exchanges, requests)])
        for index, request in enumerate(requests):
            if request.is_given_up():
                decided[index] = Fault(Reason.OVERLOADED)
        outcomes = self._validation.record(decided)
        responses = [*map(self._response, exchanges, requests, outcomes)]
        served = zip(exchanges, requests, responses, strict=True)
        middleware.record(*(self._served(*each) for each in served if not each[1].is_given_up()))
        return [
            response.with_headers(middleware.headers(exchange))
            for exchange, response in zip(exchanges, responses, strict=True)
        ]

    def _asked(self, exchange: Exchange, request: CallbackRequest) -> Asked:
        _, parse = self._parsers[request.path]
        return Asked(exchange, lambda: parse(request.read()))

    def _response(
        self, exchange: Exchange, request: CallbackRequest, outcome: Verdict | Exception
    ) -> PlainResponse:
        """Return the response to *request* with *outcome*; it is that of Flask's handler to an error."""
        if isinstance(outcome, Verdict):
            return self._replies.verdict(outcome)
        return self._errors.response(outcome, request.environ, exchange)

    def _served(self, exchange: Exchange, request: CallbackRequest, response: PlainResponse) -> Served:
        endpoint, _ = self._parsers[request.path]
        return Served(exchange, "POST", request.path, endpoint, response.status, request.began)

    def respond_to(
        self, error: Exception, method: str, path: str, environ: Mapping[str, Any], began: float
    ) -> PlainResponse:
        """Return the response to any request that failed because of *error*; it *began* at that time."""
        exchange = middleware.begin(self._policy, environ)
        response = self._errors.response(error, environ, exchange)
        endpoint = self._parsers[path][0] if self.takes(method, path) else None
        shown = middleware.shown_path(path, self._policy.integrations)
        middleware.record(Served(exchange, method, shown, endpoint, response.status, began))
        return response.with_headers(middleware.headers(exchange))


class FastPathWsgi:
    """A WSGI application (PEP 3333): the *fast_path* before the *flask_app*."""

    def __init__(
        self, flask_app: Application, fast_path: FastPath, routes: CallbackPolicy, max_body: int
    ) -> None:
        self.flask_app, self.fast_path = flask_app, fast_path
        self._routes, self._max_body = routes, max_body

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Respond, or let Flask respond; on both paths a callback's path may have doubled slashes."""
        began, path = stopwatch(), wire.plain_path(environ.get("PATH_INFO", ""))
        if not self.fast_path.takes(environ["REQUEST_METHOD"], path):
            if self._routes.is_callback(path):
                environ["PATH_INFO"] = path
            return self.flask_app(environ, start_response)
        request = CallbackRequest(path, environ, lambda: read_body(environ, self._max_body), began)
        ((status, headers, body),) = self.fast_path.respond((request,))
        start_response(_STATUS_LINES[status], [*headers])
        return [body]

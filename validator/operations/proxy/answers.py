"""nginx's own error responses, in the form of the application's."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from markupsafe import Markup

from validator.callbacks.wire import render
from validator.errors import PublicError
from validator.web.integrationreplies import BODIES
from validator.web.policy import ErrorShape
from validator.web.replies import problem
from validator.web.unreadable import problem_of_any_route


@dataclass(frozen=True, slots=True)
class NginxAnswer:
    """One error of nginx: its internal statuses, the status that is sent, the public error, a hint."""

    statuses: tuple[int, ...]
    status: int
    kind: PublicError
    hint: str | None = None

    @property
    def name(self) -> str:
        """The last segment of the internal path that serves it."""
        return str(self.statuses[0] if self.hint else self.status)

    @property
    def problem(self) -> Markup:
        """The body (RFC 9457), with the same members as the application's problems."""
        return _quoted(orjson.dumps(problem(self.kind, self.status, "$request_id", detail=self.hint)))

    @property
    def unread(self) -> Markup:
        """The same with the callbacks' two fields, for a path that could not be read."""
        return _quoted(problem_of_any_route(self.kind, self.status, "$request_id"))

    @property
    def callback(self) -> Markup:
        """The body on the callbacks."""
        shape = self.kind.value
        return _quoted(render(shape.ret_code, f"{shape.title}: {self.hint}" if self.hint else shape.title))


# 494: header too large; 495, 496: client certificate wrong or missing; 497: plain HTTP on a port for TLS.
_ANSWERS = (
    NginxAnswer((400, 408, 411, 416), 400, PublicError.MALFORMED),
    NginxAnswer(
        (497,), 400, PublicError.MALFORMED, "this port expects HTTPS: begin the address with https://"
    ),
    NginxAnswer((412,), 412, PublicError.MALFORMED),
    NginxAnswer((414,), 414, PublicError.MALFORMED),
    NginxAnswer((421,), 421, PublicError.MALFORMED),
    NginxAnswer((494,), 431, PublicError.MALFORMED),
    NginxAnswer((501, 505), 501, PublicError.MALFORMED),
    NginxAnswer((403, 495, 496), 403, PublicError.FORBIDDEN),
    NginxAnswer((404,), 404, PublicError.NOT_FOUND),
    NginxAnswer((405,), 405, PublicError.METHOD_NOT_ALLOWED),
    NginxAnswer((413,), 413, PublicError.TOO_LARGE),
    NginxAnswer((429,), 429, PublicError.THROTTLED),
    NginxAnswer((500,), 500, PublicError.FAULTY),
    NginxAnswer((502, 503, 504), 503, PublicError.UNAVAILABLE),
)


def nginx_answers() -> tuple[NginxAnswer, ...]:
    """Return every error response of nginx."""
    return _ANSWERS


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The body of nginx's own errors on routes of one shape, and the folder that serves it."""

    name: str
    body: Markup


def error_bodies() -> Mapping[ErrorShape, ErrorBody]:
    """Return the body of each shape of the routes that the cloud requests from the role `integrations`."""
    return {shape: ErrorBody(shape.value, _quoted(body)) for shape, body in BODIES.items()}


def _quoted(body: bytes) -> Markup:
    """Return *body* as a string of nginx's configuration; nginx expands `$request_id` in it."""
    text = body.decode("ascii")
    if "'" in text or "\\" in text:
        raise ValueError("nginx would read this body differently")
    return Markup(f"'{text}'")  # noqa: S704 - quoted for nginx, and never HTML

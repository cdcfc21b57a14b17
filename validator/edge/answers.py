"""What nginx answers by itself, in the shape that the application's answers have."""

from dataclasses import dataclass

from markupsafe import Markup

from validator.errors import Answer
from validator.thirdparty.wire import render
from validator.web.unreadable import problem_of_any_route


@dataclass(frozen=True, slots=True)
class DoorAnswer:
    """One error of nginx: its own numbers for it, the status that is answered, and the kind of answer."""

    statuses: tuple[int, ...]
    status: int
    kind: Answer
    always_200: bool

    @property
    def callback_status(self) -> int:
        """The status on the callbacks."""
        return 200 if self.always_200 else self.status

    @property
    def problem(self) -> Markup:
        """The body as RFC 9457 has it, with the callbacks' two fields: the path may have been unreadable."""
        return _quoted(problem_of_any_route(self.kind, self.status, "$request_id"))

    @property
    def callback(self) -> Markup:
        """The body on the callbacks."""
        shape = self.kind.value
        return _quoted(render(shape.ret_code, shape.title))


# 494: header too large; 495, 496: client certificate wrong or missing; 497: plain HTTP on a port for TLS.
_KINDS = (
    ((400, 408, 411, 416, 497), 400, Answer.MALFORMED),
    ((414,), 414, Answer.MALFORMED),
    ((421,), 421, Answer.MALFORMED),
    ((494,), 431, Answer.MALFORMED),
    ((501, 505), 501, Answer.MALFORMED),
    ((403, 495, 496), 403, Answer.FORBIDDEN),
    ((404,), 404, Answer.NOT_FOUND),
    ((405,), 405, Answer.METHOD_NOT_ALLOWED),
    ((413,), 413, Answer.TOO_LARGE),
    ((429,), 429, Answer.THROTTLED),
    ((500,), 500, Answer.FAULTY),
    ((502, 503, 504), 503, Answer.UNAVAILABLE),
)


def door_answers(*, always_200: bool) -> tuple[DoorAnswer, ...]:
    """Return every error that nginx answers by itself."""
    return tuple(DoorAnswer(statuses, status, kind, always_200) for statuses, status, kind in _KINDS)


def _quoted(body: bytes) -> Markup:
    """Return *body* as a text of nginx; `$request_id` in it is nginx's own."""
    text = body.decode("ascii")
    if "'" in text or "\\" in text:
        raise ValueError("a body that nginx would read otherwise")
    return Markup(f"'{text}'")  # noqa: S704 - quoted for nginx, and never HTML

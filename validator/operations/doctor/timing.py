"""How long the cloud waits for a response: twenty requests, one after the other."""

from collections.abc import Callable, Iterator, Sequence

from validator.operations.doctor import exposure
from validator.operations.doctor.asking import Request
from validator.operations.doctor.contract import Callback
from validator.operations.doctor.results import Checked, Sound, problem, warning
from validator.operations.http_client import NoResponse, Response

CALLS = 20
SLOW, TOO_SLOW = 1.0, 5.0  # seconds
_MAX_SLOW = 2  # the second slowest of twenty is the 95th percentile
_LOOK = "look at the server's load and its database"


def measure(callbacks: Sequence[Callback], ask: Callable[[Request], Response]) -> Iterator[Checked]:
    """Yield the finding about the response times of *callbacks*, and the one about versions in headers."""
    replies: list[Response] = []
    while len(replies) < CALLS and _count_of_slow(replies) < _MAX_SLOW:
        question = callbacks[len(replies) % len(callbacks)].question()
        try:
            replies.append(ask(question))
        except NoResponse as nothing:
            yield problem("time", f"request {len(replies) + 1} of {CALLS} has no response: {nothing}")
            return
    yield judge([reply.seconds for reply in replies])
    yield exposure.versions(replies[-1])


def judge(seconds: Sequence[float]) -> Checked:
    """Return the finding about two or more responses that took *seconds*."""
    ranked = sorted(seconds)
    median, p95 = ranked[(len(ranked) - 1) // 2], ranked[-_MAX_SLOW]
    words = f"half of {len(seconds)} responses within {median:.3f} s, 95 % within {p95:.3f} s"
    if p95 > TOO_SLOW:
        return problem("time", f"{words}, and a person waits for each: {_LOOK}")
    if p95 > SLOW:
        return warning("time", f"{words}, which a person notices: {_LOOK}")
    return Sound("time", f"{words}, each on a new connection")


def _count_of_slow(replies: Sequence[Response]) -> int:
    return len([reply for reply in replies if reply.seconds > TOO_SLOW])

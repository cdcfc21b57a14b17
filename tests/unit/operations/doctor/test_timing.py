"""How long twenty answers take is judged by their 95th percentile."""

import pytest

from validator.operations.certificates.judging import Finding
from validator.operations.doctor.asking import Request
from validator.operations.doctor.contract import Callback
from validator.operations.doctor.results import Sound
from validator.operations.doctor.timing import CALLS, judge, measure
from validator.operations.http_client import NoResponse, Response
from validator.tokens.claims import Audience

CALLBACKS = (Callback(Audience.AGENT, "/agent"), Callback(Audience.CHAT, "/chat"))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([0.1] * 20, "sound"),
        ([0.1] * 19 + [30.0], "sound"),
        ([0.1] * 18 + [1.1] * 2, "warning"),
        ([0.1] * 18 + [5.1] * 2, "problem"),
        ([6.0] * 2, "problem"),
    ],
)
def test_answers_are_judged(seconds: list[float], expected: str) -> None:
    """One slow answer of twenty is an accident, two are the 95th percentile."""
    found = judge(seconds)

    assert ("sound" if isinstance(found, Sound) else found.severity) == expected


@pytest.mark.parametrize(("seconds", "calls"), [(0.1, CALLS), (1.5, CALLS), (6.0, 2)])
def test_both_callbacks_are_asked_in_turn(seconds: float, calls: int) -> None:
    """Twenty questions are sent; a server that is far too slow is not waited for twenty times."""
    asked: list[str] = []

    def ask(request: Request) -> Response:
        asked.append(request.path)
        return Response(200, {}, b"", seconds)

    list(measure(CALLBACKS, ask))

    assert len(asked) == calls
    assert asked[:2] == ["/agent", "/chat"]


def test_lost_question_is_a_problem() -> None:
    """A request without a response ends the measuring, and is reported with its number."""

    def ask(request: Request) -> Response:
        raise NoResponse("nothing within 10 s")

    (found,) = measure(CALLBACKS, ask)

    assert isinstance(found, Finding)
    assert (found.code, "request 1 of 20" in found.words) == ("time", True)

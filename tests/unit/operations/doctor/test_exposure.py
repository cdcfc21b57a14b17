"""An operators' route is not public because it answers with a redirect: what is behind it is looked at."""

from collections.abc import Mapping

import pytest

from validator.operations.doctor.asking import Request
from validator.operations.doctor.exposure import PRIVATE_ROUTES, agents_card, private_routes
from validator.operations.doctor.results import Checked, Sound
from validator.operations.http_client import NoResponse, Response

AUTHORITY = "portal.example.com"
JSON, PAGE = b'{"status": "ok"}', b"<html>Log in</html>"
HERE = "https://portal.example.com/metrics/"


def found(answers: Mapping[str, Response]) -> tuple[Checked, list[str]]:
    """Return what is found of /metrics on a server that refuses all but *answers*, and what was asked."""
    asked: list[str] = []

    def ask(request: Request) -> Response:
        asked.append(request.path)
        if request.path == "/silent":
            raise NoResponse("the connection was cut")
        return answers.get(request.path, reply(404))

    checks = {each.code: each for each in private_routes(ask, AUTHORITY)}
    return checks["metrics"], [path for path in asked if path not in PRIVATE_ROUTES]


def reply(status: int, body: bytes = b"", **headers: str) -> Response:
    return Response(status, headers, body, 0.0)


def kind(checked: Checked) -> str:
    return "ok" if isinstance(checked, Sound) else checked.severity.value


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(reply(200, JSON), "problem"), (reply(503, JSON), "problem"), (reply(404), "ok"), (reply(401), "ok")],
    ids=["200", "503", "404", "401"],
)
def test_route_is_judged_by_its_answer(answer: Response, expected: str) -> None:
    """Only a refusal keeps operators' routes from everybody."""
    assert kind(found({"/metrics": answer})[0]) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(401, "ok"), (404, "problem"), (200, "problem"), (302, "problem"), (503, "warning"), (None, "problem")],
)
def test_agents_look_ups_need_a_session(answer: int | None, expected: str) -> None:
    """Only 401 is sound: customers' data would leave without a session, or agents would get none."""
    asked: list[Request] = []

    def ask(request: Request) -> Response:
        asked.append(request)
        if answer is None:
            raise NoResponse("the connection was cut")
        return reply(answer)

    assert kind(agents_card(ask)) == expected
    ((method, path, body),) = [(each.method, each.path, each.body) for each in asked]
    assert (method, path, body) == ("POST", "/api/v1/customers/lookup", b'{"number": "anonymous"}')


@pytest.mark.parametrize(
    ("place", "behind", "expected"),
    [
        ("/metrics/", reply(200, JSON), "problem"),
        ("metrics/", reply(200, JSON), "problem"),
        (HERE, reply(200, JSON), "problem"),
        (HERE, reply(404), "ok"),
        (HERE, reply(404, PAGE), "ok"),
        (HERE, reply(503, PAGE), "problem"),
        (HERE, reply(200, PAGE), "warning"),
        (HERE, reply(302, location="/metrics"), "warning"),
    ],
    ids=["path", "relative", "url", "refused", "refused-page", "broken-page", "page", "sent-on-again"],
)
def test_redirect_on_the_server_is_gone_after(place: str, behind: Response, expected: str) -> None:
    """What is behind one redirect is judged; a page for people may be a login, so somebody must look."""
    checked, asked = found({"/metrics": reply(308, location=place), "/metrics/": behind})

    assert (kind(checked), asked) == (expected, ["/metrics/"])


def test_query_of_a_redirect_is_kept() -> None:
    """What is asked for is what a browser would ask for."""
    assert found({"/metrics": reply(302, location="/m?all=1")})[1] == ["/m?all=1"]


def test_silence_behind_a_redirect_is_a_warning() -> None:
    """What was not seen is not said to be private."""
    assert kind(found({"/metrics": reply(302, location="/silent")})[0]) == "warning"


@pytest.mark.parametrize(
    "place",
    [
        "https://elsewhere.example/metrics",
        "http://portal.example.com/metrics",
        "https://portal.example.com:8443/metrics",
        "//elsewhere.example/metrics",
        "http://[",
        "/a b",
        "/\x1b[2J",
    ],
)
def test_redirect_elsewhere_is_a_warning_and_not_followed(place: str) -> None:
    """The doctor asks one server only; where it cannot look it says so, and no byte reaches the terminal."""
    checked, asked = found({"/metrics": reply(302, location=place)})

    assert (kind(checked), asked) == ("warning", [])
    assert checked.words.isprintable()


def test_redirect_without_a_place_is_a_warning() -> None:
    """It leads back to itself: nothing was seen."""
    assert kind(found({"/metrics": reply(302)})[0]) == "warning"

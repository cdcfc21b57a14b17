"""An answer keeps the promise or it does not, whatever bytes a server sends."""

from collections.abc import Callable

import pytest

from validator.operations.certificates.judging import Finding, Severity
from validator.operations.doctor.asking import Request
from validator.operations.doctor.contract import Callback, broken_promise, examine
from validator.operations.http_client import NoResponse, Response
from validator.tokens.claims import Audience

AGENT = Callback(Audience.AGENT, "/agent")
CHAT = Callback(Audience.CHAT, "/chat")
REFUSED = b'{"retCode":2,"message":"validate failed"}'
CAP = 1000


def reply(body: bytes, status: int = 200, **headers: str) -> Response:
    return Response(status, headers, body, 0.0)


@pytest.mark.parametrize(
    "body",
    [REFUSED, b'{"retCode":-1,"message":"x","more":[1]}', b'\xef\xbb\xbf{"retCode":0,"message":"x"}'],
)
def test_promise_is_kept(body: bytes) -> None:
    """An int and a text are enough; more fields do no harm."""
    assert broken_promise(reply(body)) is None


@pytest.mark.parametrize(
    ("body", "promise"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b"\xff", "body"),
        (b"[" * 60000, "body"),
        (b'{"retCode":0,"retCode":2,"message":"x"}', "body"),
        (b"<html>", "body"),
        (b"{}", "retCode"),
        (b'{"retCode":null,"message":"x"}', "retCode"),
        (b'{"retCode":"0","message":"x"}', "retCode"),
        (b'{"retCode":true,"message":"x"}', "retCode"),
        (b'{"retCode":0.0,"message":"x"}', "retCode"),
        (b'{"retCode":[0],"message":"x"}', "retCode"),
        (b'{"retCode":2}', "message"),
        (b'{"retCode":2,"message":null}', "message"),
        (b'{"retCode":2,"message":""}', "message"),
        (b'{"retCode":2,"message":7}', "message"),
    ],
)
def test_promise_is_broken(body: bytes, promise: str) -> None:
    """Each way to break it has its own finding, also for bodies made to break a parser."""
    fault = broken_promise(reply(body))

    assert fault is not None
    assert fault.promise == promise


def test_place_of_a_redirect_is_shown_harmlessly() -> None:
    """What a server writes into a header cannot move the terminal's cursor, nor fill the screen."""
    fault = broken_promise(reply(b"", 302, location="https://e.example/\x1b[2J" + "x" * 500))

    assert fault is not None
    assert "https://e.example/\\u001b[2J" in fault.words
    assert len(fault.words) < 400
    assert fault.words.isprintable()


@pytest.mark.parametrize("callback", [AGENT, CHAT], ids=["agent", "chat"])
def test_questions_of_both_sides_are_asked(callback: Callback) -> None:
    """The question, a broken body, another Content-Type, GET, and a body over the cap."""
    asked: list[Request] = []

    def ask(request: Request) -> Response:
        asked.append(request)
        return reply(REFUSED)

    found = list(examine(callback, ask, cap=CAP))

    assert [one for one in found if isinstance(one, Finding)] == []
    assert {one.code.partition("-")[0] for one in found} == {callback.audience.value}
    assert [(one.method, one.content_type) for one in asked] == [
        ("POST", "application/json"),
        ("POST", "application/json"),
        ("POST", "text/plain"),
        ("GET", "application/json"),
        ("POST", "application/json"),
    ]
    assert len(asked[-1].body) > CAP
    assert {one.path for one in asked} == {callback.path}


def silent(request: Request) -> Response:
    raise NoResponse("the connection was cut")


def throttled(request: Request) -> Response:
    return reply(b'{"retCode":3,"message":"too many requests"}', 429)


def verdict(code: int, message: str, status: int = 200) -> Callable[[Request], Response]:
    """Return what answers every question with these fields."""
    return lambda _: reply(b'{"retCode":%d,"message":"%s"}' % (code, message.encode()), status)


@pytest.mark.parametrize(
    ("code", "message", "severity"),
    [
        (0, "validate success", Severity.PROBLEM),
        (1, "no such resource", Severity.PROBLEM),
        (1, "validate failed", Severity.PROBLEM),
        (2, "validate failed", None),
        (2, "not allowed", Severity.WARNING),
        (2, "login required", Severity.WARNING),
        (3, "too many requests", Severity.WARNING),
        (4, "temporarily unavailable", Severity.PROBLEM),
        (5, "validate failed", Severity.PROBLEM),
        (-1, "validate failed", Severity.PROBLEM),
    ],
)
def test_verdict_is_known_by_its_fields(code: int, message: str, severity: Severity | None) -> None:
    """Where every answer is HTTP 200, only retCode 2 with the words of a refused token is a verdict."""
    found = examine(AGENT, verdict(code, message), cap=CAP)

    told = {one.code: one.severity for one in found if isinstance(one, Finding)}
    assert told.pop("agent-nonsense-token", None) is severity
    assert set(told) <= (
        {"agent-malformed-body", "agent-get", "agent-oversized-body"} if code == 0 else set()
    )


@pytest.mark.parametrize(
    ("code", "status", "codes"),
    [
        (4, 403, ["agent-status", "agent-nonsense-token"]),
        (1, 429, ["agent-status", "agent-nonsense-token"]),
        (2, 403, ["agent-status"]),
        (4, 500, ["agent-status"]),
        (0, 500, ["agent-status", "agent-nonsense-token"]),
    ],
)
def test_fields_are_told_where_they_tell_more_than_the_status(
    code: int, status: int, codes: list[str]
) -> None:
    """One cause is one finding, but no status hides a worse field."""
    found = examine(AGENT, verdict(code, "x", status), cap=CAP)

    told = [one.code for one in found if isinstance(one, Finding)]
    assert told[: len(codes)] == codes
    assert ("agent-nonsense-token" in told) is ("agent-nonsense-token" in codes)


def only_questions(request: Request) -> Response:
    if request.method == "GET":
        raise NoResponse("the connection was cut")
    return reply(REFUSED)


@pytest.mark.parametrize(
    ("ask", "code", "severity"),
    [
        (silent, "agent-answer", Severity.PROBLEM),
        (throttled, "agent-status", Severity.WARNING),
        (only_questions, "agent-get", Severity.PROBLEM),
    ],
)
def test_server_that_does_not_answer_is_told(
    ask: Callable[[Request], Response], code: str, severity: Severity
) -> None:
    """Silence is a problem; a limit that was reached only means that the verdict was not seen."""
    found = [one for one in examine(AGENT, ask, cap=CAP) if isinstance(one, Finding)]

    assert [(one.code, one.severity) for one in found] == [(code, severity)]

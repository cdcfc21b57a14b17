"""A step at a callback: the bytes that go out, and how what comes back is judged."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.operations.simulator.test_tokens import KNOWN, FakeSource
from validator.operations.http_client import NoResponse, Response
from validator.operations.simulator.asking import Got, _judged, ask, question, together
from validator.operations.simulator.certificate import system_trust
from validator.operations.simulator.scenario import Step
from validator.operations.simulator.target import Known, Others, Skipped, Target
from validator.operations.simulator.tokens import Presented

OTHERS = Others("agent-8", "customer-8", "Ann", "2")
NUMBERED = Known("202400000001", "0007", "42", "Ann")


def target(known: Known = KNOWN, url: str = "http://127.0.0.1:9/prefix") -> Target:
    """Return a server that is never asked."""
    return Target.at(url, system_trust(), known, others=OTHERS, agent_path="/agent", chat_path="/chat")


def sent(step: Step, known: Known = KNOWN) -> tuple[str, Any]:
    """Return the head and the body of what *step* sends."""
    message = b"".join(question(step, target(known), Presented(FakeSource())))
    head, _, body = message.partition(b"\r\n\r\n")
    return head.decode(), json.loads(body.removeprefix(b"\xef\xbb\xbf"))


def step(**values: Any) -> Step:
    """Return a step with *values*."""
    return Step(**{"name": "a", "ask": "agent", "expect": "accepted", **values})


def test_questions_have_the_documented_fields() -> None:
    """Each side is asked at its route with exactly its fields, below the target's prefix."""
    head, body = sent(step())
    assert head.startswith("POST /prefix/agent HTTP/1.1\r\nHost: 127.0.0.1:9\r\n")
    assert "Content-Type: application/json" in head
    assert set(body) == {"access_token", "tenantSpaceId", "userAccount"}

    head, body = sent(step(ask="chat"))
    assert head.startswith("POST /prefix/chat HTTP/1.1")
    assert set(body) == {"Token", "tenantSpaceId", "userId", "userName"}
    assert body["userName"] == "李伟"


def test_step_changes_the_question() -> None:
    """Fields, labels and versions are as the step says."""
    head, body = sent(
        step(
            fields={"a": [1], "tenantSpaceId": "9"},
            without=("userAccount",),
            content_type="text/plain",
            http="1.0",
        )
    )

    assert "Content-Type: text/plain" in head
    assert head.startswith("POST /prefix/agent HTTP/1.0")
    assert (body["a"], body["tenantSpaceId"]) == ([1], "9")
    assert "userAccount" not in body


def test_own_token_is_shown_for_somebody_else() -> None:
    """Who is asked about changes; the token stays that of who is known."""
    tokens = Presented(FakeSource())
    own = tokens.token("agent", "good")

    (message,) = question(step(whose="other"), target(), tokens)
    _, tenant = sent(step(ask="chat", whose="other tenant"))

    body = json.loads(message.partition(b"\r\n\r\n")[2])
    assert (body["access_token"], body["userAccount"], body["tenantSpaceId"]) == (own, "agent-8", "1")
    assert (tenant["userId"], tenant["tenantSpaceId"]) == ("customer-7", "2")


def test_numbers_are_the_ids_that_are_numbers() -> None:
    """An id of digits is a number; one that would lose its zeros stays a text."""
    _, agent = sent(step(integers=True), NUMBERED)
    _, chat = sent(step(ask="chat", integers=True), NUMBERED)

    assert (agent["tenantSpaceId"], agent["userAccount"]) == (202400000001, "0007")
    assert (chat["tenantSpaceId"], chat["userId"]) == (202400000001, 42)


def test_numbers_without_any_are_skipped() -> None:
    """Where no id is a number nothing can be shown."""
    with pytest.raises(Skipped):
        sent(step(integers=True), Known("tenant", "agent-7"))


def test_body_goes_out_in_pieces() -> None:
    """The head comes with the first piece; all together is the whole message."""
    whole = b"".join(question(step(), target(), Presented(FakeSource())))

    pieces = question(step(pieces=4), target(), Presented(FakeSource()))

    assert len(pieces) == 4
    assert b"".join(pieces) == whole
    assert pieces[0].startswith(b"POST ")


def test_mark_stands_before_the_body() -> None:
    """A byte-order mark is part of the body and of its length."""
    plain = b"".join(question(step(body="{}"), target(), Presented(FakeSource())))
    marked = b"".join(question(step(body="{}", bom=True), target(), Presented(FakeSource())))

    assert plain.endswith(b"\r\n\r\n{}")
    assert marked.endswith(b"\r\n\r\n\xef\xbb\xbf{}")
    assert b"Content-Length: 5\r\n" in marked


def judged(expect: str, body: bytes, status: int = 200) -> bool:
    """Return whether an answer is what is expected."""
    return _judged(step(expect=expect), Response(status, {}, body, 0.01)).is_expected


@pytest.mark.parametrize(
    ("body", "status", "fits"),
    [
        (b'{"retCode":0,"message":"yes"}', 200, {"accepted"}),
        (b'{"retCode":2,"message":"no"}', 200, {"refused", "malformed"}),
        (b'{"retCode":-1,"message":"no"}', 200, {"refused", "malformed"}),
        (b'{"retCode":1,"message":"no"}', 400, {"malformed"}),
        (b'{"retCode":3,"message":"later"}', 200, set()),
        (b'{"retCode":3,"message":"later"}', 429, set()),
        (b'{"retCode":4,"message":"away"}', 200, set()),
        (b'{"retCode":4,"message":"away"}', 503, set()),
        (b'{"retCode":"2","message":"no"}', 200, set()),
        (b'{"retCode":true,"message":"no"}', 200, set()),
        (b'{"retCode":2}', 200, set()),
        (b'{"retCode":2,"message":""}', 200, set()),
        (b"<html>", 400, set()),
        (b'{"retCode":0,"message":"yes"}', 500, set()),
    ],
)
def test_answer_fits_what_it_says(body: bytes, status: int, fits: set[str]) -> None:
    """A throttled or unavailable answer is no refusal, and one of a wrong form is nothing at all."""
    assert {expect for expect in ("accepted", "refused", "malformed") if judged(expect, body, status)} == fits


def test_no_answer_is_never_expected() -> None:
    """A missing response is reported in words."""
    got = _judged(step(expect="refused"), NoResponse("no whole answer within 5 s"))

    assert got == Got(is_expected=False, words="no whole answer within 5 s", milliseconds=0)


def test_many_answers_are_one_line() -> None:
    """Equal responses are counted; one that differs makes the step fail; the slowest time is reported."""
    same, other = (
        Got(is_expected=True, words="a", milliseconds=3),
        Got(is_expected=False, words="b", milliseconds=9),
    )

    assert together([same]) == same
    assert together([same, same]).words == "2 x a"
    assert together([same, other, same]) == Got(is_expected=False, words="2 x a; 1 x b", milliseconds=9)


def test_nobody_there_fails_the_step() -> None:
    """An unavailable target is a result, not a crash; also when no response is expected."""
    tokens = Presented(FakeSource())

    assert not ask(step(), target(), tokens).is_expected
    assert not ask(step(hang_up=True, expect="nothing"), target(), tokens).is_expected


def test_patience_can_be_shortened_only() -> None:
    """`--give-up-after` never waits longer than the scenario says."""
    short, long = timedelta(seconds=1), timedelta(seconds=9)
    hasty = Target.at(
        "http://127.0.0.1:9", system_trust(), KNOWN, agent_path="/a", chat_path="/c", give_up_after=short
    )

    assert hasty.timeout(long) == short
    assert hasty.timeout(short / 2) == short / 2
    assert target().timeout(long) == long

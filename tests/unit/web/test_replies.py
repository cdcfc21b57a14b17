"""The shapes of answers: what is in them, and when to come again."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Response
from hypothesis import given
from hypothesis import strategies as st

from tests.support import fakes
from validator.callbacks.validation import Verdict
from validator.errors import PublicError, Reason, RetCode
from validator.web.policy import ServerPolicy
from validator.web.replies import (
    CallbackReplies,
    allow_page,
    empty_reply,
    flask_response,
    forget_cookie,
    json_reply,
    problem_reply,
    set_cookie,
    text_reply,
)

SERVER = fakes.open_with(Path("nowhere"), fakes.FakeClock(), {}).settings.server
BEHIND_NGINX = replace(SERVER, bind="unix:/run/a.sock", trusted_proxies=1)
BY_STATUS = CallbackReplies(always_200=False, policy=SERVER)
ALWAYS_200 = CallbackReplies(always_200=True, policy=SERVER)


def refused(
    replies: CallbackReplies,
    error: PublicError,
    detail: str | None = None,
    retry_after: timedelta | None = None,
) -> Response:
    """Return Flask's response to a callback that is refused because of *error*."""
    return flask_response(replies.refusal({}, error.value, detail, retry_after))


# Plain answers


def test_json_is_utf8_as_it_is() -> None:
    """JSON is compact, in the order it was given, with raw characters."""
    reply = json_reply({"b": "李伟", "a": 1}, 201)

    assert (reply.status_code, reply.data) == (201, '{"b":"李伟","a":1}'.encode())
    assert reply.content_type == "application/json"


def test_text_is_as_it_is() -> None:
    """A text is its UTF-8 bytes, without a line feed added."""
    reply = text_reply("auth-v2/é")

    assert (reply.status_code, reply.data) == (200, "auth-v2/é".encode())
    assert reply.content_type == "text/plain; charset=utf-8"


def test_empty_has_no_body() -> None:
    """204 by default, and nothing in it."""
    assert (empty_reply().status_code, empty_reply().data) == (204, b"")
    assert empty_reply(200).status_code == 200


# Cookies


def test_cookie_is_for_this_host_over_tls_and_no_script() -> None:
    """The attributes are those that the `__Host-` prefix demands, and no script reads it."""
    reply = set_cookie(empty_reply(), "__Host-a", "v", timedelta(hours=8))

    name, *attributes = reply.headers["Set-Cookie"].split("; ")
    assert name == "__Host-a=v"
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=28800"} <= set(attributes)
    assert not [attribute for attribute in attributes if attribute.startswith("Domain")]


def test_forgotten_cookie_ends_at_once() -> None:
    """Taking a cookie away names it with the same attributes and no life."""
    reply = forget_cookie(empty_reply(), "__Host-a")

    name, *attributes = reply.headers["Set-Cookie"].split("; ")
    assert name == "__Host-a="
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=0"} <= set(attributes)


def test_page_may_read_the_answer() -> None:
    """The page that was checked, and no other, may read the answer, cookies included; caches know."""
    reply = allow_page(empty_reply(), "https://www.example.com")

    assert reply.headers["Access-Control-Allow-Origin"] == "https://www.example.com"
    assert reply.headers["Access-Control-Allow-Credentials"] == "true"
    assert "Origin" in reply.headers["Vary"]
    assert allow_page(empty_reply(), None).headers["Access-Control-Allow-Origin"] == ""


# Problems


def test_problem_as_it_is_written() -> None:
    """The members of RFC 9457, OAuth's word where there is one, and the request's id."""
    reply = problem_reply(PublicError.MALFORMED, "a: missing", None, "request-1")

    assert (reply.status_code, reply.content_type) == (400, "application/problem+json")
    assert reply.data == (
        b'{"type":"urn:validator:problem:malformed","title":"malformed request","status":400,'
        b'"detail":"a: missing","instance":"urn:validator:request:request-1","error":"invalid_request"}'
    )


@pytest.mark.parametrize("answer", PublicError)
def test_problem_has_the_shape_of_its_answer(answer: PublicError) -> None:
    """Every answer has its status, title and type; a member without a value is left out."""
    reply = problem_reply(answer, None, None, "r")
    members = json.loads(reply.data)

    assert reply.status_code == members["status"] == answer.value.status
    assert members["title"] == answer.value.title
    assert members.get("error") == answer.value.oauth_error
    assert "detail" not in members
    assert members["type"] == f"urn:validator:problem:{answer.name.lower().replace('_', '-')}"


@pytest.mark.parametrize("answer", PublicError)
def test_only_who_must_prove_themselves_is_asked_to(answer: PublicError) -> None:
    """`WWW-Authenticate` is there exactly when a client's credentials are asked for; a login is no such."""
    challenge = problem_reply(answer, None, None, "r").headers.get("WWW-Authenticate")

    expected = 'Basic realm="validator", charset="UTF-8"' if answer is PublicError.CLIENT_REQUIRED else None
    assert challenge == expected


# When to come again


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        (None, "1"),
        (timedelta(0), "1"),
        (timedelta(microseconds=1), "1"),
        (timedelta(milliseconds=999), "1"),
        (timedelta(seconds=1), "1"),
        (timedelta(seconds=1, microseconds=1), "2"),
        (timedelta(seconds=59, milliseconds=500), "60"),
        (timedelta(hours=1), "3600"),
        (timedelta(days=1, milliseconds=1), "86401"),
        (timedelta(seconds=-5), "1"),
    ],
)
@pytest.mark.parametrize("answer", [PublicError.THROTTLED, PublicError.UNAVAILABLE])
def test_wait_is_rounded_up(answer: PublicError, retry_after: timedelta | None, seconds: str) -> None:
    """Whole seconds, never too few and at least one: after this wait the request passes."""
    assert problem_reply(answer, None, retry_after, "r").headers["Retry-After"] == seconds
    assert refused(BY_STATUS, answer, None, retry_after).headers["Retry-After"] == seconds


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=3650)))
def test_wait_is_the_least_that_is_enough(retry_after: timedelta) -> None:
    """The wait is enough, and a second less would not be."""
    seconds = int(problem_reply(PublicError.THROTTLED, None, retry_after, "r").headers["Retry-After"])

    assert timedelta(seconds=seconds - 1) < retry_after <= timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "answer", [answer for answer in PublicError if answer.value.status not in (429, 503)]
)
def test_others_are_not_told_to_wait(answer: PublicError) -> None:
    """Only responses that allow a later retry have Retry-After, unless a wait was given."""
    assert "Retry-After" not in problem_reply(answer, None, None, "r").headers
    assert problem_reply(answer, None, timedelta(seconds=3), "r").headers["Retry-After"] == "3"


def test_wait_is_told_under_status_200_too() -> None:
    """Responses that always have status 200 have Retry-After when a wait was given."""
    reply = refused(ALWAYS_200, PublicError.THROTTLED, None, timedelta(seconds=2.5))

    assert (reply.status_code, reply.headers["Retry-After"]) == (200, "3")


# The cloud's answers


def test_accepted_as_it_is_written() -> None:
    """The cloud's success, byte for byte."""
    reply = flask_response(BY_STATUS.verdict(Verdict()))

    assert (reply.status_code, reply.data) == (200, b'{"retCode":0,"message":"validate success"}')
    assert reply.content_type == "application/json"


def test_every_refusal_has_the_same_bytes() -> None:
    """Whatever the reason, a refused token is answered alike, headers and all."""
    reasons = [
        *(Reason.TOKEN_EXPIRED, Reason.TOKEN_FORGED, Reason.TOKEN_REVOKED, Reason.TOKEN_STALE),
        *(Reason.SUBJECT_MISMATCH, Reason.TENANT_MISMATCH, Reason.NAME_MISMATCH, Reason.TOKEN_MALFORMED),
    ]

    answers = {answer_of(flask_response(BY_STATUS.verdict(Verdict(reason)))) for reason in reasons}

    assert len(answers) == 1
    assert answer_of(flask_response(BY_STATUS.verdict(Verdict()))) not in answers


def answer_of(reply: Response) -> tuple[int, bytes, tuple[tuple[str, str], ...]]:
    return reply.status_code, reply.data, tuple(reply.headers.items())


@pytest.mark.parametrize("answer", PublicError)
@pytest.mark.parametrize("detail", [None, "access_token: missing", "日本"])
def test_every_answer_has_a_number_and_a_message(answer: PublicError, detail: str | None) -> None:
    """`retCode` is an integer, and none but success is 0; the message is never empty; the detail helps."""
    reply = refused(BY_STATUS, answer, detail)
    members = json.loads(reply.data)

    assert members.keys() == {"retCode", "message"}
    assert type(members["retCode"]) is int
    assert members["retCode"] == answer.value.ret_code != RetCode.ACCEPTED
    assert members["message"] == (f"{answer.value.title}: {detail}" if detail else answer.value.title)
    assert reply.status_code == answer.value.status
    assert refused(ALWAYS_200, answer, detail).status_code == 200
    assert refused(ALWAYS_200, answer, detail).data == reply.data


# Behind our nginx


@pytest.mark.parametrize("answer", [PublicError.UNAVAILABLE, PublicError.MALFORMED, PublicError.THROTTLED])
def test_true_status_is_left_to_nginx(answer: PublicError) -> None:
    """Our nginx gets the true status, by which it leaves a node out, and the body in a header of ASCII."""
    replies = CallbackReplies(always_200=True, policy=BEHIND_NGINX)
    environ = {"HTTP_X_VALIDATOR_STATUS": "true"}
    reply = flask_response(replies.refusal(environ, answer.value, "日本"))

    assert reply.status_code == answer.value.status
    assert reply.headers["X-Validator-Answer"].isascii()
    assert json.loads(reply.headers["X-Validator-Answer"]) == json.loads(reply.data)


@pytest.mark.parametrize(
    ("policy", "said"), [(SERVER, "true"), (BEHIND_NGINX, None), (BEHIND_NGINX, "on"), (BEHIND_NGINX, "")]
)
def test_every_other_proxy_gets_200(policy: ServerPolicy, said: str | None) -> None:
    """A caller's own word, or another proxy, changes nothing: the status is 200, and no header is added."""
    environ = {} if said is None else {"HTTP_X_VALIDATOR_STATUS": said}
    replies = CallbackReplies(always_200=True, policy=policy)
    reply = flask_response(replies.refusal(environ, PublicError.UNAVAILABLE.value))

    assert reply.status_code == 200
    assert "X-Validator-Answer" not in reply.headers


def test_verdict_needs_no_header() -> None:
    """A refused token has the status 200 anyway."""
    replies = CallbackReplies(always_200=True, policy=BEHIND_NGINX)
    reply = flask_response(replies.verdict(Verdict(Reason.TOKEN_EXPIRED)))

    assert (reply.status_code, "X-Validator-Answer" in reply.headers) == (200, False)

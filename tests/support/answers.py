"""What the tests of the routes hold answers against: the two error shapes, cookies, and sameness."""

import re
from http.cookies import SimpleCookie
from typing import Any

import orjson
from werkzeug.test import TestResponse

_OF_EACH = ("x-request-id", "date", "ratelimit")
PROBLEM_MEMBERS = {"type", "title", "status", "detail", "instance", "error"}


_AGE = re.compile(rb',"age_seconds":[0-9.e-]+')


def comparable(answer: TestResponse) -> tuple[int, bytes, list[tuple[str, str]]]:
    """Return all of *answer* that could tell it from another: not its id, date, age or how many are left."""
    request_id = answer.headers["X-Request-ID"].encode()
    body = _AGE.sub(b"", answer.data.replace(request_id, b"-"))
    headers = [(name.lower(), value) for name, value in answer.headers if name.lower() not in _OF_EACH]
    return answer.status_code, body, sorted(headers)


def ret_code(answer: TestResponse) -> int:
    """Return the `retCode` of a callback's answer; fails unless there are just the two fields."""
    assert answer.content_type == "application/json"
    members = orjson.loads(answer.data)
    assert members.keys() == {"retCode", "message"}
    code, message = members["retCode"], members["message"]
    assert type(code) is int
    assert isinstance(message, str)
    assert message
    return code


def problem(answer: TestResponse, status: int) -> dict[str, Any]:
    """Return the members of an RFC 9457 problem; fails unless *answer* is one of *status*."""
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    members: dict[str, Any] = orjson.loads(answer.data)
    assert members.keys() <= PROBLEM_MEMBERS
    assert members["status"] == status
    assert members["type"].startswith("urn:validator:problem:")
    assert members["title"]
    assert members["instance"] == f"urn:validator:request:{answer.headers['X-Request-ID']}"
    return members


def cookie(answer: TestResponse, name: str) -> tuple[str, dict[str, Any]]:
    """Return the value and the attributes of the cookie *name* that *answer* sets, once."""
    (line,) = [line for line in answer.headers.getlist("Set-Cookie") if line.startswith(f"{name}=")]
    morsel = SimpleCookie(line)[name]
    # The library adds Expires for browsers of the last century; Max-Age goes before it (RFC 6265, 5.3).
    attributes = {key: value for key, value in morsel.items() if value and key != "expires"}
    return morsel.value, attributes

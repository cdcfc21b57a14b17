"""The response to malformed HTTP: a promised shape, and nothing of what was sent."""

from http.client import HTTPResponse
from io import BytesIO
from typing import Any

import orjson
import pytest
from gunicorn.http import errors as gunicorn

from validator.web.unreadable import answer

SECRET = "seven-quiet-rivers"
READABLE = [
    (gunicorn.InvalidRequestLine(SECRET), 400, 1),
    (gunicorn.InvalidHeader(SECRET), 400, 1),
    (gunicorn.ObsoleteFolding(SECRET), 400, 1),
    (gunicorn.LimitRequestLine(2048, 2048), 414, 1),
    (gunicorn.LimitRequestHeaders(SECRET), 431, 1),
    (gunicorn.UnsupportedTransferCoding(SECRET), 501, 1),
    (gunicorn.ExpectationFailed(SECRET), 417, 1),
    (RuntimeError(SECRET), 500, 4),
]


class Wire(BytesIO):
    """The bytes of an answer, where a client reads from."""

    def makefile(self, *_: Any) -> BytesIO:
        """Return itself."""
        return self


@pytest.mark.parametrize(
    ("error", "status", "code"), READABLE, ids=[type(error).__name__ for error, _, _ in READABLE]
)
def test_answer_is_http_in_both_shapes(error: Exception, status: int, code: int) -> None:
    """It is a whole answer of HTTP, a problem, and has what the cloud reads."""
    response = HTTPResponse(Wire(answer(error)))  # type: ignore[arg-type]
    response.begin()

    content = orjson.loads(response.read())

    assert (response.status, content["status"], content["retCode"]) == (status, status, code)
    assert content["message"] == content["title"]
    assert response.headers["Content-Type"] == "application/problem+json"
    assert content["instance"].endswith(response.headers["X-Request-ID"])
    assert response.headers["Connection"] == "close"


@pytest.mark.parametrize("error", [error for error, _, _ in READABLE], ids=lambda error: type(error).__name__)
def test_answer_says_nothing_of_what_was_sent(error: Exception) -> None:
    """What could not be read may have been a secret."""
    assert SECRET.encode() not in answer(error)

"""The short way gives every answer that the long one gives, and takes nothing that it cannot answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from flask import Flask
from gunicorn.http.errors import NoMoreData
from werkzeug.test import Client, TestResponse

from tests.support.answers import comparable
from tests.support.callback_requests import SIDES, Side, issued
from tests.support.fakes import OTHER_TENANT, Enterprise
from validator.app import create_app
from validator.exchange import Exchange, current_exchange
from validator.web.fastpath import FastPath

Found = Callable[..., Enterprise]
Ask = Callable[[Client, Side, str], TestResponse]


def posted(client: Client, side: Side, content: bytes, **options: Any) -> TestResponse:
    return client.post(side.path, data=content, **options)


def question(side: Side, token: str, **others: Any) -> bytes:
    return orjson.dumps(side.question(token) | others)


class BrokenBody:
    """What a server gives for a body that breaks off, or stalls, while it is read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def read(self, size: int = -1) -> bytes:
        """Read nothing."""
        raise self._error

    def readinto(self, buffer: Any) -> int:
        """Read nothing."""
        raise self._error


def broken(error: Exception) -> Ask:
    stream: Any = BrokenBody(error)
    return lambda client, side, _: client.post(
        side.path, environ_overrides={"wsgi.input": stream, "CONTENT_LENGTH": "100"}
    )


ASKED: dict[str, Ask] = {
    "good": lambda client, side, token: posted(client, side, question(side, token)),
    "forged": lambda client, side, token: posted(client, side, question(side, token[:-2] + "AA")),
    "of another tenant": lambda client, side, token: posted(
        client, side, question(side, token, tenantSpaceId=OTHER_TENANT)
    ),
    "no JSON": lambda client, side, token: posted(client, side, b"{"),
    "nothing": lambda client, side, token: posted(client, side, b""),
    "a field too little": lambda client, side, token: posted(client, side, b'{"tenantSpaceId":"1"}'),
    "too long": lambda client, side, token: posted(client, side, b" " * 70_000),
    "as a form": lambda client, side, token: posted(
        client, side, question(side, token), content_type="application/x-www-form-urlencoded"
    ),
    "in chunks": lambda client, side, token: posted(
        client,
        side,
        question(side, token),
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    ),
    "shorter than it says": lambda client, side, token: posted(
        client, side, question(side, token), environ_overrides={"CONTENT_LENGTH": "5000"}
    ),
    "reset": broken(ConnectionResetError()),
    "stalled": broken(TimeoutError()),
    "ended": broken(NoMoreData()),
    "of a strange length": lambda client, side, token: posted(
        client, side, question(side, token), environ_overrides={"CONTENT_LENGTH": "²"}
    ),
    "with GET": lambda client, side, token: client.get(side.path),
    "with PUT": lambda client, side, token: client.put(side.path, data=question(side, token)),
    "below the route": lambda client, side, token: client.post(f"{side.path}/", data=question(side, token)),
}


@contextmanager
def both(enterprise: Enterprise) -> Iterator[tuple[Client, Client, list[str]]]:
    """Yield a client of the application, one of Flask alone, and what Flask was asked by the first."""
    app, asked = create_app(enterprise.services), list[str]()
    fast_path = app.wsgi_app
    assert isinstance(fast_path, FastPath)
    flask_app = fast_path._flask_app

    def listening(environ: dict[str, Any], start_response: Any) -> Any:
        asked.append(environ["PATH_INFO"])
        return flask_app(environ, start_response)

    fast_path._flask_app = listening
    alone = Flask("alone")
    alone.wsgi_app = flask_app  # type: ignore[method-assign, assignment]
    yield Client(fast_path), Client(alone), asked


def entries(enterprise: Enterprise) -> list[dict[str, Any]]:
    changing = ("number", "time", "request_id", "mac")
    return [
        {name: value for name, value in entry.items() if name not in changing} for entry in enterprise.trail()
    ]


@pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_answers_are_the_same(enterprise: Enterprise, side: Side, ask: Ask) -> None:
    """Status, headers, body and what is written down: nothing tells which way an answer went."""
    token, _ = issued(enterprise, side.subject)
    with both(enterprise) as (client, flask, _asked):
        before = len(entries(enterprise))
        short = ask(client, side, token)
        between = len(entries(enterprise))
        long = ask(flask, side, token)

    written = entries(enterprise)
    assert comparable(short) == comparable(long)
    assert written[before:between] == written[between:]


@pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
def test_verdicts_do_not_ask_flask(enterprise: Enterprise, side: Side) -> None:
    """A verdict, yes or no, is given on the short way: else this would compare Flask with itself."""
    token, _ = issued(enterprise, side.subject)
    with both(enterprise) as (client, _flask, asked):
        for name in ("good", "forged", "of another tenant", "as a form"):
            ASKED[name](client, side, token)

    assert asked == []


@pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
@pytest.mark.parametrize("name", ["good", "forged", "of another tenant", "no JSON"])
def test_throttled_ones_are_told_so_on_both_ways(found_enterprise: Found, side: Side, name: str) -> None:
    """A question beyond the limit of its class gets "too many" with a time to wait, and leaves no entry."""
    limits = ("callbacks_foreign", "callbacks_refused", "callbacks_token")
    enterprise = found_enterprise({f"limits.{limit}": "3/1m" for limit in limits})
    token, _ = issued(enterprise, side.subject)
    with both(enterprise) as (client, flask, _asked):
        for way in (client, flask, client):
            ASKED[name](way, side, token)
        before = len(entries(enterprise))
        short, long = (ASKED[name](way, side, token) for way in (client, flask))

    assert (short.status_code, short.headers["Retry-After"]) == (429, long.headers["Retry-After"])
    assert comparable(short) == comparable(long)
    assert len(entries(enterprise)) == before


def test_faults_are_told_in_one_shape(enterprise: Enterprise) -> None:
    """What breaks on the short way is answered and logged by the long one."""
    side = SIDES["agent"]
    token, _ = issued(enterprise, side.subject)
    (enterprise.services.settings.keys.directory / "keyring.json").unlink()
    with both(enterprise) as (client, flask, asked):
        short, long = (ASKED["good"](way, side, token) for way in (client, flask))

    assert (short.status_code, asked) == (503, [side.path])
    assert comparable(short) == comparable(long)


def test_a_request_is_one_on_both_ways(enterprise: Enterprise) -> None:
    """Whatever is told of a request before Flask is asked has the id of its answer."""
    side = SIDES["agent"]
    app, seen = create_app(enterprise.services), list[Exchange]()
    fast_path = app.wsgi_app
    assert isinstance(fast_path, FastPath)
    flask_app = fast_path._flask_app

    def listening(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append(current_exchange.get())
        return flask_app(environ, start_response)

    fast_path._flask_app = listening
    answer = ASKED["no JSON"](Client(fast_path), side, "")

    assert [exchange.request_id for exchange in seen] == [answer.headers["X-Request-ID"]]

"""The fast path gives every response that Flask gives, and takes no request that it cannot respond to."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
import structlog
from flask import Flask
from gunicorn.http.errors import NoMoreData
from structlog.testing import capture_logs
from werkzeug.test import Client, TestResponse

from tests.support.answers import comparable
from tests.support.callback_requests import SIDES, Side, issued
from tests.support.fakes import OTHER_TENANT, Enterprise
from validator.app import create_app
from validator.callbacks.validation import Decision, Validation
from validator.callbacks.wire import Presentation
from validator.exchange import Exchange
from validator.metrics.instruments import FAULTS
from validator.web import error_responses, middleware
from validator.web.fastpath import FastPathWsgi

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
    assert isinstance(fast_path, FastPathWsgi)
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
    """Status, headers, body and trail: nothing shows which path a response came from."""
    token, _ = issued(enterprise, side.subject)
    with both(enterprise) as (client, flask, _asked):
        before = len(entries(enterprise))
        fast = ask(client, side, token)
        between = len(entries(enterprise))
        slow = ask(flask, side, token)

    recorded = entries(enterprise)
    assert comparable(fast) == comparable(slow)
    assert recorded[before:between] == recorded[between:]


@pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
def test_verdicts_and_refusals_need_no_flask(enterprise: Enterprise, side: Side) -> None:
    """A POST gets its response on the fast path: else the other tests compare Flask with itself."""
    token, _ = issued(enterprise, side.subject)
    with both(enterprise) as (client, _flask, asked):
        for name in ASKED.keys() - {"with GET", "with PUT", "below the route"}:
            ASKED[name](client, side, token)

    assert asked == []


@pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
@pytest.mark.parametrize("name", ["good", "forged", "of another tenant", "no JSON"])
def test_throttled_requests_get_429_on_both_paths(found_enterprise: Found, side: Side, name: str) -> None:
    """A throttled request gets 429 with Retry-After on both paths, and writes nothing to the trail."""
    limits = ("callbacks_foreign", "callbacks_refused", "callbacks_token")
    enterprise = found_enterprise({f"limits.{limit}": "3/1m" for limit in limits})
    token, _ = issued(enterprise, side.subject)
    with both(enterprise) as (client, flask, _asked):
        for path in (client, flask, client):
            ASKED[name](path, side, token)
        before = len(entries(enterprise))
        fast, slow = (ASKED[name](path, side, token) for path in (client, flask))

    assert (fast.status_code, fast.headers["Retry-After"]) == (429, slow.headers["Retry-After"])
    assert comparable(fast) == comparable(slow)
    assert len(entries(enterprise)) == before


class BrokenValidation(Validation):
    """Fails in a way that nobody foresaw."""

    def judge(self, exchange: Exchange, presentation: Presentation) -> Decision:
        """Raise what no part of the application knows."""
        raise RuntimeError(presentation.presented_token)


def unforeseen(enterprise: Enterprise) -> Enterprise:
    services, policy = enterprise.services, enterprise.services.settings.callbacks
    parts = (services.verifier, services.subject_states, services.rate_limits, services.trail)
    return replace(enterprise, services=replace(services, validation=BrokenValidation(*parts, policy)))


def without_keys(enterprise: Enterprise) -> Enterprise:
    (enterprise.services.settings.keys.directory / "keyring.json").unlink()
    return enterprise


def without_trail(enterprise: Enterprise) -> Enterprise:
    folder = enterprise.services.settings.audit.directory
    shutil.rmtree(folder)
    folder.touch()
    return enterprise


FAULTY: dict[str, tuple[Callable[[Enterprise], Enterprise], str, int]] = {
    "unforeseen": (unforeseen, "good", 500),
    "without keys": (without_keys, "good", 503),
    "without a trail": (without_trail, "good", 503),
    "malformed, without a trail": (without_trail, "no JSON", 503),
}


def lines(logs: Iterable[Any]) -> list[dict[str, Any]]:
    """Return the log's entries, without what differs between two requests, or between the two paths."""
    changing = ("request_id", "milliseconds", "frames")
    return [{name: value for name, value in entry.items() if name not in changing} for entry in logs]


def counted_faults() -> float:
    return sum(
        sample.value for metric in FAULTS.collect() for sample in metric.samples if "_total" in sample.name
    )


@pytest.mark.slow
@pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
@pytest.mark.parametrize("case", FAULTY)
def test_faults_are_the_same(
    enterprise: Enterprise, side: Side, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault has one response, one log entry and one count, and the fast path needs no Flask for it."""
    breaking, name, status = FAULTY[case]
    token, _ = issued(enterprise, side.subject)
    for module in (error_responses, middleware):  # a logger that was used before is configured already
        monkeypatch.setattr(module, "log", structlog.get_logger())

    with both(breaking(enterprise)) as (client, flask, asked):
        before = counted_faults()
        with capture_logs() as fast_logs:
            fast = ASKED[name](client, side, token)
        between = counted_faults()
        with capture_logs() as flask_logs:
            slow = ASKED[name](flask, side, token)

    assert (fast.status_code, asked) == (status, [])
    assert comparable(fast) == comparable(slow)
    assert lines(fast_logs) == lines(flask_logs)
    assert {entry["event"] for entry in fast_logs} & {"fault", "unforeseen error"}
    assert (between - before, counted_faults() - between) == (1, 1)

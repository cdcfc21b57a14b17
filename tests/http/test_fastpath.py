"""Every request has the same response from Flask, with the fast path in front of it, and from ASGI."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import orjson
import pytest
import structlog
from gunicorn.http.errors import NoMoreData
from structlog.testing import capture_logs
from werkzeug.test import Client, TestResponse

from tests.support.answers import comparable
from tests.support.asgi_client import asgi_client
from tests.support.broken_verifier import with_broken_verifier
from tests.support.callback_requests import AGENT_SIDE, SIDES, Side, issued
from tests.support.fakes import OTHER_TENANT, Enterprise
from validator.app import create_app
from validator.metrics.instruments import FAULTS
from validator.web import error_responses, middleware
from validator.web.asgi import AsgiApplication
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
    "in too many chunks": lambda client, side, token: posted(
        client,
        side,
        b" " * 70_000,
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"},
    ),
    "with HEAD": lambda client, side, token: client.head(side.path),
    "with OPTIONS": lambda client, side, token: client.options(side.path),
    "with GET": lambda client, side, token: client.get(side.path),
    "with PUT": lambda client, side, token: client.put(side.path, data=question(side, token)),
    "below the route": lambda client, side, token: client.post(f"{side.path}/", data=question(side, token)),
}
OF_FLASK = {name for name in ASKED if name.partition("with ")[2].isupper()} | {"below the route"}


@dataclass(frozen=True)
class Ways:
    """Clients of each way to a response, and the paths that the two applications passed on to Flask."""

    flask: Client
    wsgi: Client
    asgi: Client
    passed_on: list[str]

    def each(self) -> tuple[Client, Client, Client]:
        """Return the three clients."""
        return self.flask, self.wsgi, self.asgi


@contextmanager
def ways(enterprise: Enterprise) -> Iterator[Ways]:
    """Yield clients of Flask alone, of the WSGI application and of the ASGI application."""
    front = create_app(enterprise.services).wsgi_app
    assert isinstance(front, FastPathWsgi)
    flask_app, passed_on = front.flask_app, list[str]()

    def listening(environ: dict[str, Any], start_response: Any) -> Any:
        passed_on.append(environ["PATH_INFO"])
        return flask_app(environ, start_response)

    front.flask_app = listening
    app = AsgiApplication(front, enterprise.services.settings.server, has_network=False)
    with asgi_client(app) as asgi:
        yield Ways(Client(flask_app), Client(front), asgi, passed_on)


def entries(enterprise: Enterprise) -> list[dict[str, Any]]:
    changing = ("number", "time", "request_id", "mac")
    return [
        {name: value for name, value in entry.items() if name not in changing} for entry in enterprise.trail()
    ]


@pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_answers_are_the_same(enterprise: Enterprise, side: Side, ask: Ask) -> None:
    """Status, headers, body and trail: nothing shows which way a response came."""
    token, _ = issued(enterprise, side.subject)
    answers, recorded = [], []
    with ways(enterprise) as each_way:
        for client in each_way.each():
            before = len(entries(enterprise))
            answers.append(comparable(ask(client, side, token)))
            recorded.append(entries(enterprise)[before:])

    assert answers[1:] == answers[:1] * 2
    assert recorded[1:] == recorded[:1] * 2


@pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_doubled_slashes_are_one(enterprise: Enterprise, side: Side, method: str) -> None:
    """With its slashes doubled a path is the same one, for the WSGI and the ASGI application."""
    token, _ = issued(enterprise, side.subject)
    doubled = {"PATH_INFO": side.path.replace("/", "//")}
    ask = partial(Client.open, path=side.path, method=method, data=question(side, token))
    with ways(enterprise) as each_way:
        plain = ask(each_way.flask)
        answers = [ask(client, environ_overrides=doubled) for client in (each_way.wsgi, each_way.asgi)]

    assert plain.status_code == (200 if method == "POST" else 405)
    assert [comparable(answer) for answer in answers] == [comparable(plain)] * 2


@pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
def test_posts_need_no_flask(enterprise: Enterprise, side: Side) -> None:
    """A POST gets its response on the fast path: else the other tests compare Flask with itself."""
    token, _ = issued(enterprise, side.subject)
    with ways(enterprise) as each_way:
        for name in ASKED.keys() - OF_FLASK:
            ASKED[name](each_way.wsgi, side, token)
            ASKED[name](each_way.asgi, side, token)
        assert each_way.passed_on == []
        for name in OF_FLASK:
            ASKED[name](each_way.wsgi, side, token)
            ASKED[name](each_way.asgi, side, token)

    assert len(each_way.passed_on) == 2 * len(OF_FLASK)


@pytest.mark.parametrize("name", ["no JSON", "too long", "with GET", "below the route", "good"])
@pytest.mark.parametrize("header", [{}, {"X-Validator-Status": "true"}], ids=["another proxy", "our nginx"])
def test_answers_with_status_200_are_the_same(
    found_enterprise: Found, name: str, header: dict[str, str]
) -> None:
    """With `always_200` the status is 200 each way, or the true one where our nginx sets it."""
    settings = {"server.trusted_proxies": "1", "server.bind": "unix:/run/validator/callbacks.sock"}
    enterprise = found_enterprise({"callbacks.always_200": "true", **settings})
    token, _ = issued(enterprise, AGENT_SIDE.subject)
    with ways(enterprise) as each_way:
        for client in each_way.each():
            client.open = partial(client.open, headers=header)  # type: ignore[method-assign]
        answers = [ASKED[name](client, AGENT_SIDE, token) for client in each_way.each()]

    assert [comparable(answer) for answer in answers[1:]] == [comparable(answers[0])] * 2
    assert (answers[0].status_code == 200) is (name == "good" or not header)
    assert ("X-Validator-Answer" in answers[0].headers) is (answers[0].status_code != 200)


OTHERS: dict[str, Callable[[Client], TestResponse]] = {
    "alive": lambda client: client.get("/healthz"),
    "alive, head only": lambda client: client.head("/healthz"),
    "alive, with a body": lambda client: client.get("/healthz", data=b"x" * 100_000),
    "ready": lambda client: client.get("/readyz"),
    "description": lambda client: client.get("/openapi.json"),
    "no route": lambda client: client.get("/nothing/\u674e%2f?a=b"),
    "no route, posted": lambda client: client.post(
        "/", environ_overrides={"PATH_INFO": "//nothing"}, data=b"{}"
    ),
    "no method": lambda client: client.post("/healthz"),
    "options": lambda client: client.options("/openapi.json"),
    "another name": lambda client: client.get("/readyz", headers={"Host": "attacker.example"}),
}


@pytest.mark.parametrize("ask", OTHERS.values(), ids=OTHERS)
def test_other_answers_are_the_same(found_enterprise: Found, ask: Callable[[Client], TestResponse]) -> None:
    """Probes, the description, unknown routes and names: the ASGI application gives Flask's responses."""
    enterprise = found_enterprise({"server.role": "callbacks"})
    with ways(enterprise) as each_way:
        answers = [comparable(ask(client)) for client in each_way.each()]

    assert answers[1:] == answers[:1] * 2


def test_other_requests_are_limited_together(found_enterprise: Found) -> None:
    """A request for no route, or for another name, counts against the same limit each way."""
    enterprise = found_enterprise({"limits.other_address": "3/1m", "server.role": "callbacks"})
    with ways(enterprise) as each_way:
        counted = [OTHERS["no route"](client).status_code for client in each_way.each()]
        throttled = [OTHERS["another name"](client) for client in each_way.each()]

    assert counted == [404] * 3
    assert [answer.status_code for answer in throttled] == [429] * 3
    assert len({answer.headers["Retry-After"] for answer in throttled}) == 1


@pytest.mark.parametrize("side", SIDES.values(), ids=SIDES)
@pytest.mark.parametrize("name", ["good", "forged", "of another tenant", "no JSON"])
def test_throttled_requests_get_429_each_way(found_enterprise: Found, side: Side, name: str) -> None:
    """A throttled request gets 429 with Retry-After each way, and writes nothing to the trail."""
    limits = ("callbacks_foreign", "callbacks_refused", "callbacks_token")
    enterprise = found_enterprise({f"limits.{limit}": "3/1m" for limit in limits})
    token, _ = issued(enterprise, side.subject)
    with ways(enterprise) as each_way:
        for client in each_way.each():
            ASKED[name](client, side, token)
        before = len(entries(enterprise))
        answers = [ASKED[name](client, side, token) for client in each_way.each()]

    assert [answer.status_code for answer in answers] == [429] * 3
    assert len({answer.headers["Retry-After"] for answer in answers}) == 1
    assert [comparable(answer) for answer in answers[1:]] == [comparable(answers[0])] * 2
    assert len(entries(enterprise)) == before


def without_keys(enterprise: Enterprise) -> Enterprise:
    (enterprise.services.settings.keys.directory / "keyring.json").unlink()
    return enterprise


def without_trail(enterprise: Enterprise) -> Enterprise:
    folder = enterprise.services.settings.audit.directory
    shutil.rmtree(folder)
    folder.touch()
    return enterprise


FAULTY: dict[str, tuple[Callable[[Enterprise], Enterprise], str, int]] = {
    "unforeseen": (with_broken_verifier, "good", 500),
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
    """A fault has one response, one log entry and one count each way, and the fast path needs no Flask."""
    breaking, name, status = FAULTY[case]
    token, _ = issued(enterprise, side.subject)
    # A logger that was used before is configured already.
    monkeypatch.setattr(error_responses, "log", structlog.get_logger())
    middleware.log.configure(None)

    with ways(breaking(enterprise)) as each_way:
        faults, answers, logs = [counted_faults()], list[TestResponse](), list[Any]()
        for client in each_way.each():
            with capture_logs() as logged:
                answers.append(ASKED[name](client, side, token))
            logs.append(logged)
            faults.append(counted_faults())

    assert (answers[0].status_code, each_way.passed_on) == (status, [])
    assert [comparable(answer) for answer in answers[1:]] == [comparable(answers[0])] * 2
    assert lines(logs[0]) == lines(logs[1]) == lines(logs[2])
    assert {entry["event"] for entry in logs[0]} & {"fault", "unforeseen error"}
    assert [after - before for before, after in pairwise(faults)] == [1] * 3

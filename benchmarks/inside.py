"""The application called in this process, without a network, as a worker of `serve --role callbacks` has it.

A call is what gunicorn does with a request: a new environ, the application, every byte of the response.
"""

from collections.abc import Callable, Iterable
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

from flask import Flask, Response

from benchmarks.population import VARIABLES, Size, found
from benchmarks.traffic import Question
from validator.app import create_app
from validator.clock import SystemClock
from validator.exchange import Exchange, current_exchange
from validator.files import make_private_folder
from validator.metrics import sharing
from validator.services import Services
from validator.settings.loading import load
from validator.web import logs

SOURCE = "203.0.113.7"
ANSWER = b'{"retCode":0,"message":"validate success"}'
# The part of gunicorn's environ that every request has.
ENVIRON: dict[str, Any] = {
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": None,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,
    "REQUEST_METHOD": "POST",
    "SCRIPT_NAME": "",
    "QUERY_STRING": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_NAME": "127.0.0.1",
    "SERVER_PORT": "8000",
    "SERVER_SOFTWARE": "gunicorn",
    "REMOTE_ADDR": SOURCE,
    "REMOTE_PORT": "40000",
    "HTTP_HOST": "validator.example.com",
    "HTTP_CONNECTION": "keep-alive",
    "HTTP_USER_AGENT": "benchmark",
    "HTTP_ACCEPT": "*/*",
    "CONTENT_TYPE": "application/json",
}
_counting: list[Path] = []


def opened(home: Path, size: Size, url: str | None = None) -> Services:
    """Return what `population.found` makes, counting in mapped files as in a worker."""
    if not _counting:
        # A process counts in one folder, however many homes it opens here; a service opened before does not.
        make_private_folder(home)
        metrics = load(home, environment=VARIABLES).metrics
        _counting.append(metrics.directory)
        sharing.begin(metrics.directory, "callbacks", SystemClock())
    return found(home, size, url)


def application(services: Services) -> WSGIApplication:
    """Return the application of *services*, logging as in a worker."""
    logs.configure(services.settings.log, SystemClock())
    current_exchange.set(Exchange("0" * 32, SOURCE, services.settings.server.role))
    return create_app(services).wsgi_app


def bare(path: str) -> WSGIApplication:
    """Return a Flask application that gives one constant answer at *path*: what all else is compared with."""
    app = Flask("bare", static_folder=None)

    @app.post(path)
    def answer() -> Response:
        return Response(ANSWER, 200, content_type="application/json")

    return app.wsgi_app


def calling(app: WSGIApplication, path: str, questions: Iterable[Question]) -> Callable[[], bytes]:
    """Return what asks *app* the next of *questions*, round and round, and returns the answer."""
    environs = cycle([_environ(path, question.body) for question in questions])

    def call() -> bytes:
        environ, body = next(environs)
        answer = app(environ | {"wsgi.input": BytesIO(body)}, _start_response)
        content = b"".join(answer)
        close = getattr(answer, "close", None)
        if close is not None:
            close()
        return content

    return call


def check_answers(app: WSGIApplication, path: str, questions: Iterable[Question]) -> None:
    """Raise ValueError unless *app* answers each question as is right."""
    for question in questions:
        said = calling(app, path, [question])()
        if b'"retCode":%d,' % question.code not in said:
            raise ValueError(f"a question of the kind {question.kind} was answered with {said.decode()}")


def _start_response(_status: str, _headers: Any, _error: Any = None) -> Any:
    return None


def _environ(path: str, body: bytes) -> tuple[dict[str, Any], bytes]:
    """Return gunicorn's environ of a request, without its body."""
    about = {"PATH_INFO": path, "RAW_URI": path, "CONTENT_LENGTH": str(len(body))}
    return ENVIRON | about, body

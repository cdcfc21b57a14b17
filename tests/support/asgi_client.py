"""An ASGI application as a WSGI application, for werkzeug's client: an event loop in a separate thread."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from threading import Thread
from typing import Any

from gunicorn.http.errors import ParseException
from werkzeug.test import Client

from validator.web.asgi import AsgiApplication

_TIMEOUT = 30  # seconds, for a busy machine; a response takes some milliseconds
_BROKEN = (OSError, ParseException)
_DISCONNECT = {"type": "http.disconnect"}
_SERVER = ("localhost", 80)


@contextmanager
def asgi_client(app: AsgiApplication) -> Iterator[Client]:
    """Yield a client of *app*, which is started before and stopped afterwards."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    stopping = asyncio.Event()
    sent: list[dict[str, Any]] = []
    started = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if not started.is_set():
            started.set()
            return {"type": "lifespan.startup"}
        await stopping.wait()
        return {"type": "lifespan.shutdown"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def stop() -> None:
        stopping.set()

    async def start() -> "asyncio.Task[None]":
        task = asyncio.create_task(app({"type": "lifespan"}, receive, send))
        while not sent:
            await asyncio.sleep(0)
        return task

    life = _on(loop, start())
    yield Client(_as_wsgi(app, loop))
    _on(loop, stop())
    _on(loop, asyncio.wait_for(life, _TIMEOUT))
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]
    loop.call_soon_threadsafe(loop.stop)
    thread.join(_TIMEOUT)
    loop.close()


def _on(loop: asyncio.AbstractEventLoop, doing: Any) -> Any:
    return asyncio.run_coroutine_threadsafe(doing, loop).result(_TIMEOUT)


def _as_wsgi(app: AsgiApplication, loop: asyncio.AbstractEventLoop) -> Callable[..., Iterable[bytes]]:
    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        head, body = _on(loop, _exchange(app, environ))
        status = HTTPStatus(head["status"])
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in head["headers"]]
        start_response(f"{status.value} {status.phrase}", headers)
        # A client that sent HEAD expects no body, and a server sends none.
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body["body"]]

    return call


async def _exchange(app: AsgiApplication, environ: dict[str, Any]) -> list[Any]:
    """Return the messages of the response to the request in *environ*."""
    messages, sent = _messages(environ), list[Any]()

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    await app(_scope(environ), receive, send)
    return sent


def _scope(environ: dict[str, Any]) -> dict[str, Any]:
    named = {"CONTENT_LENGTH": "HTTP_CONTENT_LENGTH", "CONTENT_TYPE": "HTTP_CONTENT_TYPE"}
    headers = [(named.get(name, name), value) for name, value in environ.items()]
    return {
        "type": "http",
        "http_version": "1.1",
        "method": environ["REQUEST_METHOD"],
        "scheme": environ["wsgi.url_scheme"],
        "raw_path": environ["PATH_INFO"].encode("latin-1"),
        "query_string": environ["QUERY_STRING"].encode("latin-1"),
        "headers": [
            (name.removeprefix("HTTP_").replace("_", "-").lower().encode(), value.encode("latin-1"))
            for name, value in headers
            if name.startswith("HTTP_") and value
        ],
        "client": (environ["REMOTE_ADDR"], 1) if environ.get("REMOTE_ADDR") else None,
        "server": _SERVER,
    }


def _messages(environ: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a server sends of a request's body, in two parts; a disconnect when it is cut off."""
    try:
        body = environ["wsgi.input"].read()
    except _BROKEN:
        body = None
    if body is not None:
        yield {"type": "http.request", "body": body[:10], "more_body": True}
        length = environ.get("CONTENT_LENGTH") or "0"
        is_cut_off = length.isascii() and len(body) < int(length)
        yield {"type": "http.request", "body": body[10:], "more_body": is_cut_off}
    while True:
        yield _DISCONNECT

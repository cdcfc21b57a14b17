"""The callbacks' role as an ASGI application (ASGI 3: HTTP and lifespan), for a worker with an event loop.

The loop only reads requests and sends responses, because whatever waits on it stops every connection. The
fast path runs in the threads of one lane, and Flask, for every other request, in those of another one, so
that each response is the one that a worker with threads gives. Only the probe of the process runs on the
loop: it needs no storage, and a response shows that the loop runs.

gunicorn limits the head of a request. The body is limited here, before all of it has arrived.
"""

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from functools import lru_cache, partial
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from werkzeug.wsgi import get_content_length

from validator.callbacks import wire
from validator.clock import stopwatch
from validator.errors import Fault, Reason
from validator.web.fastpath import CallbackRequest, FastPathWsgi
from validator.web.incoming import read_body
from validator.web.lane import Job, Lane, OverloadError
from validator.web.policy import ServerPolicy
from validator.web.replies import PlainResponse

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
_Callback = tuple[str, dict[str, Any], Callable[[], bytes], float]  # the first fields of a CallbackRequest
_ALIVE = "/healthz"
_TIMEOUT = 1.0  # seconds for a callback's response
_WAITING = 256  # callbacks before a thread, some hundredths of a second of work
_AT_ONCE = 32  # callbacks in one turn at the counters and at the trail, some milliseconds of work
_OTHERS_TIMEOUT, _OTHERS_WAITING, _OTHERS_THREADS = 5.0, 32, 2
_KEPT_HEADERS = 1024
_SAME_IN_ALL = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.errors": None,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
    "wsgi.input_terminated": True,  # the whole body was received
}


class AsgiApplication:
    """The ASGI application."""

    def __init__(self, front: FastPathWsgi, policy: ServerPolicy, *, has_network: bool) -> None:
        """Respond as *front*; with *has_network* its storages wait for a network or a disk."""
        self._front, self._fast_path, self._max_body = front, front.fast_path, policy.max_body
        self._callbacks: Lane[_Callback, PlainResponse] = Lane(
            "callbacks",
            self._respond,
            threads=policy.threads,
            waiting=_WAITING,
            timeout=_TIMEOUT,
            at_once=1 if has_network else _AT_ONCE,
        )
        self._others: Lane[dict[str, Any], PlainResponse] = Lane(
            "others",
            lambda jobs: [self._ask_flask(job.asked) for job in jobs],
            threads=_OTHERS_THREADS,
            waiting=_OTHERS_WAITING,
            timeout=_OTHERS_TIMEOUT,
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve a request, or the life of the process; the worker accepts nothing else."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        for lane in (self._callbacks, self._others):
            lane.begin()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for lane in (self._callbacks, self._others):
            lane.end()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Message, receive: Receive, send: Send) -> None:
        began, environ = stopwatch(), environ_of(scope)
        method, path = environ["REQUEST_METHOD"], wire.plain_path(environ["PATH_INFO"])
        environ["wsgi.input"] = await _body(environ, receive, self._max_body)
        try:
            status, headers, body = await self._response(method, path, environ, began)
        except Exception as error:  # noqa: BLE001 - nothing is swallowed: it is logged, without its message
            failure = Fault(Reason.OVERLOADED) if isinstance(error, OverloadError) else error
            status, headers, body = self._fast_path.respond_to(failure, method, path, environ, began)
        await send({"type": "http.response.start", "status": status, "headers": [*map(_encoded, headers)]})
        await send({"type": "http.response.body", "body": body})

    async def _response(self, method: str, path: str, environ: dict[str, Any], began: float) -> PlainResponse:
        if self._fast_path.takes(method, path):
            read = partial(read_body, environ, self._max_body)
            return await self._callbacks.submit((path, environ, read, began))
        if path == _ALIVE:
            return self._ask_flask(environ)
        return await self._others.submit(environ)

    def _respond(self, jobs: Sequence[Job[_Callback, PlainResponse]]) -> list[PlainResponse]:
        """Return the responses to callbacks that arrived together."""
        return self._fast_path.respond([CallbackRequest(*job.asked, job.is_given_up) for job in jobs])

    def _ask_flask(self, environ: dict[str, Any]) -> PlainResponse:
        """Return the response of Flask (PEP 3333)."""
        begun: list[Any] = []
        content = self._front(environ, lambda status, headers, _error=None: begun.extend((status, headers)))
        try:
            body = b"".join(content)
        finally:
            getattr(content, "close", lambda: None)()
        status, headers = begun
        return PlainResponse(int(status.partition(" ")[0]), tuple(headers), body)


class _CutOff(BytesIO):
    """The input of a request whose client left, or was too slow, before the end of the body."""

    def read(self, _size: int | None = -1, /) -> bytes:
        """Raise ConnectionResetError, as a socket does."""
        raise ConnectionResetError


async def _body(environ: dict[str, Any], receive: Receive, maximum: int) -> BytesIO:
    """Return the body, or more than *maximum* bytes of it; nothing of one that announces more."""
    length = get_content_length(environ)
    is_without = length is None and "HTTP_TRANSFER_ENCODING" not in environ
    is_more, parts, size = not is_without and (length or 0) <= maximum, [], 0
    while is_more and size <= maximum:
        message = await receive()
        if message["type"] == "http.disconnect":
            return _CutOff()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        is_more = message.get("more_body", False)
    return BytesIO(b"".join(parts))


def environ_of(scope: Message) -> dict[str, Any]:
    """Return the environment (PEP 3333) of the request in *scope*, as gunicorn's other workers make it."""
    path = scope["raw_path"]
    if not path.startswith(b"/"):
        path = urlsplit(path).path  # of a whole URL
    if b"%" in path:
        path = unquote_to_bytes(path)
    server = scope["server"] or ("", "")
    environ = {
        **_SAME_IN_ALL,
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "REMOTE_ADDR": scope["client"][0] if scope["client"] else "",  # "" on a unix socket
        "wsgi.url_scheme": scope["scheme"],
    }
    for name, value in scope["headers"]:
        variable, text = _variable(name), value.decode("latin-1")
        environ[variable] = f"{environ[variable]},{text}" if variable in environ else text
    return environ


@lru_cache(_KEPT_HEADERS)
def _variable(name: bytes) -> str:
    """Return the variable of a header (RFC 3875, section 4.1.18)."""
    variable = name.decode("latin-1").upper().replace("-", "_")
    return variable if variable in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{variable}"


@lru_cache(_KEPT_HEADERS)
def _encoded(header: tuple[str, str]) -> tuple[bytes, bytes]:
    return header[0].lower().encode("latin-1"), header[1].encode("latin-1")

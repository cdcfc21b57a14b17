"""TLS in front of a server, whose next responses a test may plan; it records every request."""

import ssl
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeAlias, cast

import httpx2

from tests.support.faulty_server import QuietServer
from tests.support.server_process import TIMEOUT

_DRIP = 0.2  # seconds between two bytes
_OF_CONNECTION = {"connection", "host", "keep-alive", "te", "transfer-encoding", "content-length", "date"}


@dataclass(frozen=True)
class Request:
    """What a client sent."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Front:
    """A running front: its port, the requests so far, and what the next ones get instead of a response."""

    port: int
    seen: list[Request] = field(default_factory=list)
    planned: "deque[Plan]" = field(default_factory=deque)
    released: threading.Event = field(default_factory=threading.Event)

    def url(self, host: str = "localhost") -> str:
        """Return the front's origin by the name *host*."""
        return f"https://{host}:{self.port}"

    def plan(self, *plans: "Plan") -> None:
        """Forget the requests so far, and serve the next ones by *plans*, then by the server again."""
        self.seen.clear()
        self.planned.clear()
        self.planned.extend(plans)


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    front: Front
    server_url: str

    def do_POST(self) -> None:
        """Serve one request by its plan, or by the server."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        # The later of two fields with one name counts; no client here sends any twice.
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.path, headers, body)
        self.front.seen.append(request)
        plan = self.front.planned.popleft() if self.front.planned else forwarded()
        with suppress(OSError):  # a client may give up
            plan(self, request)

    def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Send a whole response."""
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


Plan: TypeAlias = Callable[[Handler, Request], None]


def answer(status: int, body: bytes = b"", **headers: str) -> Plan:
    """Plan this response; an underscore in the name of a header is a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, _: handler.reply(status, named, body)


def forwarded(after: Callable[[], object] = lambda: None) -> Plan:
    """Plan the server's response, sent when *after* has run."""

    def forward(handler: Handler, request: Request) -> None:
        kept = {name: text for name, text in request.headers.items() if name not in _OF_CONNECTION}
        got = httpx2.post(
            handler.server_url + request.path, headers=kept, content=request.body, timeout=TIMEOUT
        )
        after()
        answered = {name: text for name, text in got.headers.items() if name not in _OF_CONNECTION}
        handler.reply(got.status_code, answered, got.content)

    return forward


def stalled(handler: Handler, _: Request) -> None:
    """Plan no response at all; the connection stays open."""
    handler.front.released.wait(TIMEOUT * 3)


def dripping(handler: Handler, _: Request) -> None:
    """Plan a response whose body comes byte by byte, and is not complete before every client gave up."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    while not handler.front.released.wait(_DRIP):
        handler.wfile.write(b" ")


@contextmanager
def planned_front(bind: str, context: ssl.SSLContext) -> Iterator[Front]:
    """Run a front with the certificate of *context* before the server at *bind*."""
    handler = cast(type[Handler], type("Bound", (Handler,), {"server_url": f"http://{bind}"}))
    with QuietServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        # The handshake happens at the first read, in the thread of the connection.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        handler.front = Front(server.server_port)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield handler.front
        finally:
            handler.front.released.set()
            server.shutdown()
            thread.join()

"""A stand-in for the enterprise's CRM: a real HTTP server on loopback that misbehaves on demand.

It is written from the documentation alone and shares nothing with the code it tests.
"""

import itertools
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/customers/find"
TOKEN = "crm-token-Xk4-never-shown"
_TIMEOUT = 30  # seconds; the maximum wait of a stalled response for its release


@dataclass(frozen=True)
class CrmRequest:
    """A request: its path, its headers by their names in lower case, and its body."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeCrm:
    """The next response of a CRM, and the requests that it received."""

    status: int = 200
    body: bytes = b'{"customers": []}'
    headers: dict[str, str] = field(default_factory=dict)
    stalls: str = ""  # "head" or "body": where the response stops until the CRM is released
    drips: bool = False  # the head comes byte by byte, without end, until the CRM is released
    breaks_off: bool = False  # the connection ends within the body
    requests: list[CrmRequest] = field(default_factory=list)
    received: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))  # one a request
    released: threading.Event = field(default_factory=threading.Event)
    dripped: threading.Event = field(default_factory=threading.Event)  # set after 20 bytes
    hung_up: threading.Event = field(default_factory=threading.Event)
    origin: str = ""

    @property
    def url(self) -> str:
        """The URL to configure."""
        return f"{self.origin}{PATH}"

    def know(self, *records: Any) -> None:
        """Respond with *records* from now on."""
        self.body = json.dumps({"customers": list(records)}).encode()


def _handler(crm: FakeCrm) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Records a request, and responds as the CRM is set."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            crm.requests.append(CrmRequest(self.path, headers, body))
            crm.received.release()
            with suppress(OSError):  # the client may have gone
                _respond(self, crm)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler


def _respond(handler: BaseHTTPRequestHandler, crm: FakeCrm) -> None:
    handler.close_connection = True
    if crm.stalls == "head":
        crm.released.wait(_TIMEOUT)
    if crm.drips:
        _drip(handler, crm)
    handler.send_response(crm.status)
    for pair in crm.headers.items():
        handler.send_header(*pair)
    handler.send_header("Content-Length", str(len(crm.body) + int(crm.breaks_off)))
    handler.end_headers()
    if crm.stalls == "body":
        crm.released.wait(_TIMEOUT)
    handler.wfile.write(crm.body)


def _drip(handler: BaseHTTPRequestHandler, crm: FakeCrm) -> None:
    """Send a header that does not end, a byte at a time, until the client hangs up."""
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        for count in itertools.count():
            if crm.released.wait(0.01):
                break
            handler.wfile.write(b"x")
            if count == 20:
                crm.dripped.set()
    except OSError:
        crm.hung_up.set()
        raise


@contextmanager
def running_crm(tls: ssl.SSLContext | None = None) -> Iterator[FakeCrm]:
    """Yield a CRM that listens on a free port of 127.0.0.1, over TLS with the context *tls*."""
    crm = FakeCrm()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(crm)) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        crm.origin = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield crm
        finally:
            crm.released.set()
            server.shutdown()
            thread.join()

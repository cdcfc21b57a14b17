"""A stand-in for the other call centre: a real HTTPS server on loopback that misbehaves on demand.

It is written from the documentation alone and shares nothing with the code it tests.
"""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.support.loopback_authority import server_context

USERNAME, EXTENSION = "li.wei.at-centre", "1001"
PASSWORD = "plain-password-of-the-centre"
DIGEST = "5aa2b89ba2f5a1b2a2cd7a1c8c7a3ca0"  # as if it were the MD5 of a password
AUTH, CALL = "/api/v1/base/auth", "/api/v1/thirdparty/makecall"
CALL_ID = "c128c823-7e1b-4663-864a-b8822b8919bb"
_TIMEOUT = 30  # seconds; the maximum wait of a stalled response for its release


@dataclass(frozen=True)
class CentreRequest:
    """A request: its path, its headers by their names in lower case, and its body."""

    path: str
    headers: dict[str, str]
    body: dict[str, str]


@dataclass
class FakeCentre:
    """The users of a call centre, their tokens, and the requests that it received.

    An entry of `replies` replaces the response on its path, once for each: status, headers, content. The
    response to `stalled` waits until the centre is released.
    """

    origin: str = ""
    ca_file: Path = Path()
    users: dict[str, str] = field(default_factory=lambda: {USERNAME: DIGEST})
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    lifetime: int = 43_200  # seconds
    tokens: list[str] = field(default_factory=list)  # only the last one is known, and none once they ended
    replies: dict[str, list[tuple[int, dict[str, str], object]]] = field(default_factory=dict)
    call_headers: dict[str, str] = field(default_factory=dict)
    stalled: str = ""
    requests: list[CentreRequest] = field(default_factory=list)
    received: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))  # one a request
    released: threading.Event = field(default_factory=threading.Event)
    known: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, path: str) -> list[CentreRequest]:
        """Return the requests on *path*."""
        return [request for request in self.requests if request.path == path]

    @property
    def logins(self) -> int:
        """How many requests of a login there were."""
        return len(self.on(AUTH))

    @property
    def dialled(self) -> list[str]:
        """The numbers of the requests of a call."""
        return [request.body["callee"] for request in self.on(CALL)]

    def end_tokens(self) -> None:
        """Know no token any more, as after a restart."""
        self.known = ""

    def seconds(self, seconds: int) -> int:
        """Return the epoch seconds *seconds* from now."""
        return int(self.now().timestamp()) + seconds

    def logged_in(self, body: dict[str, str]) -> object:
        """Return the response to a login."""
        if self.users.get(body["username"]) != body["password"]:
            return {"code": 7, "data": {}, "msg": f"wrong password {body['password']}"}
        with self.lock:
            self.known = f"eyJ.token-of-the-centre-{len(self.tokens)}.signature"
            self.tokens.append(self.known)
        data = {
            "user": body["username"],
            "nickname": "Li",
            "extNo": EXTENSION,
            "token": self.known,
            "expiresAt": self.seconds(self.lifetime),
        }
        return {"code": 0, "data": data, "msg": "ok"}

    def called(self, token: str) -> object:
        """Return the response to a call."""
        if token != self.known or not token:
            return {"code": 7, "data": {"reload": True}, "msg": "not logged in"}
        return {"code": 0, "data": {"callId": CALL_ID}, "msg": "ok"}


def _handler(centre: FakeCentre) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Records a request, and responds as the centre is set."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            headers = {name.lower(): value for name, value in self.headers.items()}
            centre.requests.append(CentreRequest(self.path, headers, body))
            centre.received.release()
            with suppress(OSError):  # the client may have gone
                _respond(self, centre, headers, body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    return Handler


def _respond(
    handler: BaseHTTPRequestHandler, centre: FakeCentre, headers: dict[str, str], body: dict[str, str]
) -> None:
    handler.close_connection = True
    if centre.stalled == handler.path:
        centre.released.wait(_TIMEOUT)
    queued = centre.replies.get(handler.path)
    if queued:
        status, more, content = queued.pop(0)
    elif handler.path == AUTH:
        status, more, content = 200, {}, centre.logged_in(body)
    else:
        status, more, content = 200, centre.call_headers, centre.called(headers.get("x-token", ""))
    payload = content if isinstance(content, bytes) else json.dumps(content).encode()
    handler.send_response(status)
    for pair in more.items():
        handler.send_header(*pair)
    handler.send_header("Content-Length", str(len(payload)))
    handler.end_headers()
    handler.wfile.write(payload)


@contextmanager
def running_centre(folder: Path, tls: ssl.SSLContext | None = None) -> Iterator[FakeCentre]:
    """Yield a call centre on a free port of 127.0.0.1, with a certificate of an authority in *folder*."""
    centre = FakeCentre(ca_file=folder / "ca.pem")
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(centre)) as server:
        context = tls or server_context(folder)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        centre.origin = f"https://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield centre
        finally:
            centre.released.set()
            server.shutdown()
            thread.join()

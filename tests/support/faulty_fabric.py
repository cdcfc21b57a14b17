"""A stand-in for the cloud's API Fabric: a real HTTP server on loopback that misbehaves on demand.

It is written from the protocol alone and shares nothing with the code it tests.
"""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN_PATH = "/apigovernance/api/oauth/tokenByAkSk"
AGENTS_PATH = "/apiaccess/CC-Mangemant/v1/queryAgentInfo"
APP_KEY = "app-key-7f3a"
APP_SECRET = "app-secret-QqX2-never-shown"
TOKEN = "access-token-never-shown"
SIP_PASSWORD = "sip-password-never-shown"
_PAUSE = 0.03  # seconds between two bytes of a body that drips
_TIMEOUT = 30  # seconds; the maximum wait of a slow response for its release


def agent(code: str | int, work_no: str | int = 1001, **more: object) -> dict[str, object]:
    """Return an agent as the cloud lists one."""
    common = {"sipAccount": str(work_no), "sipPwd": f"{SIP_PASSWORD}-{code}"}
    return {"accountCode": code, "workNo": work_no, **common, **more}


@dataclass(frozen=True)
class Asked:
    """A request that came: its method, path, headers by their small names, and its body."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Misbehaviour:
    """What is answered instead, once."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    is_slow: bool = False  # nothing is answered until the cloud is released
    breaks_off: bool = False  # the connection ends in the middle of the body
    drips: bool = False  # the body comes byte by byte, with a pause after each


@dataclass
class FakeCloud:
    """What the cloud has, how it misbehaves next at each route, and what it was asked."""

    agents: Any = field(default_factory=list)
    expires: object = "600"
    wrong: dict[str, list[Misbehaviour]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    issued: list[str] = field(default_factory=list)
    url: str = ""

    def misbehave(self, path: str, *wrong: Misbehaviour) -> None:
        """Answer the next questions at *path* with *wrong*, one each."""
        self.wrong.setdefault(path, []).extend(wrong)

    def end_tokens(self) -> None:
        """Forget every token that was issued."""
        self.issued.clear()

    def count(self, path: str) -> int:
        """Return how often *path* was asked."""
        return sum(one.path == path for one in self.asked)

    def answer(self, one: Asked) -> Misbehaviour:
        """Return what *one* is answered."""
        self.asked.append(one)
        waiting = self.wrong.get(one.path)
        if waiting:
            return waiting.pop(0)
        if (one.method, one.path) == ("POST", TOKEN_PATH):
            return self._token(one)
        if (one.method, one.path) == ("GET", AGENTS_PATH):
            return self._agents(one)
        return Misbehaviour(404)

    def _token(self, one: Asked) -> Misbehaviour:
        if json.loads(one.body) != {"app_key": APP_KEY, "app_secret": APP_SECRET}:
            return Misbehaviour(401)
        self.issued.append(f"{TOKEN}-{len(self.asked)}")
        told = {"AccessToken": self.issued[-1], "ApplyType": "Bearer", "CreateTime": "1793763952"}
        told |= {"Scope": "all", "AppKey": APP_KEY, "UserID": "1"}
        return _good(told if self.expires is None else {**told, "Expires": self.expires})

    def _agents(self, one: Asked) -> Misbehaviour:
        bearer = one.headers.get("authorization", "").removeprefix("Bearer ")
        if bearer not in self.issued or one.headers.get("x-app-key") != APP_KEY:
            return Misbehaviour(401)
        return _good({"sipServiceIp": "192.0.2.9", "sipServicePort": 5060, "agents": self.agents})


def _good(content: object) -> Misbehaviour:
    return Misbehaviour(200, json.dumps(content).encode(), (("Content-Type", "application/json"),))


def _handler(cloud: FakeCloud) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Reads a request, and answers it as the cloud says."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            said = cloud.answer(Asked(self.command, self.path, headers, body))
            if said.is_slow:
                cloud.released.wait(_TIMEOUT)
            with suppress(OSError):  # who asked may have gone
                _say(self, said, cloud.released)

    return Handler


def _say(handler: BaseHTTPRequestHandler, said: Misbehaviour, released: threading.Event) -> None:
    handler.send_response(said.status)
    for pair in said.headers:
        handler.send_header(*pair)
    handler.send_header("Content-Length", str(len(said.body) + int(said.breaks_off)))
    handler.end_headers()
    for byte in said.body if said.drips else ():
        handler.wfile.write(bytes([byte]))
        released.wait(_PAUSE)
    handler.wfile.write(b"" if said.drips else said.body)
    handler.close_connection = said.breaks_off or said.is_slow


@contextmanager
def running_cloud(tls: ssl.SSLContext | None = None) -> Iterator[FakeCloud]:
    """Yield a cloud that listens on a free port of 127.0.0.1, with TLS if *tls* says how."""
    cloud = FakeCloud()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(cloud)) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        cloud.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield cloud
        finally:
            cloud.released.set()
            server.shutdown()
            thread.join()

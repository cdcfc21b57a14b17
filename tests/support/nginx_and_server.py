"""A real nginx, rendered from settings, in front of a real `validator serve`, and clients at its doors."""

import re
import socketserver
import ssl
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from socket import create_connection, socket
from threading import Event, Thread
from typing import Any, BinaryIO, cast

import orjson
import trustme

from tests.support import raw_http
from tests.support.command_line import CHANNEL, LOGIN, ORIGIN, PASSWORD, SECRET_KEY, TENANT, CommandLine
from tests.support.nginx_process import (
    Answer,
    edit,
    folder_for_nginx,
    read_answer,
    request_bytes,
    running_nginx,
)
from tests.support.raw_http import Headers
from tests.support.server_process import TIMEOUT, Server, free_port, serving, wait_until
from validator.audit import reading
from validator.operations.proxy import nginx
from validator.settings.loading import Settings, load
from validator.settings.sources import environment_variable
from validator.web.policy import IntegrationRoute

NAME = "portal.example.com"
CALLBACKS_NAME = "callbacks.example.com"
BEHIND_PROXY = {"server.trusted_proxies": "1", "server.workers": "2"}


@dataclass(frozen=True, slots=True)
class Entrance:
    """One way in: the port, the names that are said in the handshake and in Host, and the own address."""

    port: int
    context: ssl.SSLContext | None  # None is plain HTTP
    host: str
    sni: str | None
    source: str = "127.0.0.1"

    def coming_from(self, source: str) -> "Entrance":
        """Return the same entrance for a client at the address *source*."""
        return replace(self, source=source)

    def connect(self, session: ssl.SSLSession | None = None) -> socket:
        """Return a connection to write anything into; reading from it never takes for ever."""
        raw = create_connection(("127.0.0.1", self.port), TIMEOUT, (self.source, 0))
        if self.context is None:
            return raw
        try:
            return self.context.wrap_socket(raw, server_hostname=self.sni, session=session)
        except OSError:
            raw.close()
            raise

    def send(self, request: bytes, method: str = "GET") -> Answer:
        """Send the bytes of one request over a new connection, and read the response."""
        with self.connect() as connection:
            # An answer may come, and the connection end, before everything is sent.
            with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
                connection.sendall(request)
            return read_answer(connection, method)

    def ask(
        self, target: str, method: str = "GET", headers: Headers = (), body: bytes | None = None
    ) -> Answer:
        """Send one request over a new connection."""
        return self.send(self.request(target, method, headers, body), method)

    def post(self, target: str, content: Any, headers: Headers = ()) -> Answer:
        """Send *content* as JSON."""
        json = [("Content-Type", "application/json"), *headers]
        return self.ask(target, "POST", json, orjson.dumps(content))

    def request(
        self, target: str, method: str = "GET", headers: Headers = (), body: bytes | None = None
    ) -> bytes:
        """Return the bytes of a request."""
        return request_bytes(self.host, target, method, headers, body)


def check_headers(answer: Answer) -> None:
    """Assert what every response of nginx has, whatever made it: each header once, and no version."""
    counts = Counter(name.lower() for name, _ in answer.headers if name.lower() != "set-cookie")
    repeated = {name: count for name, count in counts.items() if count > 1}
    assert repeated == {}
    assert answer.value("Server") == "nginx"
    assert answer.value("Strict-Transport-Security") == "max-age=31536000"
    assert re.fullmatch(r"[0-9a-f]{32}", answer.value("X-Request-ID"))
    assert (answer.status in (429, 503)) <= (answer.value("Retry-After") == "1")


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """A running nginx: its folder, its ports, who signed its certificates, and its settings."""

    folder: Path
    port: int
    plain_port: int
    authority: trustme.CA
    settings: Settings

    @property
    def portal(self) -> Entrance:
        """The portal, as a browser comes to it."""
        return self.entrance(NAME)

    @property
    def callbacks(self) -> Entrance:
        """Where the cloud asks: the callbacks' own server if there is one, else the portal."""
        return self.entrance(self.settings.proxy.callbacks_name or NAME)

    @property
    def plain(self) -> Entrance:
        """The portal over plain HTTP."""
        return Entrance(self.plain_port, None, NAME, None)

    @property
    def origin(self) -> str:
        """The portal's origin."""
        return f"https://{NAME}:{self.port}"

    def entrance(self, host: str, sni: str | None = "", identity: trustme.LeafCert | None = None) -> Entrance:
        """Return a way in that says *host*, and *sni* if it is another, and shows *identity* if any."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # so that one name may be said and another be answered
        self.authority.configure_trust(context)
        if identity:
            identity.configure_cert(context)
        return Entrance(self.port, context, f"{host}:{self.port}", host if sni == "" else sni)

    def log(self) -> list[dict[str, Any]]:
        """Return the lines of nginx's access log so far, each a JSON object."""
        lines = (self.folder / "logs" / "validator.access.log").read_bytes().splitlines()
        return [orjson.loads(line) for line in lines]

    def logged(self, amount: int, **members: Any) -> list[dict[str, Any]]:
        """Return the lines with *members* as soon as there are *amount*: nginx answers, then logs."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.log() if members.items() <= line.items()]

        wait_until(lambda: len(found()) >= amount, f"{amount} lines with {members}")
        return found()


@contextmanager
def front_door(
    folder: Path,
    settings: Mapping[str, str],
    edits: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    integrations: tuple[IntegrationRoute, ...] | None = None,
) -> Iterator[FrontDoor]:
    """Run what is rendered from *settings*, with what a door needs besides, in *folder*.

    *integrations* are the routes of that role, by default those of the settings. *edits* are texts of
    validator.conf, each with what stands there instead; *files* are written beside it. In the settings
    {folder} and {port} are where they are.
    """
    for name, content in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    port, plain_port = (free_port() for _ in range(2))
    authority = _write_certificate(folder)
    chosen = {**_needed(folder, port, plain_port), **settings}
    chosen = {key: _at(text, folder, port) for key, text in chosen.items()}
    loaded = load(folder / "home", environment=environment_of(chosen))
    proxy = loaded.proxy if integrations is None else replace(loaded.proxy, integrations=integrations)
    nginx.write(nginx.render(proxy, loaded.callbacks, loaded.limits, loaded.server.max_body), folder)
    edit(folder / "validator.conf", edits or {})
    with running_nginx(folder, port, plain_port):
        yield FrontDoor(folder, port, plain_port, authority, loaded)


@contextmanager
def guarded(
    home: Path,
    settings: Mapping[str, str],
    edits: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> Iterator[tuple[FrontDoor, Server]]:
    """Run the server of *home* on a unix socket, and nginx in front of it, both with *settings*."""
    with folder_for_nginx() as folder:
        bind = f"unix:{folder}/validator.sock"
        own = {**BEHIND_PROXY, **settings, "server.bind": bind}
        # The server needs of the door only whether there is one for client certificates.
        variables = environment_of({key: _at(text, folder, 8443) for key, text in own.items()})
        with (
            serving(home, bind=bind, variables=variables) as server,
            front_door(folder, own, edits, files) as door,
        ):
            yield door, server


@contextmanager
def closed(settings: Mapping[str, str], files: Mapping[str, bytes] | None = None) -> Iterator[FrontDoor]:
    """Run nginx with nobody behind it."""
    with folder_for_nginx() as folder:
        upstream = {"server.bind": f"unix:{folder}/nobody.sock", "server.trusted_proxies": "1"}
        with front_door(folder, {**upstream, **settings}, files=files) as door:
            yield door


def environment_of(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that set *settings*, given by their keys."""
    return {environment_variable(key): text for key, text in settings.items()}


def verdicts(home: Path) -> list[dict[str, Any]]:
    """Return the verdicts in the audit trail of *home*, oldest first."""
    return [entry for entry in reading.entries(home / "audit") if entry["event"] == "verdict"]


def furnish(home: Path) -> CommandLine:
    """Make a home with a tenant, an account and a channel."""
    validator = CommandLine(home)
    validator.did("init")
    validator.did("tenants", "add", TENANT)
    identity = ("--user-account", "agent-7", "--user-id", "customer-7", "--user-name", "Ann")
    validator.did("accounts", "add", LOGIN, "--tenant", TENANT, *identity, stdin=PASSWORD)
    validator.did("channels", "add", CHANNEL, "--tenant", TENANT, "--origin", ORIGIN, stdin=SECRET_KEY)
    return validator


def _needed(folder: Path, port: int, plain_port: int) -> dict[str, str]:
    return {
        "proxy.origin": f"https://{NAME}:{port}",
        "proxy.listen": f'["127.0.0.1:{port}"]',
        "proxy.listen_plain": f'["127.0.0.1:{plain_port}"]',
        "proxy.certificate": f"{folder}/portal.pem",
        "proxy.certificate_key": f"{folder}/portal.key",
    }


def _at(text: str, folder: Path, port: int) -> str:
    return text.replace("{folder}", str(folder)).replace("{port}", str(port))


def _write_certificate(folder: Path) -> trustme.CA:
    authority = trustme.CA()
    certificate = authority.issue_cert(NAME, CALLBACKS_NAME)
    certificate.private_key_pem.write_to_path(folder / "portal.key")
    certificate.cert_chain_pems[0].write_to_path(folder / "portal.pem")
    return authority


class Listener(socketserver.ThreadingUnixStreamServer):
    """A server behind nginx that records requests, and gives each the same response once `may_answer`.

    The silent one ends the connection instead.
    """

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, path: Path, *, is_silent: bool = False) -> None:
        self.seen: list[raw_http.Request] = []
        self.status = 200
        self.more: Headers = []
        self.content = b'{"retCode":0,"message":"heard"}'
        self.is_silent = is_silent
        self.may_answer = Event()
        self.may_answer.set()
        super().__init__(str(path), _Listening)
        path.chmod(0o666)


class _Listening(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        listener, stream = cast(Listener, self.server), cast(BinaryIO, self.rfile)
        while head := raw_http.read_head(stream, 0):
            raw_http.read_body(stream, head)
            listener.seen.append(head)
            if listener.is_silent or not listener.may_answer.wait(TIMEOUT):
                return
            headers = [("Content-Type", "application/json"), ("X-Request-ID", "of-the-listener")]
            headers += listener.more
            self.wfile.write(raw_http.answer_bytes(listener.status, headers, listener.content))


@contextmanager
def listening(path: Path, *, is_silent: bool = False) -> Iterator[Listener]:
    """Let somebody listen at *path*; the silent one ends the connection instead of answering."""
    with Listener(path, is_silent=is_silent) as listener:
        thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            listener.shutdown()
            thread.join(TIMEOUT)

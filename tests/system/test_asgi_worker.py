"""A real server with `--role callbacks --worker asgi`, and what the application adds to gunicorn's worker.

Times are only bounded from above, by `TIMEOUT`, which a machine with a high load needs; what must not happen
at all would take for ever.
"""

import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import httpx2
import orjson
import pytest

from tests.support.command_line import TENANT, CommandLine, clean_environment
from tests.support.fakes import AGENT_PATH, Credentials
from tests.support.frozen_disk import frozen_disk
from tests.support.server_process import TIMEOUT, Server, serving, stop, wait_until
from tests.support.stopped_process import LOCK_HOLDER, stopped
from validator.audit.folder import CURRENT
from validator.web.policy import WORKERS

ASGI = ("--role", "callbacks", "--worker", "asgi", "--workers", "1")
SECRET = b"hunter2-in-a-request"
KEEP_ALIVE = {"VALIDATOR_SERVER_KEEP_ALIVE": "1s"}
QUESTION = b'{"access_token": "nobody\'s", "tenantSpaceId": "202400000001", "userAccount": "agent-7"}'
PATIENCE = 1.5  # seconds: a callback has a response after one, and some more on a busy machine
LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
# An application for gunicorn's worker alone.
BARE = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})
"""
FILES, CONNECTIONS = 200, 40  # open files of a worker, and the connections that they leave: see `descriptors`


@pytest.fixture
def home(populated: tuple[Path, Credentials], tmp_path: Path) -> Path:
    """Return a home of the test's own."""
    shutil.copytree(populated[0], tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture(scope="module")
def server(populated: tuple[Path, Credentials], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Yield a server on a unix socket, behind a proxy, that waits for nobody longer than a second."""
    folder = tmp_path_factory.mktemp("asgi")
    shutil.copytree(populated[0], folder / "home")
    bind = f"unix:{folder / 'callbacks.sock'}"
    variables = {**KEEP_ALIVE, "VALIDATOR_SERVER_TRUSTED_PROXIES": "1", "VALIDATOR_SERVER_BIND": bind}
    with serving(folder / "home", *ASGI, bind=bind, variables=variables) as running:
        yield running


def answer_to(server: Server, sent: bytes) -> bytes:
    """Return all that *server* sends on a new connection until it closes it, for what was *sent*."""
    with server.connect() as connection:
        connection.sendall(sent)
        with connection.makefile("rb") as stream:
            return stream.read()


def post(server: Server) -> httpx2.Response:
    """Send a callback, the token of which is forged."""
    return server.ask("POST", AGENT_PATH, content=QUESTION)


def head(length: int, *fields: str) -> bytes:
    lines = (f"POST {AGENT_PATH} HTTP/1.1", "Host: x", f"Content-Length: {length}", *fields, "", "")
    return "\r\n".join(lines).encode()


def test_a_token_is_accepted_over_the_socket(home: Path, tmp_path: Path) -> None:
    """A token issued here is accepted, over a unix socket, where the worker names no peer."""
    words = ("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7")
    question = CommandLine(home)(*words).out.encode()
    with serving(home, *ASGI, bind=f"unix:{tmp_path / 'a.sock'}") as server:
        answer = server.ask("POST", AGENT_PATH, content=question)

    assert (answer.status_code, answer.json()["retCode"]) == (200, 0)


def test_proxy_on_a_socket_is_trusted(server: Server) -> None:
    """On a unix socket the proxy's id and address of the caller are those of the log and of the trail."""
    about = {"X-Request-ID": "id-of-the-proxy", "X-Forwarded-For": "6.6.6.6, 203.0.113.9"}

    answer = server.ask("POST", AGENT_PATH, content=QUESTION, headers=about)

    assert answer.headers["X-Request-ID"] == "id-of-the-proxy"
    (entry,) = [entry for entry in server.entries() if entry.get("request_id") == "id-of-the-proxy"]
    assert (entry["event"], entry["source"], entry["status"]) == ("request", "203.0.113.9", 200)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nbad header " + SECRET + b"\r\n\r\n", 400),
        (SECRET + b"\r\n\r\n", 400),
        (b"GET /" + SECRET * 200 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + SECRET * 500 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + SECRET + b"\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + SECRET + b"\r\n", 400),
    ],
    ids=["header", "request line", "long line", "long header", "coding", "chunk"],
)
def test_malformed_requests_get_the_documented_response(server: Server, sent: bytes, status: int) -> None:
    """Malformed HTTP gets the response of the other workers, and nothing of it is returned or logged."""
    answer = answer_to(server, sent)

    top, _, body = answer.rpartition(b"\r\n\r\n")
    assert top.startswith(f"HTTP/1.1 {status} ".encode())
    assert orjson.loads(body)["retCode"] == 1
    assert SECRET not in answer
    assert SECRET not in server.log.read_bytes()


def test_websocket_is_an_ordinary_request(server: Server) -> None:
    """A request to open a WebSocket gets the response of its route."""
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    sent = f"GET {AGENT_PATH} HTTP/1.1\r\nHost: x\r\n{upgrade}{key}\r\n".encode()

    assert answer_to(server, sent).startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize("sent", [b"", b"POST /", head(10)[:-2], head(10), head(10) + b"12345"], ids=range(5))
def test_slow_connections_are_closed(server: Server, sent: bytes) -> None:
    """A connection that sends nothing, or not all of a request, is closed after `keep_alive`."""
    answer = answer_to(server, sent)

    is_head_whole = b"\r\n\r\n" in sent
    assert answer.startswith(b"HTTP/1.1 400 ") if is_head_whole else answer == b""


def test_response_that_is_not_read_is_given_up(server: Server) -> None:
    """A client that sends requests and reads no response loses its connection, and the worker goes on."""
    many = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 20_000
    with server.connect() as connection:
        connection.sendall(many)
        ending = select.poll()
        ending.register(connection, 0)  # only its end is of interest
        assert ending.poll(TIMEOUT * 1000)

    assert server.ask("GET", "/healthz").status_code == 200


def test_body_that_breaks_off_is_recorded(home: Path) -> None:
    """A client that leaves before the end of its body leaves an entry in the trail, and nothing runs on."""
    with serving(home, *ASGI) as server:
        with server.connect() as connection:
            connection.sendall(head(10) + b"12345")
        wait_until(lambda: any(entry.get("status") == 400 for entry in server.entries()), "it is in the log")

    assert [entry["reason"] for entry in CommandLine(home).trail() if entry["event"] == "verdict"] == [
        "body_unreadable"
    ]


@pytest.mark.slow
def test_gunicorn_itself_closes_no_slow_connection(tmp_path: Path) -> None:
    """The same worker without this project's protocol keeps a silent connection and half a head for ever.

    A connection that came later and is idle after its response shows that `keep_alive` has passed meanwhile.
    """
    (tmp_path / "bare.py").write_text(BARE, "utf-8")
    options = ("--keep-alive=1", "--asgi-loop=asyncio", "--asgi-lifespan=off", "--no-control-socket")
    bind = f"unix:{tmp_path / 'bare.sock'}"
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--worker-class=asgi",
        f"--bind={bind}",
        *options,
        "bare:app",
    ]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stdout=log, stderr=log)
    bare = Server(process, bind, tmp_path / "log")
    try:
        wait_until(bare.is_answering, "gunicorn answers")
        with bare.connect() as silent, bare.connect() as headless:
            headless.sendall(b"POST /")
            assert answer_to(bare, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 200 ")
            assert select.select([silent, headless], [], [], 0)[0] == []
    finally:
        stop(process)


@pytest.mark.slow
@pytest.mark.parametrize(("files", "is_refused"), [(FILES, True), (2 * FILES, False)])
def test_connections_are_limited(home: Path, files: int, is_refused: bool) -> None:
    """A worker closes one connection too many at once, keeps the others, and accepts again afterwards."""
    with serving(home, *ASGI, files=files) as server:
        held = [server.connect() for _ in range(CONNECTIONS)]
        with server.connect() as surplus:
            if not is_refused:
                surplus.sendall(LAST)
            assert surplus.recv(15) == (b"" if is_refused else b"HTTP/1.1 200 OK")
        held[0].sendall(LAST)
        assert held[0].recv(15) == b"HTTP/1.1 200 OK"
        for connection in held:
            connection.close()
        wait_until(server.is_answering, "there is room")


def test_stalled_trail_stops_no_probe(home: Path) -> None:
    """While a stopped process holds the trail's lock, callbacks get retCode 4 and the probe a 200.

    The first callbacks wait for the lock in every thread, so that with threads alone no probe would pass.
    """
    trail = CommandLine(home).home / "audit" / CURRENT
    with serving(home, *ASGI) as server, ThreadPoolExecutor(32) as pool:
        with stopped(LOCK_HOLDER, trail):
            asked = [pool.submit(server.ask, "POST", AGENT_PATH, content=QUESTION) for _ in range(32)]
            probes = [server.ask("GET", "/healthz").status_code for _ in range(20)]
            answers = [each.result(TIMEOUT) for each in asked]

            assert probes == [200] * 20
            assert {(each.status_code, each.json()["retCode"]) for each in answers} == {(503, 4)}
            # Within a second, by the server's own count, which a busy machine may double.
            assert max(each["milliseconds"] for each in server.entries() if each.get("status") == 503) < 2000
        wait_until(
            lambda: server.ask("POST", AGENT_PATH, content=QUESTION).json()["retCode"] == 2, "it recovers"
        )


@pytest.mark.parametrize("worker", WORKERS)
def test_stalled_disk_stops_no_request(
    populated: tuple[Path, Credentials], tmp_path: Path, worker: str
) -> None:
    """While every write to the disk hangs, each callback gets retCode 4; with threads one waits for the disk.

    The metrics are elsewhere: a write to a mapped file hangs with the interpreter's lock.
    """
    words = ("--role", "callbacks", "--worker", worker, "--workers", "1")
    variables = {"VALIDATOR_METRICS_DIRECTORY": str(tmp_path / "metrics")}
    with frozen_disk(tmp_path / "disk") as disk:
        home = disk.folder / "home"
        shutil.copytree(populated[0], home)
        with (
            serving(home, *words, variables=variables, log=tmp_path / "log") as server,
            ThreadPoolExecutor(8) as pool,
        ):
            assert post(server).json()["retCode"] == 2
            with disk.stalled():
                asked = [pool.submit(post, server) for _ in range(8)]
                probes = [server.ask("GET", "/healthz").status_code for _ in range(8)]
                # Twice as long as a response may take; the thread that writes waits until the end.
                late = wait(asked, 2 * PATIENCE).not_done if worker == "gthread" else set()
                codes = [each.result(TIMEOUT).json()["retCode"] for each in asked if each not in late]

            assert probes == [200] * 8
            assert set(codes) == {4}
            assert bool(late) is (worker == "gthread")
            wait_until(lambda: post(server).json()["retCode"] == 2, "it recovers")


def test_only_the_callbacks_have_such_a_worker(home: Path) -> None:
    """Any other role with this worker is refused before the start, and the settings are named."""
    said = CommandLine(home)("serve", "--worker", "asgi")

    assert said.code == 1
    assert 'the worker "asgi" serves the role "callbacks" only, and this one is "all"' in said.err

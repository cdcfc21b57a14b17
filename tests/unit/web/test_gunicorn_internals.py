"""The worker of the server, apart from a server."""

import selectors
import socket
from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName
from gunicorn.workers import gthread

from validator.web.gunicorn_internals import ServingResponse, ServingWorker

REQUEST = b"GET / HTTP/1.1\r\n\r\n"


ANSWER = b"the answer"
HEADERS = [("Content-Type", "text/plain"), ("X-Request-ID", "12345678")]
LENGTH = [("Content-Length", str(len(ANSWER)))]


class Worker(ServingWorker):
    """A worker without a server, which lists the connections that got a thread."""

    def __init__(self) -> None:
        self.alive, self.nr_conns, self.cfg = True, 1, SimpleNamespace(is_ssl=False, keepalive=60)
        self.poller, self.pending_conns = selectors.DefaultSelector(), deque[gthread.TConn]()
        self.served: list[gthread.TConn] = []
        self.tpool = SimpleNamespace(submit=self._submit)

    def _submit(self, _: object, conn: gthread.TConn) -> SimpleNamespace:
        self.served.append(conn)
        return SimpleNamespace(add_done_callback=lambda _: None)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield the two ends of a connection: the client's, the server's."""
    client, server = socket.socketpair()
    with client, server:
        yield client, server


@pytest.mark.parametrize("is_alive", [True, False], ids=["serving", "stopping"])
def test_connection_without_a_request_waits_for_it(
    pair: tuple[socket.socket, socket.socket], is_alive: bool
) -> None:
    """A connection that has sent nothing takes no thread; its request is served, by a stopping worker too."""
    client, server = pair
    worker = Worker()
    worker.alive = is_alive
    worker.enqueue_req(gthread.TConn(worker.cfg, server, None, None))
    assert worker.served == []

    client.sendall(REQUEST)
    worker.wait_for_and_dispatch_events(timeout=0)

    assert [each.sock for each in worker.served] == [server]
    assert worker.nr_conns == 1


def test_connection_with_a_request_gets_a_thread_at_once(pair: tuple[socket.socket, socket.socket]) -> None:
    """A connection whose request has arrived is served without a turn in the poller."""
    client, server = pair
    worker = Worker()
    client.sendall(REQUEST)

    worker.enqueue_req(gthread.TConn(worker.cfg, server, None, None))

    assert [each.sock for each in worker.served] == [server]


class Serving(Worker):
    """A worker that serves a request when it is asked to, and lists what the main thread has to do."""

    def __init__(self) -> None:
        super().__init__()
        self.cfg = Config()
        self.log: Any = SimpleNamespace(debug=print, access=lambda *_: None)
        self.nr, self.max_requests, self.max_keepalived = 0, 1000, 10
        self.keepalived_conns = deque[gthread.TConn]()
        self.for_main: list[Any] = []
        self.method_queue = SimpleNamespace(defer=lambda *call: self.for_main.append(call))

    def wsgi(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if environ["PATH_INFO"] == "/read":
            environ["wsgi.input"].read()
        start_response("200 OK", [*HEADERS, *LENGTH])
        return [ANSWER]


def served(worker: Serving, sock: socket.socket) -> gthread.TConn:
    """Return the connection at *sock* after one request that had arrived was served."""
    conn = gthread.TConn(worker.cfg, sock, ("127.0.0.1", 1), ("127.0.0.1", 2))
    worker._serve(conn)
    return conn


def test_thread_gives_a_kept_connection_back_to_the_poller(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    """The main thread has nothing to do after a request, and serves the next one."""
    client, server = pair
    worker = Serving()
    client.sendall(REQUEST)

    conn = served(worker, server)
    client.sendall(REQUEST)
    worker.wait_for_and_dispatch_events(timeout=0)

    assert worker.served == [conn]
    assert worker.for_main == []
    assert not worker.keepalived_conns


@pytest.mark.parametrize(
    "request_head", [b"GET / HTTP/1.0", b"GET / HTTP/1.1\r\nConnection: close"], ids=["1.0", "close"]
)
def test_main_thread_ends_a_connection_that_is_not_kept(
    pair: tuple[socket.socket, socket.socket], request_head: bytes
) -> None:
    """It closes the connection and counts it no more."""
    client, server = pair
    worker = Serving()
    client.sendall(request_head + b"\r\n\r\n")

    served(worker, server)
    client.close()  # or the worker waits for that
    (call,) = worker.for_main
    call[0](*call[1:])

    assert worker.nr_conns == 0
    assert not worker.keepalived_conns
    assert server.fileno() == -1


def test_connection_that_the_poller_cannot_take_is_ended(pair: tuple[socket.socket, socket.socket]) -> None:
    """A poller that was closed meanwhile leaves no connection that nobody waits for."""
    client, server = pair
    worker = Serving()
    worker.poller.close()
    client.sendall(REQUEST)

    served(worker, server)
    (call,) = worker.for_main
    call[0](*call[1:])

    assert worker.nr_conns == 0
    assert not worker.keepalived_conns


def test_connection_of_a_stopping_worker_is_not_kept_long(pair: tuple[socket.socket, socket.socket]) -> None:
    """A thread that keeps a connection in the moment of the stop keeps it as briefly as the others."""
    client, server = pair
    worker = Serving()
    worker.cfg.set("keepalive", 60)
    client.sendall(REQUEST)
    conn = served(worker, server)
    kept = conn.timeout
    worker.poller.unregister(server)
    worker.alive = False

    worker._await_next(conn)

    assert kept - conn.timeout > 60 - gthread.STOP_KEEPALIVE_LINGER - 30  # of a busy machine


@pytest.mark.parametrize("path", [b"/read", b"/unread"])
def test_body_is_no_part_of_the_next_request(pair: tuple[socket.socket, socket.socket], path: bytes) -> None:
    """A body that the application did not read is skipped, and one that it read is not looked for."""
    client, server = pair
    worker = Serving()
    body = b"GET /evil HTTP/1.1\r\n\r\n"
    client.sendall(b"POST %b HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (path, len(body), body))

    conn = served(worker, server)
    client.sendall(b"GET /next HTTP/1.1\r\n\r\n")

    assert list(worker.keepalived_conns) == [conn]
    assert next(conn.parser).path == "/next"


def test_master_is_notified_at_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of turns a second are one sign of life in half a second."""
    now, signs = 100.0, []
    monkeypatch.setattr("validator.web.gunicorn_internals.time.monotonic", lambda: now)
    worker = Serving()
    worker.tmp = SimpleNamespace(notify=lambda: signs.append(now))

    for _ in range(20):
        worker.notify()
        now += 0.125

    assert signs == [100.0, 100.5, 101.0, 101.5, 102.0]


class Sent:
    """A socket that lists what was sent."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def sendall(self, data: bytes) -> None:
        self.packets.append(data)


def response(
    kind: type[Any], headers: list[tuple[str, str]], parts: list[bytes], **about: Any
) -> list[bytes]:
    """Return the packets of a response with *headers* and *parts*."""
    sent = Sent()
    request = SimpleNamespace(method="POST", version=(1, 1), should_close=lambda: False)
    vars(request).update(about)
    made = kind(request, sent, Config())
    made.start_response("200 OK", headers)
    for part in parts:
        made.write(part)
    made.close()
    return sent.packets


@pytest.mark.parametrize(
    ("headers", "parts", "about"),
    [
        ([*HEADERS, *LENGTH], [ANSWER], {}),
        ([*HEADERS, *LENGTH], [ANSWER], {"method": "HEAD"}),
        ([*HEADERS, *LENGTH], [ANSWER[:3], ANSWER[3:]], {}),
        ([*HEADERS, *LENGTH], [ANSWER + b"more"], {}),
        ([*HEADERS, *LENGTH], [ANSWER], {"should_close": lambda: True}),
        ([*HEADERS, *LENGTH], [ANSWER], {"version": (1, 0)}),
        ([*HEADERS, ("Content-Length", "0")], [b""], {}),
        ([*HEADERS, ("Content-Length", "0")], [], {}),
        (HEADERS, [ANSWER], {}),
        ([("Connection", "close"), ("X-Blank", " a "), *LENGTH, ("X-Last", "\xe9")], [ANSWER], {}),
    ],
    ids=["whole", "HEAD", "parts", "too long", "close", "1.0", "empty", "none", "chunked", "special"],
)
def test_response_is_gunicorns(
    monkeypatch: pytest.MonkeyPatch,
    headers: list[tuple[str, str]],
    parts: list[bytes],
    about: dict[str, Any],
) -> None:
    """Every byte is as gunicorn's own class sends it."""
    monkeypatch.setattr(wsgi.util.time, "time", lambda: 1_790_000_000.25)
    own, other = (
        response(kind, headers, parts, **about) for kind in (ServingResponse, ServingResponse.__base__)
    )

    assert b"".join(own) == b"".join(other)


def test_whole_response_is_one_packet() -> None:
    """The head and the body are sent together."""
    assert len(response(ServingResponse, [*HEADERS, *LENGTH], [ANSWER])) == 1


@pytest.mark.parametrize(
    ("header", "error"),
    [
        (("X-Split", "a\r\nSet-Cookie: b"), InvalidResponseHeader),
        (("X Space", "a"), InvalidResponseHeaderName),
        (("X-Number", 1), TypeError),
    ],
)
def test_invalid_header_is_refused_each_time(header: Any, error: type[Exception]) -> None:
    """A header that splits the response is refused, also when it was seen before (response splitting)."""
    for _ in range(2):
        with pytest.raises(error):
            response(ServingResponse, [header, *LENGTH], [ANSWER])

"""The worker of the server, apart from a server."""

import selectors
import socket
from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from gunicorn.workers import gthread

from validator.web.gunicorn_internals import ServingWorker

REQUEST = b"GET / HTTP/1.1\r\n\r\n"


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

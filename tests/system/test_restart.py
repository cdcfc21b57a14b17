"""No request is lost while the server is reloaded, gets new keys, or is started again by systemd."""

from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer
from threading import Thread

import pytest

from tests.support.restarts import CLIENTS, Clients, ask_through, disturbance, disturbed
from tests.support.server_process import wait_until
from validator.web.policy import WORKERS


@pytest.mark.parametrize("worker", WORKERS)
def test_no_request_fails_while_the_server_changes(tmp_path: Path, worker: str) -> None:
    """Through reloads, rotations and restarts on systemd's socket every question is answered, and rightly."""
    with disturbed(tmp_path / "home", worker=worker) as (pool, clients):
        done = ask_through(clients, [pool.reload, pool.rotate, pool.restart], 2500)

    assert clients.failures == []
    assert set(done) == {"reload", "rotate", "restart"}
    assert clients.answered >= 2500


@pytest.mark.parametrize("kind", ["migration", "beside"])
def test_no_request_fails_through_a_change_of_the_schema(tmp_path: Path, kind: str) -> None:
    """The next version with a newer schema loses no question: stopped for, or put beside the old one."""
    with disturbed(tmp_path / "home") as (pool, clients):
        done = ask_through(clients, [disturbance(kind, pool, clients)], 500)

    assert clients.failures == []
    assert (len(done), clients.answered >= 500) == (1, True)


def test_without_the_socket_a_restart_is_noticed(tmp_path: Path) -> None:
    """A server that opens its own socket refuses requests while it starts: the kept socket is what helps."""
    with disturbed(tmp_path / "home", is_activated=False) as (pool, clients):
        ask_through(clients, [pool.restart], 100)

    assert len(clients.failures) > 0


@pytest.mark.parametrize("worker", WORKERS)
def test_killed_worker_costs_what_it_was_answering(tmp_path: Path, worker: str) -> None:
    """A worker that is killed takes its requests in flight with it, and no others."""
    with disturbed(tmp_path / "home", worker=worker) as (pool, clients):
        done = ask_through(clients, [pool.kill_worker], 1500)

    assert done["kill_worker"] > 0
    assert len(clients.failures) <= CLIENTS * done["kill_worker"]


def test_systemd_is_told_that_the_server_is_ready(tmp_path: Path) -> None:
    """The server says READY=1, and leaves systemd's socket in its place when it stops."""
    with disturbed(tmp_path / "home") as (pool, _):
        pool.stop()

        said = pool.start()
        code = pool.stop()

        assert said.splitlines()[0] == "READY=1"
        assert (code, pool.path.exists()) == (0, True)


class _Broken(BaseHTTPRequestHandler):
    """What a server says that has lost its application: a page, which is no JSON."""

    def do_POST(self) -> None:
        # Without reading the body, a client that still sends it would see a broken pipe instead.
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(500)

    def log_message(self, *_: object) -> None:
        pass


def test_answer_that_is_no_json_is_a_failure(tmp_path: Path) -> None:
    """A page in place of a verdict is counted as what it is, and those who ask go on asking."""
    with UnixStreamServer(str(tmp_path / "broken.sock"), _Broken) as server:
        serving = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        clients = Clients(tmp_path / "broken.sock", b"{}", b"{}")
        with clients.asking():
            wait_until(lambda: len(clients.failures) >= 2 * CLIENTS, "all have failed, some again")
        server.shutdown()
        serving.join()

    assert {failure[:3] for failure in clients.failures} == {"500"}
    assert len(clients.failures) == clients.answered

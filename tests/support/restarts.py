"""A server on a socket that somebody else keeps open, as systemd does, disturbed while it is asked.

`python -m tests.support.restarts [REQUESTS]` asks so often (100,000) through reloads, key rotations and
restarts, and for comparison a tenth of that with the server's own socket, and prints what failed.
`--only KIND` asks so often through disturbances of one kind: reload, rotation, restart, migration (stop,
migrate, start the next version, as the guide says; requests wait in the socket) or beside (migrate while the
old version serves, start the next one on the same socket beside it, stop the old one). `--each` does every
kind after the other, and `--json FILE` writes what came of it. `test_restart` has a short version.
"""

import argparse
import http.client
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from threading import Event, Thread
from typing import Any

import orjson

from tests.support.command_line import TENANT, CommandLine
from tests.support.fakes import AGENT_PATH
from tests.support.server_process import TIMEOUT, wait_until
from tests.support.socket_pool import VARIABLES, Pool
from validator.web.policy import WORKERS

CLIENTS, REQUESTS = 4, 100_000
ROUND = 4 * CLIENTS  # questions that are waited for after each disturbance
KINDS = ("reload", "rotation", "restart", "migration", "beside")
_RIGHT = b'"retCode":0,'
_PATIENCE = 3 * TIMEOUT  # a change of the schema takes a while on a busy machine
_PAUSE = 0.3  # seconds of quiet between two disturbances
_LONG_PAUSE = 3.0  # the same when each costs seconds, so that most questions are asked around few of them


class _UnixConnection(http.client.HTTPConnection):
    """An HTTP connection by a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_PATIENCE)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_PATIENCE)
        self.sock.connect(str(self._path))


@dataclass
class Clients:
    """Those who ask without a pause: half as nginx does, a connection for each question, half on one.

    Those who stay ask about one token all the time, the others about the newest.
    """

    path: Path
    question: bytes
    newest: bytes
    answered: int = 0
    failures: list[str] = field(default_factory=list)
    _is_over: Event = field(default_factory=Event)

    def ask_on(self, *, is_staying: bool) -> None:
        """Ask until it is over."""
        connection = _UnixConnection(self.path)
        while not self._is_over.is_set():
            try:
                question = self.question if is_staying else self.newest
                connection.request("POST", AGENT_PATH, question, {"Content-Type": "application/json"})
                reply = connection.getresponse()
                body = reply.read()
                if reply.status != 200 or _RIGHT not in body:
                    self.failures.append(f"{reply.status} {body.decode()}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(type(error).__name__)
                connection.close()
                self._is_over.wait(0.01)
            self.answered += 1
            if not is_staying:
                connection.close()
        connection.close()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask while the block lasts."""
        threads = [
            Thread(target=self.ask_on, kwargs={"is_staying": number % 2 == 0}) for number in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()


@contextmanager
def disturbed(
    home: Path, *, is_activated: bool = True, worker: str = "gthread"
) -> Iterator[tuple[Pool, Clients]]:
    """Give a running pool of a new home, and those who will ask it; all is ended afterwards."""
    validator = CommandLine(home)
    validator.did("init")
    validator.did("tenants", "add", TENANT)
    pool = Pool(home, is_activated=is_activated, worker=worker)
    try:
        pool.start()
        if not is_activated:
            wait_until(pool.path.exists, "the socket is there")
        token = issued(home)
        yield pool, Clients(pool.path, token, token)
    finally:
        pool.close()


def _wait_until_answered(clients: Clients, answers: int) -> None:
    """Wait for *answers* responses or failures, so that a slow machine has some between two restarts."""
    deadline = time.monotonic() + 2 * TIMEOUT
    while clients.answered < answers and time.monotonic() < deadline:
        time.sleep(0.01)


def issued(home: Path) -> bytes:
    """Return the cloud's question about a token that is issued now."""
    words = ("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7")
    return CommandLine(home)(*words, variables=VARIABLES).out.encode()


def disturbance(kind: str, pool: Pool, clients: Clients) -> Callable[[], None]:
    """Return what disturbs *pool* in that way; after a rotation the newest token is the new key's."""

    def rotate() -> None:
        pool.rotate()
        clients.newest = issued(pool.home)

    ways = {
        "reload": pool.reload,
        "rotation": rotate,
        "restart": pool.restart,
        "migration": pool.migrate,
        "beside": pool.migrate_beside,
    }
    return ways[kind]


def ask_through(
    clients: Clients, disturbances: list[Callable[[], None]], requests: int, *, pause: float = _PAUSE
) -> "Counter[str]":
    """Ask at least so often while each disturbance happens in turn; return how often each did."""
    done: Counter[str] = Counter()
    with clients.asking():
        for disturb in cycle(disturbances):
            time.sleep(pause)
            if clients.answered >= requests and len(done) == len(disturbances):
                return done
            seen = clients.answered
            disturb()
            done[disturb.__name__] += 1
            _wait_until_answered(clients, seen + ROUND)
    raise AssertionError("there was nothing to do")


def main() -> None:
    """Ask so often, and print what failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.restarts")
    parser.add_argument("requests", nargs="?", type=int, default=REQUESTS, metavar="REQUESTS")
    parser.add_argument("--requests", type=int, dest="asked", help="the same")
    parser.add_argument("--only", choices=KINDS, action="append", help="disturb in this way only")
    parser.add_argument("--each", action="store_true", help="each way by itself, one after the other")
    parser.add_argument("--worker", choices=WORKERS, default=WORKERS[0], help="kind of worker process")
    parser.add_argument("--json", type=Path, help="write what came of it into this file")
    given = parser.parse_args()
    requests = given.asked or given.requests
    kinds = KINDS if given.each else given.only or ()
    done = [ask_in(kind, requests, [kind], worker=given.worker) for kind in kinds]
    if not kinds:
        mixed = ["reload", "rotation", "restart"]
        done = [ask_in("a socket that stays", requests, mixed, worker=given.worker)]
        # Of the comparison a tenth says enough.
        few = requests // 10
        done += [ask_in("a separate socket", few, mixed, is_activated=False, worker=given.worker)]
    if given.json:
        given.json.write_bytes(orjson.dumps(done, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    of_promise = done if kinds else done[:1]
    sys.exit(any(each["failed"] for each in of_promise))


def ask_in(
    name: str, requests: int, kinds: list[str], *, is_activated: bool = True, worker: str = "gthread"
) -> dict[str, Any]:
    """Ask so often while a new pool is disturbed in these ways; print one line and return what it says."""
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        disturbed(Path(folder) / "home", is_activated=is_activated, worker=worker) as (pool, clients),
    ):
        disturbances = [disturbance(kind, pool, clients) for kind in kinds]
        pause = _PAUSE if requests < REQUESTS or len(kinds) > 1 else _LONG_PAUSE
        done = ask_through(clients, disturbances, requests, pause=pause)
    said = {
        "kind": name,
        "requests": clients.answered,
        "seconds": round(time.monotonic() - started),
        "events": dict(done),
        "failed": len(clients.failures),
        "failures": dict(Counter(clients.failures)),
    }
    sys.stdout.write(
        f"{name}: {said['requests']} requests in {said['seconds']} s, {said['events']};"
        f" failed {said['failed']} {said['failures']}\n"
    )
    sys.stdout.flush()
    return said


if __name__ == "__main__":
    main()

"""A server on a socket that somebody else keeps open, as systemd does, disturbed while it is asked.

`python -m tests.system.restarts [REQUESTS]` asks so often (100,000) through reloads, key rotations and
restarts, and for comparison a tenth of that with the server's own socket, and prints what failed;
`test_restart` has a short version.
"""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from threading import Event, Thread

import orjson

from tests.cli.commandline import TENANT, CommandLine, clean_environment
from tests.fakes import AGENT_PATH
from tests.system.daemon import family
from tests.system.outages import PLENTY
from tests.system.serving import PATIENCE, stop, wait_until

WORKERS, CLIENTS, REQUESTS = 2, 4, 100_000
# One token is asked about from the first to the last question.
VARIABLES = {**PLENTY, "VALIDATOR_TOKENS_AGENT_LIFETIME": "24h"}
_PAUSE = 0.3  # seconds of quiet between two disturbances
# Puts the socket where systemd puts it: descriptor 3, said to be for this process.
_HAND_OVER = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3);"
    "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1');"
    "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
)


class _UnixConnection(http.client.HTTPConnection):
    """An HTTP connection by a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self._path))


class Pool:
    """The callbacks' pool of a home, started and stopped on one socket."""

    def __init__(self, home: Path, *, is_activated: bool) -> None:
        """Open the socket when it shall outlive the server; else the server opens its own."""
        self.home, self.path = home, home.parent / "callbacks.sock"
        self.log = home.parent / "pool.log"
        self._listener = socket.socket(socket.AF_UNIX) if is_activated else None
        if self._listener is not None:
            self._listener.bind(str(self.path))
            self._listener.listen(2048)
        self._notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notices.settimeout(PATIENCE)
        self._notices.bind(str(home.parent / "notify.sock"))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The number of the master's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """The numbers of the workers' processes."""
        return family(self.pid)[1:]

    def start(self) -> str:
        """Start the server; return what it says to systemd as soon as it is ready."""
        bind = f"unix:{self.path}"
        serve = ["-m", "validator", "serve", "--role", "callbacks", "--workers", str(WORKERS), "--bind", bind]
        command = [sys.executable, *serve]
        fds: tuple[int, ...] = ()
        if self._listener is not None:
            fd = self._listener.fileno()
            command, fds = [sys.executable, "-c", _HAND_OVER, str(fd), *serve], (fd,)
        environment = {**clean_environment(), **VARIABLES, "VALIDATOR_HOME": str(self.home)}
        environment["NOTIFY_SOCKET"] = str(self.home.parent / "notify.sock")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, cwd=self.home, stdout=log, stderr=log, pass_fds=fds
            )
        return self._notices.recv(4096).decode()

    def stop(self) -> int:
        """Stop the server in order; return its exit code."""
        assert self._process is not None
        return stop(self._process)

    def restart(self) -> None:
        """Stop the server in order, and start it again."""
        self.stop()
        self.start()

    def reload(self) -> None:
        """Reload settings and code; return when every worker is another."""
        before = set(self.workers)
        os.kill(self.pid, signal.SIGHUP)
        wait_until(
            lambda: len(now := set(self.workers)) == WORKERS and not now & before, "the workers are new"
        )

    def rotate(self) -> None:
        """Let a new key sign."""
        CommandLine(self.home).did("keys", "rotate")

    def kill_worker(self) -> None:
        """End one worker without giving it time for anything; return when there is another."""
        killed = self.workers[0]
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: len(now := self.workers) == WORKERS and killed not in now, "a worker is replaced")

    def close(self) -> None:
        """Stop the server if it runs, and close the sockets."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        self._notices.close()
        if self._listener is not None:
            self._listener.close()


@dataclass
class Clients:
    """Those who ask without a pause: half as nginx does, a connection for each question, half on one."""

    path: Path
    question: bytes
    answered: int = 0
    failures: list[str] = field(default_factory=list)
    _is_over: Event = field(default_factory=Event)

    def ask_on(self, *, is_staying: bool) -> None:
        """Ask until it is over."""
        connection = _UnixConnection(self.path)
        while not self._is_over.is_set():
            try:
                connection.request("POST", AGENT_PATH, self.question, {"Content-Type": "application/json"})
                reply = connection.getresponse()
                body = reply.read()
                if (reply.status, orjson.loads(body)["retCode"]) != (200, 0):
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
def disturbed(home: Path, *, is_activated: bool = True) -> Iterator[tuple[Pool, Clients]]:
    """Give a running pool of a new home, and those who will ask it; all is ended afterwards."""
    validator = CommandLine(home)
    validator.did("init")
    validator.did("tenants", "add", TENANT)
    words = ("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7")
    pool = Pool(home, is_activated=is_activated)
    try:
        pool.start()
        if not is_activated:
            wait_until(pool.path.exists, "the socket is there")
        yield pool, Clients(pool.path, validator(*words, variables=VARIABLES).out.encode())
    finally:
        pool.close()


def ask_through(clients: Clients, disturbances: list[Callable[[], None]], requests: int) -> "Counter[str]":
    """Ask at least so often while each disturbance happens in turn; return how often each did."""
    done: Counter[str] = Counter()
    with clients.asking():
        for disturb in cycle(disturbances):
            time.sleep(_PAUSE)
            if clients.answered >= requests and len(done) == len(disturbances):
                return done
            disturb()
            done[disturb.__name__] += 1
    raise AssertionError("there was nothing to do")


def main() -> None:
    """Ask so often, and print what failed."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS
    for is_activated in (True, False):
        with tempfile.TemporaryDirectory() as folder, suppress(KeyboardInterrupt):
            started = time.monotonic()
            with disturbed(Path(folder) / "home", is_activated=is_activated) as (pool, clients):
                done = ask_through(clients, [pool.reload, pool.rotate, pool.restart], requests)
            kind = "a socket that stays" if is_activated else "a socket of its own"
            sys.stdout.write(
                f"{kind}: {clients.answered} requests in {time.monotonic() - started:.0f} s, {dict(done)};"
                f" failed {len(clients.failures)} {dict(Counter(clients.failures))}\n"
            )
        requests //= 10  # of the comparison a tenth says enough


if __name__ == "__main__":
    main()

"""Many slow clients at once, and whether somebody else is still served meanwhile.

The slow ones come from slowhttptest, in three ways: a head, or a body, that never ends, and an answer that is
hardly ever read. The caller comes from another address and asks twenty times a second, each time anew.

`python -m tests.support.slow_clients [CONNECTIONS [SECONDS]]` sends them to the door, then straight to
gunicorn, and prints what the caller got; `test_slow_clients` has a short version.
"""

import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from threading import Event

from tests.support import proxy_pair
from tests.support.command_line import clean_environment
from tests.support.fakes import AGENT_PATH, populate
from tests.support.nginx_process import NAME, Door
from tests.support.proxy_pair import Outside
from tests.support.server_process import Server, free_bind, serving, stop, wait_until

DEBIAN_PACKAGE = "slowhttptest"
CONNECTIONS, SECONDS = 1000, 12.0
CALLER = "127.0.0.2"
WORKERS, THREADS = 2, 4
LONG_FILE, LONG = "/long.bin", 8 << 20  # bytes, more than a kernel keeps for who does not read
_EACH = 0.05  # seconds from one question to the next
# Seconds after which the caller gives up; at the door it waits longer, so that only a failure is one.
_TOO_LONG, _MUCH_TOO_LONG = 2.0, 10.0
_QUESTION = b'{"access_token": "nobody\'s", "tenantSpaceId": "202400000001", "userAccount": "agent-7"}'
_LASTING = "600"  # seconds; slow clients are stopped long before
_ESTABLISHED = "01"
# An application with an answer that is long enough to be read slowly; the validator has none.
_LONG_APPLICATION = f"""
def application(environ, start_response):
    body = b"x" * {LONG} if environ["PATH_INFO"] == "{LONG_FILE}" else b"yes"
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"""
# Who is misdirected gets no handshake, and slowhttptest names nobody: so the portal is named by its address.
BY_ADDRESS = {"proxy.origin": "https://127.0.0.1"}

Ask = Callable[[], int]


class Mode(Enum):
    """A way to be slow: the path that is asked for, and the options of slowhttptest."""

    HEAD = LONG_FILE, "-H -i 1 -x 10"
    BODY = AGENT_PATH, "-B -i 1 -x 10 -s 8192"
    READ = LONG_FILE, "-X -n 1 -w 8 -y 16 -z 4"

    def __init__(self, path: str, options: str) -> None:
        self.path, self.options = path, options.split()


@dataclass(frozen=True, slots=True)
class Answered:
    """One question of the caller: the status it got, None for none, and the seconds that took."""

    status: int | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Served:
    """The caller's responses while the slow clients held up to *connections* connections."""

    held: int
    answers: Sequence[Answered]

    @property
    def failures(self) -> list[int | None]:
        """The statuses of all answers that were no answer to the question."""
        return [answer.status for answer in self.answers if answer.status != 200]

    def percentile(self, part: float) -> float:
        """Return the time in milliseconds that *part* of the answers did not exceed."""
        times = sorted(answer.seconds for answer in self.answers)
        return times[min(int(part * len(times)), len(times) - 1)] * 1000

    def __str__(self) -> str:
        times = "  ".join(f"{name} {self.percentile(part):.1f} ms" for name, part in _PARTS.items())
        return f"{self.held} held  {len(self.answers)} asked  {len(self.failures)} failed  {times}"


_PARTS = {"p50": 0.5, "p99": 0.99, "longest": 1.0}


@dataclass(frozen=True, slots=True)
class Target:
    """Whom the slow clients come to, and how the caller asks there."""

    url: str
    ask: Ask

    @property
    def port(self) -> int:
        """The port of both."""
        return int(self.url.rpartition(":")[2])

    def attacked(self, mode: Mode, connections: int, seconds: float) -> Served:
        """Return the caller's responses for *seconds* once the slow clients are connected."""
        with slow_clients(f"{self.url}{mode.path}", mode, connections) as come_again:
            wait_until(partial(self._is_held, connections), "the slow clients are there")
            held, answers = self.held(), []
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                answers.append(answered(self.ask))
                held = max(held, self.held())
                come_again()
                Event().wait(max(0.0, _EACH - answers[-1].seconds))
        return Served(held, answers)

    def held(self) -> int:
        """Return how many connections clients have to this port now; the caller's own may be among them."""
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        return sum(row[2].endswith(f":{self.port:04X}") and row[3] == _ESTABLISHED for row in rows)

    def _is_held(self, connections: int) -> bool:
        # The door ends some of them at once: those that are beyond what one address may have.
        return self.held() >= connections * 0.4


def answered(ask: Ask) -> Answered:
    """Return what came of one question."""
    began = time.monotonic()
    try:
        status: int | None = ask()
    except OSError:
        status = None
    return Answered(status, time.monotonic() - began)


@contextmanager
def slow_clients(url: str, mode: Mode, connections: int) -> Iterator[Callable[[], None]]:
    """Run slow clients at *url* while the block lasts; yield a function that replaces them."""
    found = shutil.which(DEBIAN_PACKAGE)
    assert found is not None
    amounts = ["-c", str(connections), "-r", str(connections), "-l", _LASTING, "-p", "20", "-u", url]
    command = [found, *mode.options, *amounts]
    with tempfile.TemporaryFile() as output:

        def begin() -> "subprocess.Popen[bytes]":
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

        processes = [begin()]

        def come_again() -> None:
            # It ends by itself when the server has let every connection go.
            if processes[-1].poll() is not None:
                processes.append(begin())

        try:
            yield come_again
        finally:
            stop(processes[-1])


@contextmanager
def through_the_door(around: Outside, server: Server) -> Iterator[Target]:
    """Give our door in front of *server*, with a long file, for a caller who asks a callback over TLS."""
    upstreams = {"proxy.callbacks_upstream": server.bind, "proxy.people_upstream": server.bind}
    with proxy_pair.our_door(around, {**upstreams, **BY_ADDRESS}) as door:
        (door.folder / "files" / LONG_FILE.lstrip("/")).write_bytes(bytes(LONG))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        door.authority.configure_trust(context)
        yield Target(f"https://127.0.0.1:{door.port}", partial(_ask_door, door, context))


def straight(server: Server) -> Target:
    """Return *server* itself, for a caller who asks a callback."""
    request = _request(server.bind, "POST", AGENT_PATH, _QUESTION)
    return Target(f"http://{server.bind}", partial(_ask_port, int(server.bind.rpartition(":")[2]), request))


@contextmanager
def straight_to_long_answers(folder: Path) -> Iterator[Target]:
    """Give gunicorn alone, as it serves the validator but with long answers, in an empty *folder*."""
    (folder / "long.py").write_text(_LONG_APPLICATION, "utf-8")
    bind = free_bind()
    amounts = [f"--workers={WORKERS}", f"--threads={THREADS}", "--no-control-socket", "--log-level=critical"]
    command = [sys.executable, "-m", "gunicorn", f"--bind={bind}", *amounts, "long:application"]
    process = subprocess.Popen(command, cwd=folder, env=clean_environment())
    target = Target(
        f"http://{bind}", partial(_ask_port, int(bind.rpartition(":")[2]), _request(bind, "GET", "/"))
    )
    try:
        wait_until(lambda: answered(target.ask).status == 200, "gunicorn answers")
        yield target
    finally:
        stop(process)


def _ask_door(door: Door, context: ssl.SSLContext) -> int:
    with (
        _connected(door.port, _MUCH_TOO_LONG) as raw,
        context.wrap_socket(raw, server_hostname=NAME) as connection,
    ):
        connection.sendall(_request(f"127.0.0.1:{door.port}", "POST", AGENT_PATH, _QUESTION))
        return _status(connection)


def _ask_port(port: int, request: bytes) -> int:
    with _connected(port, _TOO_LONG) as connection:
        connection.sendall(request)
        return _status(connection)


def _connected(port: int, timeout: float) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout, (CALLER, 0))


def _request(host: str, method: str, path: str, body: bytes = b"") -> bytes:
    headers = f"Host: {host}\r\nConnection: close\r\nContent-Length: {len(body)}"
    return f"{method} {path} HTTP/1.1\r\n{headers}\r\n\r\n".encode() + body


def _status(connection: socket.socket) -> int:
    """Return the status of the answer, which is read to its end."""
    with connection.makefile("rb") as stream:
        found = re.match(rb"HTTP/1\.1 (\d{3}) ", stream.read())
    if found is None:
        raise ConnectionError("the connection ended without an answer")
    return int(found[1])


@contextmanager
def slow_house(folder: Path, worker: str = "gthread") -> Iterator[tuple[Outside, Server]]:
    """Give the cloud and a server of two workers of that kind, with its home in *folder*."""
    home = folder / "home"
    populate(home)
    variables = {
        "VALIDATOR_SERVER_TRUSTED_PROXIES": "1",
        "VALIDATOR_SERVER_PROXY_NETWORKS": '["127.0.0.1/32"]',
        "VALIDATOR_LIMITS_CALLBACKS_FOREIGN": "off",  # the caller's question is about nobody
    }
    role = ["--role", "callbacks"] if worker == "asgi" else []
    words = ["--workers", str(WORKERS), "--threads", str(THREADS), "--worker", worker, *role]
    with proxy_pair.outside() as around, serving(home, *words, variables=variables) as server:
        yield around, server


def main() -> None:
    """Attack the door, then gunicorn, in every way; print what the caller got."""
    connections = int(sys.argv[1]) if len(sys.argv) > 1 else CONNECTIONS
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else SECONDS
    with tempfile.TemporaryDirectory() as folder, slow_house(Path(folder)) as (around, server):
        with through_the_door(around, server) as door:
            for mode in Mode:
                sys.stdout.write(f"door      {mode.name:5}{door.attacked(mode, connections, seconds)}\n")
        for mode in (Mode.HEAD, Mode.BODY):
            sys.stdout.write(
                f"gunicorn  {mode.name:5}{straight(server).attacked(mode, connections, seconds)}\n"
            )
        with straight_to_long_answers(Path(folder)) as target:
            sys.stdout.write(f"gunicorn  READ {target.attacked(Mode.READ, connections, seconds)}\n")


if __name__ == "__main__":
    main()

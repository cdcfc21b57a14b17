"""A real server for a test: `validator serve` in a separate process, reached over a socket."""

import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import orjson

from tests.support.command_line import clean_environment

TIMEOUT = 20  # seconds for what takes about one
START_TIMEOUT = (
    60  # seconds for a start, which takes three of a processor's time: 25 at a load of 17 on two cores
)
_STEP = 0.02
_BELOW_EPHEMERAL = range(10_000, 32_768)  # Linux gives outgoing connections a port above it
_ports = iter(random.sample(_BELOW_EPHEMERAL, len(_BELOW_EPHEMERAL)))


@dataclass(frozen=True)
class Server:
    """A running server: its process, where it listens, and the file of its log."""

    process: "subprocess.Popen[bytes]"
    bind: str
    log: Path

    def client(self) -> httpx2.Client:
        """Return an HTTP client for this server; the caller closes it."""
        path = self.bind.removeprefix("unix:")
        uds = path if path != self.bind else None
        url = f"http://{self.bind}" if uds is None else "http://localhost"
        return httpx2.Client(transport=httpx2.HTTPTransport(uds=uds), base_url=url, timeout=TIMEOUT)

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """Send one request over a new connection."""
        with self.client() as client:
            return client.request(method, path, **options)

    def connect(self) -> socket.socket:
        """Return a connection to write anything into; reading from it never takes for ever."""
        if not self.bind.startswith("unix:"):
            host, _, port = self.bind.rpartition(":")
            return socket.create_connection((host, int(port)), timeout=TIMEOUT)
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT)
        try:
            connection.connect(self.bind.removeprefix("unix:"))
        except OSError:
            connection.close()
            raise
        return connection

    def send(self, number: signal.Signals) -> None:
        """Send the server a signal."""
        self.process.send_signal(number)

    def lines(self) -> list[bytes]:
        """Return what the server has logged."""
        return self.log.read_bytes().splitlines()

    def entries(self) -> list[dict[str, Any]]:
        """Return what the server has logged, each line a JSON object."""
        return [orjson.loads(line) for line in self.lines()]

    def is_answering(self) -> bool:
        """Return whether the server answers; fails when it has ended."""
        assert self.process.poll() is None, self.log.read_text()
        try:
            self.connect().close()
        except OSError:
            return False
        return self.ask("GET", "/healthz").status_code == 200


def free_bind() -> str:
    """Return a loopback address with a port that nobody uses, that no other call returned."""
    return f"127.0.0.1:{free_port()}"


def free_port() -> int:
    """Return a port of the loopback that nobody uses, that no other call in this process returned.

    No outgoing connection of another process gets it before the server of the test listens on it.
    """
    return next(port for port in _ports if _is_free(port))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def port_is_open(port: int) -> bool:
    """Return whether anybody listens on *port* of the loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(is_so: Callable[[], bool], what: str, seconds: float = TIMEOUT) -> None:
    """Return as soon as *is_so*; fail when it takes longer than *seconds*, more than anybody would wait."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(_STEP)


@contextmanager
def serving(
    home: Path,
    *words: str,
    bind: str | None = None,
    variables: Mapping[str, str] | None = None,
    files: int | None = None,
    log: Path | None = None,
) -> Iterator[Server]:
    """Give a server for *home* that answers already, and may open *files*; it is stopped at the end.

    It logs to *log*, or to a file beside the home.
    """
    bind = bind or free_bind()
    log = log or home.parent / f"{home.name}.log"
    environment = {**clean_environment(), "VALIDATOR_HOME": str(home), **(variables or {})}
    limited = [] if files is None else ["prlimit", f"--nofile={files}:{files}", "--"]
    command = [*limited, sys.executable, "-m", "validator", "serve", "--bind", bind, *words]
    with log.open("wb") as stream:
        process = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, cwd=home)
    server = Server(process, bind, log)
    try:
        wait_until(server.is_answering, "the server answers", START_TIMEOUT)
        yield server
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> int:
    """Stop *process* in order, or by force when it does not; return its exit code."""
    process.terminate()
    try:
        return process.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait(TIMEOUT)


def listening_unix_sockets(pid: int) -> set[str]:
    """Return the paths of the Unix sockets that the process *pid* listens on."""
    inodes = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.is_symlink()}
    rows = [line.split() for line in Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]]
    listening = [row for row in rows if int(row[3], 16) & 0x10000 and len(row) > 7]
    return {row[7] for row in listening if f"socket:[{row[6]}]" in inodes}

"""A real Redis server for the tests: in a separate folder, on a private socket."""

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis

DEBIAN_PACKAGE = "redis-server"
_PROGRAM = "redis-server"
_PATIENCE_SECONDS = 30
_POLL_SECONDS = 0.02


def is_installed() -> bool:
    """Return whether the program is there."""
    return shutil.which(_PROGRAM) is not None


def free_port() -> int:
    """Return a port of the loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def command(client: "redis.Redis", words: str) -> None:
    """Give the server a command for which the driver has no function."""
    client.execute_command(*words.split())  # type: ignore[no-untyped-call]


class RedisServer:
    """A server that can be stopped, continued, killed and started again; killed, it forgets everything."""

    def __init__(
        self, folder: Path, password: str | None = None, tls: tuple[Path, Path] | None = None
    ) -> None:
        self._socket, self._password, self._tls = folder / "socket", password, tls
        self.tls_port = free_port() if tls else 0
        self._daemon: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where the counters are, as the settings say it."""
        return f"redis+unix://{self._socket}"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = {"port": "0", "unixsocket": str(self._socket), "save": "", "appendonly": "no"}
        if self._password:
            options["requirepass"] = self._password
        if self._tls:
            files = {"tls-cert-file": str(self._tls[0]), "tls-key-file": str(self._tls[1])}
            options |= files | {"tls-port": str(self.tls_port), "tls-auth-clients": "no", "bind": "127.0.0.1"}
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._daemon = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", _PROGRAM, *arguments],
            cwd=self._socket.parent,
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self.is_ready():
            assert self._daemon.poll() is None
            assert time.monotonic() < deadline
            time.sleep(_POLL_SECONDS)

    def is_ready(self) -> bool:
        """Return whether it answers."""
        with suppress(redis.RedisError):
            client = redis.Redis(
                unix_socket_path=str(self._socket), password=self._password, socket_timeout=_PATIENCE_SECONDS
            )
            with client:
                return bool(client.ping())
        return False

    def client(self) -> "redis.Redis":
        """Return a client of its administrator's."""
        return redis.Redis(unix_socket_path=str(self._socket), password=self._password)

    def others(self, client: "redis.Redis") -> int:
        """Return how many connections there are beside that of *client*."""
        return len(list(client.client_list())) - 1  # type: ignore[arg-type]

    def drop_others(self, client: "redis.Redis") -> None:
        """Close the connections beside that of *client*."""
        command(client, "CLIENT KILL TYPE NORMAL SKIPME YES")

    def keys(self) -> list[str]:
        """Return the names of everything that is kept."""
        with redis.Redis(unix_socket_path=str(self._socket), password=self._password) as client:
            return sorted(key.decode() for key in client.scan_iter())

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal: SIGSTOP leaves it there without an answer, SIGCONT undoes that."""
        assert self._daemon is not None
        self._daemon.send_signal(number)

    def kill(self) -> None:
        """End it at once, whatever state it is in."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait(_PATIENCE_SECONDS)
            self._daemon = None


@contextmanager
def running_server(
    password: str | None = None, tls: tuple[Path, Path] | None = None
) -> Iterator[RedisServer]:
    """Start a server, yield it; end and remove it whatever happens."""
    # In /tmp itself: the path of a socket may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        server = RedisServer(Path(folder), password, tls)
        server.start()
        try:
            yield server
        finally:
            server.kill()

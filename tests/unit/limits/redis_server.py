"""A real Redis server for the tests: in a folder of its own, on a socket that nobody else reaches."""

import shutil
import signal
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
    """Tell whether the program is there."""
    return shutil.which(_PROGRAM) is not None


class RedisServer:
    """A server that can be stopped, continued, killed and started again; killed, it forgets everything."""

    def __init__(self, folder: Path, password: str | None = None) -> None:
        self._socket, self._password = folder / "socket", password
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
        """Tell whether it answers."""
        with suppress(redis.RedisError):
            client = redis.Redis(
                unix_socket_path=str(self._socket), password=self._password, socket_timeout=_PATIENCE_SECONDS
            )
            with client:
                return bool(client.ping())
        return False

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
def running_server(password: str | None = None) -> Iterator[RedisServer]:
    """Start a server, yield it; end and remove it whatever happens."""
    # In /tmp itself: the path of a socket may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        server = RedisServer(Path(folder), password)
        server.start()
        try:
            yield server
        finally:
            server.kill()

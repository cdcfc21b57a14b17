"""A real Redis server for the tests: in a separate folder, on a private socket, nothing stored on disk.

It can be stopped where it stands, killed and started again, and listen for TLS on loopback too.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import redis

from tests.support.server_process import free_port

DEBIAN_PACKAGE = "redis-server"
_PROGRAM = "redis-server"
_PATIENCE_SECONDS = 30
_POLL_SECONDS = 0.02


def is_installed() -> bool:
    """Return whether the program is there."""
    return shutil.which(_PROGRAM) is not None


def command(client: "redis.Redis", words: str) -> None:
    """Give the server a command for which the driver has no function."""
    client.execute_command(*words.split())  # type: ignore[no-untyped-call]


class RedisServer:
    """A server that can be stopped, continued, killed and started again; killed, it loses everything."""

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
        """Start it, empty; return when it responds."""
        settings = ["port 0", f"unixsocket {self._socket}", "unixsocketperm 600", 'save ""']
        if self._password:
            settings.append(f"requirepass {self._password}")
        if self._tls:
            settings += [f"tls-cert-file {self._tls[0]}", f"tls-key-file {self._tls[1]}"]
            settings += [f"tls-port {self.tls_port}", "tls-auth-clients no", "bind 127.0.0.1"]
        folder = self._socket.parent
        with (folder / "log").open("ab") as log:
            # By standard input: a password among the arguments could be read by every user.
            self._daemon = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", _PROGRAM, "-"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={"PATH": os.environ["PATH"]},
            )
        assert self._daemon.stdin is not None
        self._daemon.stdin.write("\n".join(settings).encode() + b"\n")
        self._daemon.stdin.close()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self.is_ready():
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Redis did not start: {(folder / 'log').read_text()}")
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

    def stop(self) -> None:
        """Stop it where it stands: its socket takes connections, and it responds to none."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it continue from where it was stopped."""
        assert self._daemon is not None
        self._daemon.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it at once, whatever state it is in."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait(_PATIENCE_SECONDS)
            self._daemon = None


@contextmanager
def running_redis(password: str | None = None, tls: tuple[Path, Path] | None = None) -> Iterator[RedisServer]:
    """Start a server, yield it; end and remove it whatever happens."""
    # In /tmp itself: the path of a socket may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as folder:
        server = RedisServer(Path(folder), password, tls)
        server.start()
        try:
            yield server
        finally:
            server.kill()

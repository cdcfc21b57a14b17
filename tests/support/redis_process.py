"""A real Redis server for the tests: a separate folder, one Unix socket, nothing stored on disk.

Nobody else can reach it: it listens on no network address, and its socket lies in a private folder. It can be
stopped in the middle, killed and started again, which is what it is for.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

DEBIAN_PACKAGE = "redis-server"
_PATIENCE_SECONDS = 20
_POLL_SECONDS = 0.02


def program() -> str | None:
    """Return where the server's program is, or None."""
    return shutil.which("redis-server")


@dataclass
class RedisServer:
    """A Redis server: where its socket is, and what can be done to it."""

    folder: Path
    password: str | None = None
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """The URL of its database for the setting `limits.storage`, without the password."""
        return f"redis+unix://{self.folder}/socket"

    def start(self) -> None:
        """Start it, empty; return when it answers."""
        settings = ["port 0", f"unixsocket {self.folder}/socket", "unixsocketperm 600", 'save ""']
        if self.password is not None:
            settings.append(f"requirepass {self.password}")
        environment = {"PATH": os.environ["PATH"]}
        with (self.folder / "log").open("ab") as log:
            # By standard input: a password among the arguments could be read by everybody.
            self.process = subprocess.Popen(
                ["redis-server", "-"], stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
            )
        assert self.process.stdin is not None
        self.process.stdin.write("\n".join(settings).encode() + b"\n")
        self.process.stdin.close()
        self._wait_until_ready()

    def kill(self) -> None:
        """End it without giving it time for anything."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(_PATIENCE_SECONDS)

    def stop(self) -> None:
        """Stop it where it stands: its socket takes connections, and nothing ever answers."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on from where it was stopped."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def is_ready(self) -> bool:
        """Return whether it answers yet; asking for a password is an answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            try:
                connection.connect(f"{self.folder}/socket")
                connection.sendall(b"PING\r\n")
                return connection.recv(100).startswith((b"+PONG", b"-NOAUTH"))
            except OSError:
                return False

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not self.is_ready():
            assert self.process is not None
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Redis did not start: {(self.folder / 'log').read_text()}")
            time.sleep(_POLL_SECONDS)


@contextmanager
def running_redis(password: str | None = None) -> Iterator[RedisServer]:
    """Start a server and yield it; end it and remove it whatever happens."""
    # In /tmp itself: the path of a socket may have 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="r", dir="/tmp"))
    server = RedisServer(folder, password)
    try:
        server.start()
        yield server
    finally:
        if server.process is not None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)

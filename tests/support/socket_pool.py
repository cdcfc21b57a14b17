"""The callbacks' pool on a socket that somebody else keeps open, as systemd does, and what is done to it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.support import newer_version
from tests.support.command_line import CommandLine
from tests.support.outages import PLENTY
from tests.support.postgres_processes import family
from tests.support.server_process import TIMEOUT, stop, wait_until

WORKERS = 2
# One token is asked about from the first to the last question.
VARIABLES = {**PLENTY, "VALIDATOR_TOKENS_AGENT_LIFETIME": "24h"}
# Puts the socket where systemd puts it: descriptor 3, said to be for this process.
_HAND_OVER = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3);"
    "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1');"
    "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
)


class Pool:
    """The callbacks' pool of a home, started and stopped on one socket."""

    def __init__(self, home: Path, *, is_activated: bool, worker: str = "gthread") -> None:
        """Open the socket when it shall outlive the server; else the server opens its own."""
        self.home, self.path, self._worker = home, home.parent / "callbacks.sock", worker
        self.log = home.parent / "pool.log"
        self._listener = socket.socket(socket.AF_UNIX) if is_activated else None
        if self._listener is not None:
            self._listener.bind(str(self.path))
            self._listener.listen(2048)
        self._notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notices.settimeout(TIMEOUT)
        self._notices.bind(str(home.parent / "notify.sock"))
        self._process: subprocess.Popen[bytes] | None = None
        self._version: Path | None = None
        self._steps = 0

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
        serve = ["-m", "validator", "serve", "--role", "callbacks", "--worker", self._worker]
        serve += ["--workers", str(WORKERS), "--bind", bind]
        command = [sys.executable, *serve]
        fds: tuple[int, ...] = ()
        if self._listener is not None:
            fd = self._listener.fileno()
            command, fds = [sys.executable, "-c", _HAND_OVER, str(fd), *serve], (fd,)
        environment = {**newer_version.environment_of(self._version), **VARIABLES}
        environment["VALIDATOR_HOME"] = str(self.home)
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
        """Reload the settings; return when every worker is another."""
        before = set(self.workers)
        os.kill(self.pid, signal.SIGHUP)
        wait_until(
            lambda: len(now := set(self.workers)) == WORKERS and not now & before, "the workers are new"
        )

    def rotate(self) -> None:
        """Let a new key sign."""
        CommandLine(self.home).did("keys", "rotate")

    def migrate(self) -> None:
        """Go on with the next version, whose schema is newer, by the guide: stop, migrate, start."""
        newer = self._make_newer()
        self.stop()
        newer_version.run(newer, self.home, "db", "upgrade")
        self._go_on_with(newer)

    def migrate_beside(self) -> None:
        """Go on with the next version: migrate under the old one, start it beside, stop that."""
        newer = self._make_newer()
        newer_version.run(newer, self.home, "db", "upgrade")
        self._go_on_with(newer)

    def _make_newer(self) -> Path:
        self._steps += 1
        return newer_version.newer(self.home.parent, self._steps)

    def _go_on_with(self, version: Path) -> None:
        last, self._version = self._version, version
        old = self._process
        assert old is not None
        try:
            self.start()
        finally:
            stop(old)
        if last is not None:
            shutil.rmtree(last)  # only now: the old version may load some of itself late

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

"""The processes of a PostgreSQL server for the tests: stopped where they stand, killed, started again."""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.postgres import SUPERUSER, PostgresServer, running_server

_PATIENCE_SECONDS = 20
_POLL_SECONDS = 0.02


def family(pid: int) -> list[int]:
    """Return the process *pid* and every process below it, the eldest first; none when it has ended."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except FileNotFoundError:
        return []
    return [pid, *(below for child in text.split() for below in family(int(child)))]


class PostgresDaemon:
    """A PostgreSQL server that can be broken."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server
        self._data = server.socket_folder / "data"
        self._started: subprocess.Popen[bytes] | None = None
        self._stopped: list[int] = []

    @property
    def pid(self) -> int:
        """The process that is the parent of the others."""
        return int((self._data / "postmaster.pid").read_text().splitlines()[0])

    def stop(self) -> None:
        """Stop every process where it stands: connections are taken, and nothing ever answers."""
        self._stopped = family(self.pid)
        for pid in self._stopped:
            os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let them go on from where they were stopped."""
        for pid in self._stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def kill(self) -> None:
        """End every process without giving it time for anything."""
        parent = self.pid
        for pid in family(parent):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # A child of this process: until somebody asks how it ended, its number looks taken.
        with suppress(ChildProcessError):
            os.waitpid(parent, 0)

    def start(self) -> None:
        """Start it again as it was; return when it answers."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        words = shlex.split((self._data / "postmaster.opts").read_text())
        while not self.server.is_ready():
            # Until the last process of the killed one is gone, the new one ends at once.
            if self._started is None or self._started.poll() is not None:
                self._started = self._run(words)
            assert time.monotonic() < deadline, (self._data.parent / "again").read_text()
            time.sleep(_POLL_SECONDS)

    def end(self) -> None:
        """End what `start` started."""
        self.go_on()
        if self._started is not None and self._started.poll() is None:
            self._started.send_signal(signal.SIGINT)
            self._started.wait(_PATIENCE_SECONDS)

    def _run(self, words: list[str]) -> "subprocess.Popen[bytes]":
        as_user = ["--reuid", SUPERUSER, "--regid", SUPERUSER, "--clear-groups"] if os.geteuid() == 0 else []
        command = ["setpriv", *as_user, *words]
        with (self._data.parent / "again").open("ab") as log:
            return subprocess.Popen(command, cwd=self._data, stdout=log, stderr=log)


@contextmanager
def running_daemon(programs: Path) -> Iterator[PostgresDaemon]:
    """Yield a PostgreSQL server of the test's own that can be broken; it is ended and removed."""
    with running_server(programs) as server:
        daemon = PostgresDaemon(server)
        try:
            yield daemon
        finally:
            daemon.end()

"""Servers for a benchmark: started as separate programs, waited for, and stopped at the end.

A server inherits its cores from the process that starts it (`benchmarks.machine.pinned`).
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from benchmarks.load import Address

CHECKOUT = Path(__file__).parents[1]
_TIMEOUT = 120  # seconds for what takes about one, or a hundred on a busy machine at a low priority
_STEP = 0.05


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, and its first process."""

    address: Address
    pid: int


@contextmanager
def serving(
    home: Path,
    *words: str,
    niceness: int = 0,
    variables: Mapping[str, str] = MappingProxyType({}),
    log: Path | None = None,
) -> Iterator[Server]:
    """Give a `validator serve` for *home* that listens already; its log is *log*, or a file beside it."""
    address = free_address()
    serve = validator(home, "serve", "--bind", f"{address[0]}:{address[1]}", *words)
    command = ["nice", "-n", str(niceness), *serve]
    log = log or home.parent / f"{address[1]}.log"
    with running(command, address, log, {**environment(), **variables}) as server:
        yield server


@contextmanager
def running(
    command: list[str], address: Address, log: Path, variables: Mapping[str, str], folder: Path = CHECKOUT
) -> Iterator[Server]:
    """Give what *command* starts, as soon as it listens at *address*; it is stopped at the end."""
    with log.open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603 - every word is ours
            command, env=variables, stdout=stream, stderr=stream, cwd=folder
        )
    try:
        _wait_for(address, process, log)
        yield Server(address, process.pid)
    finally:
        _stop(process)


@dataclass
class Program:
    """A program that is killed and started again."""

    command: list[str]
    variables: dict[str, str]
    address: Address
    log: Path
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        """The id of its first process."""
        if self._process is None:
            raise RuntimeError("it is not running")
        return self._process.pid

    def start(self) -> None:
        """Start it; return when it listens."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603
                self.command, env=self.variables, stdout=log, stderr=log, cwd=CHECKOUT
            )
        _wait_for(self.address, self._process, self.log)

    def restart(self) -> None:
        """Stop it gracefully, and start it again."""
        self.end()
        self.start()

    def kill(self) -> None:
        """Kill it."""
        os.kill(self.pid, signal.SIGKILL)
        self.end()

    def end(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_TIMEOUT)
            self._process = None


def free_address() -> Address:
    """Return a loopback address with a port that nobody listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return "127.0.0.1", listener.getsockname()[1]


def validator(home: Path, *words: str) -> list[str]:
    """Return the command `validator` with *words*, for *home*."""
    return [sys.executable, "-m", "validator", *words, "--home", str(home)]


def environment() -> dict[str, str]:
    """Return the environment of a server as shipped, behind a proxy that the benchmark plays."""
    inherited = os.environ.items()  # noqa: TID251 - handed on, not read
    own = {name: text for name, text in inherited if not name.startswith("VALIDATOR_")}
    return own | {
        "VALIDATOR_SERVER_TRUSTED_PROXIES": "1",
        "VALIDATOR_SERVER_PROXY_NETWORKS": '["127.0.0.1"]',
        "VALIDATOR_TOKENS_AGENT_LIFETIME": "24h",
        # Each token stands for those of many agents; they are counted all the same.
        "VALIDATOR_LIMITS_CALLBACKS_TOKEN": "1000000/1m",
        "VALIDATOR_LIMITS_CALLBACKS_SUBJECT": "1000000/1m",
    }


def _wait_for(address: Address, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _TIMEOUT
    while True:
        try:
            socket.create_connection(address, _TIMEOUT).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"did not start: {log.read_text(errors='replace')}") from None
            time.sleep(_STEP)
        else:
            return


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_TIMEOUT)

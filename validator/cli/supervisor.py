"""Runs programs together: when one ends, all are stopped; a signal to this process goes to all of them."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

_FAST_STOP = signal.SIGINT  # stops nginx and gunicorn immediately
_STOPS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Program:
    """A command line, and the signal that stops it gracefully."""

    words: Sequence[str]
    stop: signal.Signals = signal.SIGTERM


def run(*programs: Program, timeout: float) -> int:
    """Run *programs* until one ends or a signal stops this process; return 0, or the exit code of that one.

    SIGTERM and SIGINT stop them one after another, the last first, each within *timeout* seconds; a second
    such signal stops them immediately. SIGHUP reloads them. Raises OSError when one cannot be started.
    """
    supervisor = Supervisor(timeout)
    try:
        supervisor.start(programs)
        first = supervisor.first_to_end()
    finally:
        supervisor.stop()
    return abs(first.returncode) if first and not supervisor.is_stopping else 0


class Supervisor:
    """The running programs, in the order of their start."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._running: list[tuple[Program, subprocess.Popen[bytes]]] = []
        self._stops: list[int] = []
        self._wakeup = _listen_for_signals()
        for number in (*_STOPS, signal.SIGHUP):
            signal.signal(number, self._pass_on)

    def start(self, programs: Sequence[Program]) -> None:
        """Start *programs*, until a signal stops this process."""
        for program in programs:
            if not self._stops:
                # In separate sessions: a terminal's Ctrl-C reaches them once, through this process.
                command = with_death_signal(program.words)
                process = subprocess.Popen(command, start_new_session=True)  # noqa: S603 - ours
                self._running.append((program, process))

    def first_to_end(self) -> "subprocess.Popen[bytes] | None":
        """Wait; return the program that ended first, or None when a signal stops this process."""
        while not self._stops:
            if ended := self._ended():
                return ended
            os.read(self._wakeup, 1)
        return None

    def stop(self) -> None:
        """Stop every program, the last first: it may be a proxy that still needs the others."""
        for program, process in reversed(self._running):
            process.send_signal(_FAST_STOP if self._is_urgent else program.stop)
            try:
                process.wait(self._timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _end_group(process.pid)

    @property
    def is_stopping(self) -> bool:
        """Whether a signal stops this process."""
        return bool(self._stops)

    @property
    def _is_urgent(self) -> bool:
        return len(self._stops) > 1

    def _ended(self) -> "subprocess.Popen[bytes] | None":
        """Return a program that has ended; reap orphans too, as process 1 of a container must."""
        ours = {process.pid: process for _, process in self._running}
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if process := ours.get(ended.si_pid):
                process.wait()
                return process
            os.waitpid(ended.si_pid, 0)
        return None

    def _pass_on(self, number: int, _: object) -> None:
        if number != signal.SIGHUP:
            self._stops.append(number)
        if number == signal.SIGHUP or self._is_urgent:
            for _program, process in self._running:
                process.send_signal(signal.SIGHUP if number == signal.SIGHUP else _FAST_STOP)


def _listen_for_signals() -> int:
    """Return a file descriptor that becomes readable after each signal, so that none is missed."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # with the default action it would not wake the reader
    return reader


def with_death_signal(words: Sequence[str]) -> list[str]:
    """Return *words* so that the program gets SIGTERM when this process is killed, where setpriv exists."""
    setpriv = shutil.which("setpriv")
    return [*([setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []), *words]


def _end_group(leader: int) -> None:
    """Stop the children that a killed program left behind, such as the workers of nginx."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGTERM)

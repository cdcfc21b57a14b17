"""Programs that live and die together: what stops one stops all, and a signal to this process is for all."""

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

_HURRY = signal.SIGINT  # nginx and gunicorn end at once by it
_STOPS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True, slots=True)
class Program:
    """What to run, and the signal by which it finishes what it is doing and ends."""

    words: Sequence[str]
    stop: signal.Signals = signal.SIGTERM


def run(*programs: Program, timeout: float) -> int:
    """Run *programs* until one ends or this process is told to stop; return 0, or how the first one failed.

    SIGTERM and SIGINT stop them one after another, the last first, each within *timeout* seconds; a second
    such signal hurries them. SIGHUP lets them reload. Raises OSError when one cannot be started.
    """
    supervisor = Supervisor(timeout)
    try:
        supervisor.start(programs)
        first = supervisor.first_to_end()
    finally:
        supervisor.stop()
    return abs(first.returncode) if first and not supervisor.is_told else 0


class Supervisor:
    """The running programs, in the order of their start."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._running: list[tuple[Program, subprocess.Popen[bytes]]] = []
        self._stops: list[int] = []
        self._bell = _listen_for_signals()
        for number in (*_STOPS, signal.SIGHUP):
            signal.signal(number, self._pass_on)

    def start(self, programs: Sequence[Program]) -> None:
        """Start *programs*, until a signal says to stop."""
        for program in programs:
            if not self._stops:
                # In sessions of their own: a terminal's Ctrl-C reaches them once, by way of this process.
                process = subprocess.Popen(tied(program.words), start_new_session=True)  # noqa: S603 - ours
                self._running.append((program, process))

    def first_to_end(self) -> "subprocess.Popen[bytes] | None":
        """Wait; return the program that ended first, or None when a signal says to stop."""
        while not self._stops:
            if ended := self._ended():
                return ended
            os.read(self._bell, 1)
        return None

    def stop(self) -> None:
        """Stop every program, the last first: it may stand in front of the others, and still need them."""
        for program, process in reversed(self._running):
            process.send_signal(_HURRY if self._is_hurried else program.stop)
            try:
                process.wait(self._timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            _end_group(process.pid)

    @property
    def is_told(self) -> bool:
        """Whether a signal said to stop."""
        return bool(self._stops)

    @property
    def _is_hurried(self) -> bool:
        return len(self._stops) > 1

    def _ended(self) -> "subprocess.Popen[bytes] | None":
        """Return a program that has ended; as process 1 of a container, see to the orphans given to it."""
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
        if number == signal.SIGHUP or self._is_hurried:
            for _program, process in self._running:
                process.send_signal(signal.SIGHUP if number == signal.SIGHUP else _HURRY)


def _listen_for_signals() -> int:
    """Return what can be read from after each signal, also one that came just before the reading."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # by default it would not wake anybody
    return reader


def tied(words: Sequence[str]) -> list[str]:
    """Return *words* so that the program is told to stop when this process is killed, where that is known."""
    tie = shutil.which("setpriv")
    return [*([tie, "--pdeathsig", "TERM", "--"] if tie else []), *words]


def _end_group(leader: int) -> None:
    """Stop what a program left behind that was killed itself, such as the workers of nginx."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGTERM)

"""Programs that live and die together: what stops one stops all, and a signal to this process is for all."""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack, suppress

PATIENCE = 40  # seconds a program may take to stop: longer than a request may


def run(*commands: Sequence[str]) -> int:
    """Run *commands* until one ends or this process is told to stop; return 0, or how the first one failed.

    SIGTERM and SIGINT stop them, SIGHUP lets them reload.
    """
    with ExitStack() as stack:
        # In sessions of their own: a terminal's Ctrl-C reaches them once, by way of this process.
        running = [
            stack.enter_context(subprocess.Popen(command, start_new_session=True))  # noqa: S603 - ours
            for command in commands
        ]
        wanted = _pass_signals_on(running)
        first, status = os.wait()
        for process in running:
            if process.pid == first:
                process.returncode = os.waitstatus_to_exitcode(status)
            else:
                _stop(process)
            _end_group(process.pid)
        failed = [process.returncode for process in running if process.pid == first and process.returncode]
    return 0 if wanted or not failed else abs(failed[0])


def _pass_signals_on(running: "list[subprocess.Popen[bytes]]") -> list[int]:
    """Pass signals on from now on; return the list that will hold those that stop."""
    stops: list[int] = []

    def pass_on(number: int, _: object) -> None:
        if number != signal.SIGHUP:
            stops.append(number)
        for process in running:
            if process.returncode is None:
                os.kill(process.pid, signal.SIGHUP if number == signal.SIGHUP else signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    return stops


def _end_group(leader: int) -> None:
    """Stop what a program left behind that was killed itself, such as the workers of nginx."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGTERM)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()

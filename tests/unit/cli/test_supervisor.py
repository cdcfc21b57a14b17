"""Programs that live and die together, tried with small real ones."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.conftest import require_package
from tests.support.server_process import TIMEOUT, stop, wait_until

LONG = 600  # seconds of timeout that no test waits for
REAPER = 36  # PR_SET_CHILD_SUBREAPER: who set it adopts orphans, as process 1 does
DRIVER = f"""
import ctypes, json, signal, sys
from validator.cli.supervisor import Program, run
ctypes.CDLL(None).prctl({REAPER}, 1)
programs = [Program(words, signal.Signals[stop]) for words, stop in json.loads(sys.argv[1])]
sys.exit(run(*programs, timeout=float(sys.argv[2])))
"""

Run = Callable[..., "subprocess.Popen[bytes]"]
Told = tuple[Sequence[str], str]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Yield a function that runs programs together, in a separate process in the test's folder."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*programs: Told, timeout: float = LONG, path: str | None = None) -> "subprocess.Popen[bytes]":
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
        # What runs in the background has Ctrl-C and its like ignored, and so has what it starts.
        python = [str(shutil.which("env")), "--default-signal=INT,QUIT", sys.executable]
        command = [*python, "-c", DRIVER, json.dumps(programs), str(timeout)]
        started.append(
            subprocess.Popen(
                command,
                cwd=tmp_path,
                env=environment if path is None else {**environment, "PATH": path},
                stderr=subprocess.PIPE,
            )
        )
        return started[-1]

    yield start
    for process in started:
        stop(process)
        assert process.stderr is not None
        process.stderr.close()


@pytest.fixture(params=["with setpriv", "without setpriv"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    """Return the PATH of a machine with and without the program that ties a child to its parent."""
    if request.param == "with setpriv":
        require_package("util-linux", found=shutil.which("setpriv") is not None)
        return None
    (tmp_path / "empty").mkdir()
    return str(tmp_path / "empty")


def shell(script: str, stop: str = "SIGTERM") -> Told:
    """Return a program that runs *script*; the signal *stop* stops it."""
    return ("/bin/sh", "-c", f"PATH=/usr/bin:/bin; {script}"), stop


def lasting(name: str, script: str = "", stop: str = "SIGTERM") -> Told:
    """Return a program that writes its number to the file *name* and stays until it is stopped."""
    # A shell with traps must wait for a child process; any other leaves nothing when it is killed.
    stay = f"sleep {LONG} & wait" if script else f"exec sleep {LONG}"
    return shell(f"{script} echo $$ > {name}.new; mv {name}.new {name}; {stay}", stop)


def number_in(file: Path) -> int:
    """Return the process that wrote itself down in *file*."""
    wait_until(file.exists, f"{file.name} is there")
    return int(file.read_text())


def is_running(pid: int) -> bool:
    """Return whether there is a process *pid* that has not ended."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def check_gone(*pids: int) -> None:
    """Assert that none of *pids* is left."""
    wait_until(lambda: not any(map(is_running, pids)), "nothing is left running")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop_stops_all(run: Run, tmp_path: Path, path: str | None, number: int) -> None:
    """Told to stop, it stops every program, and that is no failure."""
    process = run(lasting("one"), lasting("two"), path=path)
    pids = [number_in(tmp_path / name) for name in ("one", "two")]

    process.send_signal(number)

    assert process.wait(TIMEOUT) == 0
    check_gone(*pids)


@pytest.mark.parametrize("code", [0, 3])
def test_what_ends_one_ends_all(run: Run, tmp_path: Path, path: str | None, code: int) -> None:
    """The end of one stops the others; its exit code is the result."""
    ending = shell(f"while [ ! -e one ]; do sleep 0.01; done; exit {code}")
    process = run(lasting("one"), ending, path=path)

    assert process.wait(TIMEOUT) == code
    check_gone(number_in(tmp_path / "one"))


def test_reload_is_passed_on(run: Run, tmp_path: Path) -> None:
    """SIGHUP reaches every program, and stops nothing."""
    names = ("one", "two")
    process = run(*(lasting(name, f"trap 'echo > {name}.reloaded; wait' HUP;") for name in names))
    pids = [number_in(tmp_path / name) for name in names]

    process.send_signal(signal.SIGHUP)

    for name in names:
        wait_until((tmp_path / f"{name}.reloaded").exists, f"{name} is reloaded")
    assert process.poll() is None
    assert all(map(is_running, pids))


def test_adopted_orphan_is_none_of_them(run: Run, tmp_path: Path) -> None:
    """As process 1 of a container it is given others' children: their end stops nothing, and is seen to."""
    orphan = "(sh -c 'echo $$ > orphan.new; mv orphan.new orphan' &);"
    process = run(lasting("one", f"trap 'echo > reloaded; wait' HUP; {orphan}"))
    pid, adopted = number_in(tmp_path / "one"), number_in(tmp_path / "orphan")
    wait_until(lambda: not Path(f"/proc/{adopted}").exists(), "the orphan is seen to")

    process.send_signal(signal.SIGHUP)

    wait_until((tmp_path / "reloaded").exists, "the program is still told things")
    assert (process.poll(), is_running(pid)) == (None, True)


def test_program_that_cannot_be_started_ends_all(run: Run, tmp_path: Path, path: str | None) -> None:
    """When a later program is not there, what was started is stopped, and the failure is reported."""
    process = run(lasting("one"), (("/nowhere/program",), "SIGTERM"), path=path)

    assert process.wait(TIMEOUT) != 0
    assert process.stderr is not None
    assert b"/nowhere/program" in process.stderr.read()
    if (tmp_path / "one").exists():  # else it was stopped before it had written anything
        check_gone(number_in(tmp_path / "one"))


def test_stop_while_starting_leaves_nothing(run: Run, tmp_path: Path) -> None:
    """A signal that comes before everything is started stops what is."""
    process = run(shell(f"echo $$ > one; kill -TERM $PPID; exec sleep {LONG}"), lasting("two"))

    assert process.wait(TIMEOUT) == 0
    check_gone(number_in(tmp_path / "one"), *map(number_in, tmp_path.glob("two")))


def test_killed_it_takes_its_programs_along(run: Run, tmp_path: Path) -> None:
    """Even when it is killed, which it cannot handle, its programs get a signal to stop."""
    require_package("util-linux", found=shutil.which("setpriv") is not None)
    process = run(lasting("one"), lasting("two"))
    pids = [number_in(tmp_path / name) for name in ("one", "two")]

    process.kill()

    check_gone(*pids)


@pytest.mark.slow
def test_last_is_stopped_first_by_its_own_signal(run: Run, tmp_path: Path) -> None:
    """The one in front may finish its work before the one behind it gets the signal."""
    first = lasting("one", "trap 'echo one TERM >> said; exit' TERM;")
    last = lasting("two", "trap 'sleep 0.3; echo two QUIT >> said; exit' QUIT;", "SIGQUIT")
    process = run(first, last)
    pids = [number_in(tmp_path / name) for name in ("one", "two")]

    process.terminate()

    assert process.wait(TIMEOUT) == 0
    assert (tmp_path / "said").read_text().splitlines() == ["two QUIT", "one TERM"]
    check_gone(*pids)


def test_patience_has_an_end(run: Run, tmp_path: Path) -> None:
    """A program that ignores the signal is killed, and so are its children."""
    deaf = "trap 'echo > deaf.told; wait' TERM; sh -c 'echo $$ > child; exec sleep 600' &"
    process = run(lasting("deaf", deaf), timeout=0.2)
    pids = [number_in(tmp_path / "deaf"), number_in(tmp_path / "child")]

    process.terminate()

    assert process.wait(TIMEOUT) == 0
    assert (tmp_path / "deaf.told").exists()
    check_gone(*pids)


def test_second_stop_is_in_a_hurry(run: Run, tmp_path: Path) -> None:
    """Who asks twice does not wait: what is still finishing its work is interrupted."""
    slow = lasting("one", "trap 'echo > told; wait' TERM; trap 'echo > hurried; exit' INT;")
    process = run(slow)
    pid = number_in(tmp_path / "one")
    process.terminate()
    wait_until((tmp_path / "told").exists, "it got the signal to stop")

    process.terminate()

    assert process.wait(TIMEOUT) == 0
    assert (tmp_path / "hurried").exists()
    check_gone(pid)

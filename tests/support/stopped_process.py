"""A process that holds something and is stopped, as by SIGSTOP, a debugger or a frozen cgroup."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK_HOLDER = """
import sys, time
from pathlib import Path
from validator.locks import locked
with locked(Path(sys.argv[1])):
    print("holds", flush=True)
    time.sleep(600)
"""


@contextmanager
def stopped(code: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run *code* until it prints a line, and stop it; kill it after the block."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    with process.stdout:
        try:
            assert process.stdout.readline() == b"holds\n"
            process.send_signal(signal.SIGSTOP)
            yield process
        finally:
            process.kill()
            process.wait()

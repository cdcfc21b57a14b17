"""A stop while gunicorn's workers start: each ends at once, whatever it was about to do."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.server_process import TIMEOUT

CONFIGURATION = """
from validator.web.gunicorn_internals import end_on_sigterm

def post_fork(server, worker):
    {first}
    open({gate!r}).read()  # until its writer ends

bind = {bind!r}
graceful_timeout = {graceful_timeout}
"""


def seconds_of_stop(folder: Path, first: str, graceful_timeout: int) -> float:
    """Stop gunicorn while its worker is in a `post_fork` that begins with *first*; return the seconds."""
    gate, configuration = folder / "gate", folder / "gunicorn.conf.py"
    os.mkfifo(gate)
    about = {"first": first, "gate": str(gate), "bind": f"unix:{folder}/socket"}
    configuration.write_text(CONFIGURATION.format(**about, graceful_timeout=graceful_timeout))
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "-c", str(configuration), "none:app"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:
            with gate.open("w"):  # opens when the worker waits
                began = time.monotonic()
                server.terminate()
                assert server.wait(TIMEOUT) == 0
                return time.monotonic() - began
        finally:
            server.kill()


@pytest.mark.timed
def test_worker_that_starts_ends_at_once(tmp_path: Path) -> None:
    """A worker without handlers is ended by the stop itself, long before graceful_timeout."""
    assert seconds_of_stop(tmp_path, "end_on_sigterm()", graceful_timeout=10 * TIMEOUT) < TIMEOUT


def test_without_it_the_stop_is_lost(tmp_path: Path) -> None:
    """The control: with the master's handler the worker stays until graceful_timeout."""
    assert seconds_of_stop(tmp_path, "pass", graceful_timeout=1) >= 1

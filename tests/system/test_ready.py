"""A server that starts without what has a fallback, and lives with few descriptors."""

import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.outages import PLENTY, Node, node
from tests.support.server_process import serving, wait_until
from validator.metrics.sharing import workers

FEW_FILES = 256
SOON = 2  # seconds; each silent connection had a thread for 5
ANSWERS_WITHIN = 12  # seconds: silent connections end after keep_alive, which is 5


def pids(home: Path) -> set[int]:
    """Return the workers that live."""
    return {worker.pid for worker in workers(home / "metrics")}


def test_server_starts_and_reloads_without_redis(tmp_path: Path) -> None:
    """Without Redis a server starts, is ready though degraded, answers rightly and reloads."""
    redis = {"VALIDATOR_LIMITS_STORAGE": f"redis+unix://{tmp_path}/none"}
    home = tmp_path / "home"
    with node(home, PLENTY | redis) as here:
        ready = here.server.ask("GET", "/readyz")
        verdict = ask(here)
        before = pids(home)
        here.server.send(signal.SIGHUP)
        wait_until(lambda: len(pids(home)) == 2 and not pids(home) & before, "new workers")
        wait_until(here.server.is_answering, "the server answers")

        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert verdict == ask(here) == 0
        assert here.validator("check", variables=redis).code == 0


def ask(here: Node) -> int:
    """Return the `retCode` that a good token gets."""
    question = here.questions[0]
    headers = {"Content-Type": "application/json"}
    answer = here.server.ask("POST", question.path, content=question.body, headers=headers)
    return int(answer.json()["retCode"])


@pytest.mark.parametrize(
    ("forced", "number"), [(False, 150), (True, 400)], ids=["as shipped", "with gunicorn's own number"]
)
def test_silent_connections_end_no_worker(tmp_path: Path, forced: bool, number: int) -> None:
    """More silent connections than a worker may hold, or open files: it lives, and answers others soon."""
    home = tmp_path / "home"
    CommandLine(home).did("init")
    # With its own number gunicorn meets the limit, at which it would end the worker.
    own = {"GUNICORN_CMD_ARGS": "--worker-connections=1000"} if forced else {}
    with serving(home, "--workers", "1", variables=own, files=FEW_FILES) as server, ExitStack() as silent:
        before = pids(home)
        for _ in range(number):
            silent.enter_context(server.connect())
        with server.client() as client:
            answer = client.get("/healthz", timeout=ANSWERS_WITHIN)

        assert answer.status_code == 200
        assert pids(home) == before
        assert (b"No more connections for now" in server.log.read_bytes()) is forced


def test_silent_connections_take_no_thread(tmp_path: Path) -> None:
    """Ten silent connections for each thread delay nobody: a thread is for what sent something."""
    home = tmp_path / "home"
    CommandLine(home).did("init")
    with serving(home, "--workers", "1", "--threads", "2") as server, ExitStack() as silent:
        for _ in range(20):
            silent.enter_context(server.connect())
        with server.client() as client:
            answer = client.get("/healthz", timeout=SOON)

    assert answer.status_code == 200

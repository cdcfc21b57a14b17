"""The documented first run: `make run` in a copy of the checkout, and the four commands it prints, pasted.

The copy has every tracked file. Its environment is made beforehand, from the packages of the running one,
which spares a minute of pip; that pip installs them is for the continuous integration to see.
"""

import os
import shutil
import signal
import ssl
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import orjson
import pytest

from tests.architecture.source import CHECKOUT, tracked
from tests.conftest import require_package
from tests.support import nginx_process
from tests.support.command_line import clean_environment, printed_commands
from tests.support.server_process import TIMEOUT, Server, free_bind, free_port, port_is_open, wait_until

CREDENTIALS = "Demo credentials, shown only once"


@dataclass(frozen=True)
class FirstRun:
    """A running `make run`: the server, and what was printed before it."""

    server: Server
    folder: Path

    def printed(self) -> str:
        """Return what was printed."""
        return self.server.log.read_text()

    def paste(self) -> list[list[str]]:
        """Paste each printed command into a shell in the same folder; return the lines of each answer."""
        return [self._paste(command) for command in printed_commands(self._told())]

    def _told(self) -> str:
        told = self.printed().partition("\nhttps://localhost")[0]  # what follows is of nginx
        return "\n".join(line for line in told.splitlines() if not line.startswith("{"))

    def _paste(self, command: str) -> list[str]:
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.folder, capture_output=True, check=False, timeout=TIMEOUT
        )
        assert (done.returncode, done.stderr) == (0, b""), (command, done)
        return done.stdout.decode().splitlines()


@pytest.fixture(scope="module", autouse=True)
def _programs() -> None:
    """Request what Debian ships in separate packages."""
    require_package("make", found=shutil.which("make") is not None)
    require_package("curl", found=shutil.which("curl") is not None)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the checkout with an environment that `make` takes for finished."""
    folder = tmp_path / "checkout"
    for path in tracked():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / path, folder / path)
    environment = folder / ".venv"
    venv.create(environment, symlinks=True)
    (site_packages,) = environment.glob("lib/python3*/site-packages")
    # The copy stands before the packages, so that it is what is imported, not the original.
    (site_packages / "copy.pth").write_text(f"{folder}\n{sysconfig.get_path('purelib')}\n")
    program = environment / "bin" / "validator"
    program.write_text(f"#!{environment}/bin/python\nfrom validator.__main__ import main\nmain()\n")
    program.chmod(0o755)
    (environment / ".installed").touch()
    return folder


@contextmanager
def make_run(folder: Path, bind: str) -> Iterator[FirstRun]:
    """Run `make run` in *folder* until its server answers; then stop it."""
    log = folder.parent / "printed.log"
    environment = {**clean_environment(), "VALIDATOR_SERVER_BIND": bind, "PYTHON": sys.executable}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            ["make", "run"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    server = Server(process, bind, log)
    try:
        wait_until(server.is_answering, "the demonstration is served")
        yield FirstRun(server, folder)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(TIMEOUT)


def check_answers(answers: list[list[str]]) -> None:
    """Assert that the four commands logged in, got a token, had it accepted, and had a guest signed in."""
    logged_in, token, verdict, guest = answers
    assert orjson.loads(logged_in[-1])["userAccount"] == "demo-agent"
    assert orjson.loads(token[-1])["access_token"]
    assert orjson.loads(verdict[-1]) == {"retCode": 0, "message": "validate success"}
    assert orjson.loads(guest[0])["thirdUserId"].startswith("guest-")
    assert guest[-1].startswith("auth-v2/100000000000000001/")
    assert len(guest[-1].rpartition("/")[2]) == 64


def test_first_run_and_second_run(copy: Path) -> None:
    """The printed commands work as they are; a second run prints no credentials, and they work again."""
    bind = free_bind()

    with make_run(copy, bind) as first:
        first_answers, first_printed = first.paste(), first.printed()
    with make_run(copy, bind) as second:
        second_answers, second_printed = second.paste(), second.printed()

    check_answers(first_answers)
    check_answers(second_answers)
    assert CREDENTIALS in first_printed
    assert CREDENTIALS not in second_printed
    password = orjson.loads((copy / "var" / "demo" / "login.json").read_bytes())["password"]
    assert (password in first_printed, password in second_printed) == (True, False)


def test_run_leaves_its_state_in_var_only(copy: Path) -> None:
    """Beside the environment and Python's caches, what `make run` makes is in ./var, and git ignores it."""
    before = {path.name for path in copy.iterdir()}

    with make_run(copy, free_bind()):
        pass

    assert {path.name for path in copy.iterdir()} - before == {"var"}
    assert (copy / "var").stat().st_mode & 0o777 == 0o700
    ignored = (copy / ".gitignore").read_text().splitlines()
    assert {"/var/", "/.venv/"} <= set(ignored)


@contextmanager
def make_https(folder: Path, port: int, *words: str) -> Iterator[FirstRun]:
    """Run `make` with *words* in *folder* until nginx answers on *port*; then stop it."""
    log = folder.parent / "printed-https.log"
    environment = {**clean_environment(), "PYTHON": sys.executable}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            ["make", *words, f"HTTPS_PORT={port}"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
    bind = f"127.0.0.1:{port}"
    server = Server(process, bind, log)
    try:
        wait_until(
            lambda: is_answering_https(server, folder, port), "nginx answers in front of the demonstration"
        )
        yield FirstRun(server, folder)
    finally:
        process.terminate()
        process.wait(TIMEOUT)


def is_answering_https(server: Server, folder: Path, port: int) -> bool:
    """Return whether nginx and the server behind it answer; fails when they have ended."""
    assert server.process.poll() is None, server.log.read_text()
    authority = folder / "var" / "door" / "ca.pem"
    if not authority.exists():
        return False
    try:
        trust = ssl.create_default_context(cafile=authority)
        return httpx2.get(f"https://localhost:{port}/healthz", verify=trust).status_code == 200
    except httpx2.TransportError:
        return False


def test_run_https(copy: Path) -> None:
    """`make run-https`: behind nginx the printed commands work as they are; stopping leaves nothing."""
    require_package("nginx", found=nginx_process.program() is not None)
    port = free_port()

    with make_https(copy, port, "run-https") as first:
        answers = first.paste()
        listening = port_is_open(port)

    check_answers(answers)
    assert (listening, port_is_open(port)) == (True, False)
    assert not (copy / "var" / "door" / "app.sock").exists()


def test_demo(copy: Path) -> None:
    """`make demo`: the pages are served, the stand-in for the cloud is there, and it is said where."""
    require_package("nginx", found=nginx_process.program() is not None)
    port, cloud_port, centre_port = (free_port() for _ in range(3))
    ports = (f"CLOUD_PORT={cloud_port}", f"CENTRE_PORT={centre_port}")

    with make_https(copy, port, "demo", *ports) as first:
        wait_until(lambda: port_is_open(cloud_port), "the stand-in for the cloud answers")
        trust = ssl.create_default_context(cafile=copy / "var" / "door" / "ca.pem")
        page = httpx2.get(f"https://localhost:{port}/portal/", verify=trust)
        printed = first.printed()

    assert page.status_code == 200
    assert f"https://localhost:{port}/portal/" in printed
    assert f"https://localhost:{cloud_port}/status" in printed

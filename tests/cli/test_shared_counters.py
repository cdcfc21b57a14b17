"""What `check` and `serve` say about where the counters are: no server counts for itself in silence."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine, clean_environment
from tests.support.stopped_process import ROOT, stopped

pytestmark = pytest.mark.slow
CONTAINER = ("unshare", "--pid", "--fork")
WITHOUT_TMPFS = ("unshare", "--mount", "sh", "-c", 'mount --bind /var/tmp /dev/shm && exec "$@"', "sh")
COUNTING = """
import sys, time
from pathlib import Path
from validator.services import open_services
from validator.settings.loading import load
open_services(load(Path(sys.argv[1]), environment={})).rate_limits.trouble()
print("holds", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Return a home on a disk; the folder of its counters is removed after the tests."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        CommandLine(Path(folder) / "home").did("init")
        yield Path(folder) / "home"
        subprocess.run(["rm", "-rf", (Path(folder) / "home" / "counters").resolve()], check=True)


def said(home: Path, launcher: tuple[str, ...], *words: str) -> tuple[int, str]:
    """Return the exit code and the output of a command in other namespaces."""
    if subprocess.run([*launcher, "true"], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to make namespaces: run the tests as root")
    command = [*launcher, sys.executable, "-m", "validator", *words]
    environment = clean_environment() | {"VALIDATOR_HOME": str(home)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    "words", [("check",), ("serve", "--bind", "unix:/tmp/never.sock")], ids=["check", "serve"]
)
def test_second_container_of_a_home_is_refused(home: Path, words: tuple[str, ...]) -> None:
    """It neither starts nor counts, and names what several containers need."""
    with stopped(COUNTING, home):
        code, told = said(home, CONTAINER, *words)

    assert code == 1
    assert "processes of another container count in counters of this home" in told
    assert "Redis (limits.storage)" in told


def test_control_of_the_container(home: Path) -> None:
    """One container alone counts, and so does another process of the same one."""
    code, told = said(home, CONTAINER, "check")
    assert (code, "ok" in told) == (0, True)
    with stopped(COUNTING, home):
        assert said(home, (), "check")[0] == 0


def test_missing_tmpfs_is_a_notice(home: Path) -> None:
    """The counters are on the disk then: everything works, and `check` says why it is slower."""
    code, told = said(home, WITHOUT_TMPFS, "check")

    assert code == 0
    assert "notice: the counters are on a disk" in told
    assert "the counters are on a disk" not in said(home, (), "check")[1]

"""The master loads the program's code once for all workers, and opens nothing that belongs to a worker."""

import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import orjson
import pytest

from tests.support.command_line import clean_environment
from validator.shipped import shipped

LOOK = """
import gc, json, os, runpy, sys, threading

def look():
    places = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    return {
        "modules": sorted(sys.modules),
        "threads": threading.active_count(),
        "files": [os.readlink(place) for place in places if os.path.exists(place)],
    }

runpy.run_path(sys.argv[1])
master = {**look(), "frozen": gc.get_freeze_count()}
from validator.wsgi import services
services.health.checks()
print(json.dumps({"master": master, "worker": look()}))
"""
# Of commands, of other roles, or of a store that these settings do not name.
NOT_FOR_CALLBACKS = [
    "alembic",
    "cryptography",
    "httpx2",
    "phonenumbers",
    "psycopg",
    "redis",
    "trustme",
    "zxcvbn",
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what a master and its worker of the callbacks' role have loaded and opened."""
    home = tmp_path_factory.mktemp("preloading") / "home"
    variables = {**clean_environment(), "VALIDATOR_HOME": str(home), "VALIDATOR_SERVER_ROLE": "callbacks"}
    subprocess.run(
        [sys.executable, "-m", "validator", "init"], env=variables, check=True, capture_output=True
    )
    command = [sys.executable, "-c", LOOK, str(shipped("config/gunicorn.conf.py"))]
    done = subprocess.run(command, env=variables, check=True, capture_output=True)
    seen: dict[str, Any] = orjson.loads(done.stdout)
    return {**seen, "home": str(home)}


def test_workers_share_the_code(looked: dict[str, Any]) -> None:
    """The application is loaded before the fork, and exempt from collections, which would copy its pages."""
    master = looked["master"]

    assert "validator.app" in master["modules"]
    assert master["frozen"] > 10_000


def test_master_opens_nothing_for_them(looked: dict[str, Any]) -> None:
    """What must not cross a fork is not there before it: no open file of the home, no thread, no service."""
    master = looked["master"]

    assert "validator.wsgi" not in master["modules"]
    assert _of_home(master["files"], looked["home"]) == []
    assert _of_home(looked["worker"]["files"], looked["home"])  # the control: a worker has some
    assert master["threads"] == 1


def test_worker_of_callbacks_loads_only_what_it_uses(looked: dict[str, Any]) -> None:
    """Commands, other roles and other stores cost a worker no memory; each of these modules is installed."""
    assert all(find_spec(each) for each in NOT_FOR_CALLBACKS)
    assert set(NOT_FOR_CALLBACKS) & set(looked["worker"]["modules"]) == set()


def _of_home(files: list[str], home: str) -> list[str]:
    return [file for file in files if file.startswith(home)]

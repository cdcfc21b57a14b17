"""Slow clients hold connections at the door and nobody behind it: somebody else is served as always."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import require_package
from tests.support import nginx_process, slow_clients
from tests.support.proxy_pair import Outside
from tests.support.server_process import Server
from tests.support.slow_clients import Mode, Served, Target, slow_house, straight, straight_to_long_answers

House = tuple[Outside, Server]
CONNECTIONS, SECONDS = 150, 2.0


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return the cloud and a server."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    require_package(slow_clients.DEBIAN_PACKAGE, found=shutil.which(slow_clients.DEBIAN_PACKAGE) is not None)
    with slow_house(tmp_path_factory.mktemp("slow")) as house:
        yield house


@pytest.fixture(scope="module")
def door(house: House) -> Iterator[Target]:
    """Return our door in front of the server."""
    with slow_clients.through_the_door(*house) as door:
        yield door


@pytest.mark.parametrize("mode", Mode)
def test_a_caller_is_served_beside_slow_clients(door: Target, mode: Mode) -> None:
    """While slow clients hold ten connections for each thread, every question is answered."""
    served = door.attacked(mode, CONNECTIONS, SECONDS)

    assert served.held > 10 * slow_clients.WORKERS * slow_clients.THREADS
    assert (served.failures, len(served.answers) > 1) == ([], True), served


@pytest.mark.parametrize("mode", [Mode.HEAD, Mode.BODY])
def test_without_the_door_a_caller_is_not_served(house: House, mode: Mode) -> None:
    """The same slow clients straight at gunicorn take all its threads, and the caller waits in vain."""
    check_not_served(straight(house[1]).attacked(mode, CONNECTIONS, SECONDS))


def test_without_the_door_slow_readers_stop_everything(house: House, tmp_path: Path) -> None:
    """The same slow readers straight at gunicorn take all its threads too, where an answer is long enough."""
    with straight_to_long_answers(tmp_path) as target:
        check_not_served(target.attacked(Mode.READ, CONNECTIONS, SECONDS))


def check_not_served(served: Served) -> None:
    """Assert that the caller waited in vain."""
    assert None in served.failures, served

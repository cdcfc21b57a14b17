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


def open_house(tmp_path_factory: pytest.TempPathFactory, worker: str) -> Iterator[House]:
    """Yield the cloud and a server with workers of that kind."""
    require_package(nginx_process.DEBIAN_PACKAGE, found=nginx_process.program() is not None)
    require_package(slow_clients.DEBIAN_PACKAGE, found=shutil.which(slow_clients.DEBIAN_PACKAGE) is not None)
    with slow_house(tmp_path_factory.mktemp("slow"), worker) as house:
        yield house


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return the cloud and a server with threads."""
    yield from open_house(tmp_path_factory, "gthread")


@pytest.fixture(scope="module")
def loop_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Return the cloud and a server with an event loop, for the callbacks."""
    yield from open_house(tmp_path_factory, "asgi")


@pytest.fixture(scope="module", params=["house", "loop_house"])
def door(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Return our door in front of each server."""
    with slow_clients.through_the_door(*request.getfixturevalue(request.param)) as door:
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


@pytest.mark.parametrize("mode", [Mode.HEAD, Mode.BODY])
def test_slow_clients_take_no_thread_of_an_event_loop(loop_house: House, mode: Mode) -> None:
    """The same slow clients straight at an event loop take connections only, and the caller is served."""
    served = straight(loop_house[1]).attacked(mode, CONNECTIONS, SECONDS)

    assert (served.failures, len(served.answers) > 1) == ([], True), served


def test_without_the_door_slow_readers_stop_everything(house: House, tmp_path: Path) -> None:
    """The same slow readers straight at gunicorn take all its threads too, where an answer is long enough."""
    with straight_to_long_answers(tmp_path) as target:
        check_not_served(target.attacked(Mode.READ, CONNECTIONS, SECONDS))


def check_not_served(served: Served) -> None:
    """Assert that the caller waited in vain."""
    assert None in served.failures, served

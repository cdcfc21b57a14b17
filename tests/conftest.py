"""What every test may ask for, and the count of tests by folder at the end of a run."""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

from tests.support import fakes, postgres

# The fixtures that start a server.
_SERVERS = {"demonstration", "postgres_server", "redis_server", "server", "servers"}
# Memory with a file system: there, waiting for the disk takes no time, although every program does it.
_MEMORY = Path("/dev/shm")
_ENOUGH_BYTES = 2 * 1024**3
# How often a test of a wait runs again before its failure counts.
_TIMED_RERUNS = 2


# A busy machine makes no example wrong. The parent is hypothesis's profile of the place, such as that of CI.
settings.register_profile(
    "any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Put the tests' folders into memory where it has enough room and may hold programs."""
    if (
        _MEMORY.is_dir()
        and os.access(_MEMORY, os.W_OK)
        and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES
        and not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC
    ):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


@pytest.hookimpl(tryfirst=True)  # before `-m` selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what uses a server as slow, and let the tests of waits run again after a failure."""
    for item in items:
        if not _SERVERS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
        if item.get_closest_marker("timed"):
            item.add_marker(pytest.mark.flaky(reruns=_TIMED_RERUNS))


def require_package(package: str, *, found: bool) -> None:
    """Skip the test unless what Debian's *package* brings was *found*; in CI nothing may be skipped so."""
    if found:
        return
    words = f"needs the Debian package {package}: apt-get install {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(words, pytrace=False)
    pytest.skip(words)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """Run a PostgreSQL server that only this test run (under xdist: this worker) can reach."""
    programs = postgres.program_folder()
    require_package(postgres.DEBIAN_PACKAGE, found=programs is not None)
    assert programs is not None
    with postgres.running_server(programs) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_url(postgres_server: postgres.PostgresServer) -> str:
    """Return the SQLAlchemy URL of one database that the tests of this worker share."""
    return postgres_server.create("shared")


@pytest.fixture
def postgres_database(postgres_server: postgres.PostgresServer) -> Iterator[str]:
    """Yield the SQLAlchemy URL of an empty database of the test's own."""
    name = f"test_{uuid4().hex}"
    yield postgres_server.create(name)
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def populated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, fakes.Credentials]:
    """Return a home with the enterprise in it and its client's credentials; copy it, don't use it."""
    home = tmp_path_factory.mktemp("enterprise") / "home"
    return home, fakes.populate(home)


@pytest.fixture
def found_enterprise(
    populated: tuple[Path, fakes.Credentials], tmp_path: Path
) -> Iterator[Callable[..., fakes.Enterprise]]:
    """Yield what founds an enterprise of the test's own, with settings by their dotted keys."""
    template, credentials = populated
    founded: list[fakes.Enterprise] = []

    def found(settings: Mapping[str, str] | None = None) -> fakes.Enterprise:
        home = tmp_path / f"home-{len(founded)}"
        shutil.copytree(template, home)
        clock = fakes.FakeClock()
        services = fakes.open_with(home, clock, settings)
        founded.append(fakes.Enterprise(services, clock, (credentials.client_id, credentials.client_secret)))
        return founded[-1]

    yield found
    for enterprise in founded:
        enterprise.services.close()


@pytest.fixture
def enterprise(found_enterprise: Callable[..., fakes.Enterprise]) -> fakes.Enterprise:
    """Return an enterprise of the test's own, with the default settings."""
    return found_enterprise()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many tests ran in each folder; under xdist only the controller has a summary."""
    counts = Counter(_folder_of(nodeid) for nodeid in _tests_in(terminalreporter))
    if not counts:
        return
    terminalreporter.section("tests by folder")
    for folder, count in sorted(counts.items()):
        terminalreporter.line(f"{count:6}  {folder}")
    terminalreporter.line(f"{counts.total():6}  in all")


def _tests_in(terminalreporter: pytest.TerminalReporter) -> set[str]:
    """Return the id of every test that has a report, whatever became of it."""
    every = (report for reports in terminalreporter.stats.values() for report in reports)
    return {report.nodeid for report in every if isinstance(report, pytest.TestReport)}


def _folder_of(nodeid: str) -> str:
    """Return `tests/<folder>` of the test *nodeid*, and one level more below `tests/unit`."""
    folders = PurePosixPath(nodeid.partition("::")[0]).parent.parts
    return "/".join(folders[: 3 if folders[:2] == ("tests", "unit") else 2])

"""What the tests of the routes may ask for besides: an enterprise that a whole module shares."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import fakes


@pytest.fixture(scope="module")
def lasting_enterprise(
    populated: tuple[Path, fakes.Credentials], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[fakes.Enterprise]:
    """Yield an enterprise for tests that send much and change nothing which another test relies on."""
    template, credentials = populated
    home = tmp_path_factory.mktemp("lasting") / "home"
    shutil.copytree(template, home)
    clock = fakes.FakeClock()
    services = fakes.open_with(home, clock, fakes.UNLIMITED)
    yield fakes.Enterprise(services, clock, (credentials.client_id, credentials.client_secret))
    services.close()

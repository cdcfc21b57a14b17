"""What the tests of real connections share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from validator.store.database import Database, DatabasePolicy


@pytest.fixture
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], Database]]:
    """Yield what opens a database by its URL, with the `TIMEOUT` of the test's module."""
    databases: list[Database] = []

    def open_url(url: str) -> Database:
        databases.append(Database(DatabasePolicy(tmp_path, url, request.module.TIMEOUT)))
        return databases[-1]

    yield open_url
    for database in databases:
        database.close()

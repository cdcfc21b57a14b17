"""A Redis server for the tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.conftest import require_package
from tests.support import redis_server as redis


@pytest.fixture
def redis_server() -> Iterator[redis.RedisServer]:
    """Run a dedicated Redis server."""
    require_package(redis.DEBIAN_PACKAGE, found=redis.is_installed())
    with redis.running_redis() as server:
        yield server

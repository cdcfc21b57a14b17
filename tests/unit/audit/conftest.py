"""Fixtures: a folder for a trail, and trails that append to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes import FakeClock
from tests.support.fixed_trails import Place, place_in
from validator.audit.trail import AuditTrail
from validator.exchange import Exchange, current_exchange


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a place with the fixed key and no trail yet."""
    return place_in(tmp_path)


@pytest.fixture
def opened(place: Place, clock: FakeClock) -> Iterator[Callable[..., AuditTrail]]:
    """Yield a function that opens a trail of the place, as another process would."""
    trails: list[AuditTrail] = []

    def open_trail(*arguments: int, **options: Any) -> AuditTrail:
        trails.append(place.open(clock, *arguments, **options))
        return trails[-1]

    yield open_trail
    for trail in trails:
        trail.close()


@pytest.fixture
def trail(opened: Callable[..., AuditTrail]) -> AuditTrail:
    """Return an empty trail."""
    return opened()


@pytest.fixture(autouse=True)
def no_exchange() -> Iterator[None]:
    """Have no exchange, whatever an earlier test left in this thread."""
    token = current_exchange.set(Exchange())
    yield
    current_exchange.reset(token)

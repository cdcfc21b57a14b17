"""The other centre with two agents, without a network."""

import hashlib

import pytest

from tests.support.fakes import FakeClock
from validator.operations.simulator.othercentre.registration import Centre, CentreAgent

PASSWORD = hashlib.md5(b"three calm valleys", usedforsecurity=False).hexdigest()
AGENT = CentreAgent("centre-7", PASSWORD, "Chen Yu", "1001", 7)
OTHER = CentreAgent("centre-8", "0" * 32, "Zhao Min", "1002", 8)


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture
def centre() -> Centre:
    """Return what the centre knows."""
    return Centre({agent.username: agent for agent in (AGENT, OTHER)})

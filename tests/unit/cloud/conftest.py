"""Fixtures: a fake cloud, and the table of its agents."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.support.fakes import FakeClock
from tests.support.faulty_fabric import AGENTS_PATH, APP_KEY, APP_SECRET, TOKEN_PATH, FakeCloud, running_cloud
from validator.cloud.agents import Agents
from validator.cloud.policy import CloudPolicy
from validator.keys.encryption import SecretEncryption
from validator.store.database import Database
from validator.tenants import Tenants

POLICY = CloudPolicy(
    api_url="",
    app_key=APP_KEY,
    token_path=TOKEN_PATH,
    agents_path=AGENTS_PATH,
    ca_file=None,
    timeout=timedelta(seconds=20),
    token_lifetime=timedelta(seconds=600),
    keep_sip_passwords=False,
    max_removal=20,
    app_secret=APP_SECRET,
)


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    """Yield a cloud without TLS and without agents."""
    with running_cloud() as cloud:
        yield cloud


@pytest.fixture
def fabric_policy(cloud: FakeCloud) -> CloudPolicy:
    """Return the settings for that cloud."""
    return replace(POLICY, api_url=cloud.url)


@pytest.fixture
def agents(database: Database, tenants: Tenants, encryption: SecretEncryption, clock: FakeClock) -> Agents:
    """Return the empty table of agents with the default policy."""
    return Agents(database, tenants, encryption, POLICY, clock)

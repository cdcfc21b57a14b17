"""Keys and tables that signing a guest in is made of."""

from pathlib import Path

import pytest

from tests.fakes import OTHER_TENANT, TENANT, FakeClock
from validator.authv2.channels import Channels
from validator.files import make_private_folder
from validator.keys.keyring import Keyring
from validator.keys.sealing import Sealer
from validator.store.database import Database
from validator.tenants import Tenants


@pytest.fixture
def keyring(tmp_path: Path, clock: FakeClock) -> Keyring:
    """Return a keyring with one signing key."""
    keyring = Keyring(tmp_path / "keys", clock)
    keyring.create()
    return keyring


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    """Return a sealer with a key."""
    make_private_folder(tmp_path / "keys")
    sealer = Sealer(tmp_path / "keys")
    sealer.create()
    return sealer


@pytest.fixture
def tenants(database: Database, clock: FakeClock) -> Tenants:
    """Return the table of tenants, with two in it."""
    table = Tenants(database, clock)
    table.add(TENANT, "First")
    table.add(OTHER_TENANT, "Second")
    return table


@pytest.fixture
def channels(database: Database, tenants: Tenants, sealer: Sealer, clock: FakeClock) -> Channels:
    """Return the table of channels, empty."""
    return Channels(database, tenants, sealer, clock)

"""Keys and tables that signing a guest in is made of."""

from pathlib import Path

import pytest

from tests.support.fakes import FakeClock
from validator.keys.encryption import SecretEncryption
from validator.keys.keyring import Keyring
from validator.store.database import Database
from validator.tenants import Tenants
from validator.webchat.channels import Channels


@pytest.fixture
def keyring(tmp_path: Path, clock: FakeClock) -> Keyring:
    """Return a keyring with one signing key."""
    keyring = Keyring(tmp_path / "keys", clock)
    keyring.create()
    return keyring


@pytest.fixture
def channels(
    database: Database, tenants: Tenants, encryption: SecretEncryption, clock: FakeClock
) -> Channels:
    """Return the table of channels, empty."""
    return Channels(database, tenants, encryption, clock)

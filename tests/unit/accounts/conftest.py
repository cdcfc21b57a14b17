"""Fixtures: the parts of a login, with hashing that costs next to nothing."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.account_policies import LOCKOUT
from tests.support.fakes import TENANT, FakeClock
from validator.accounts.account import Account, Accounts
from validator.accounts.devices import Devices
from validator.accounts.identity import Identity
from validator.accounts.sessions import SessionPolicy, Sessions
from validator.keys.keyring import Keyring
from validator.store.database import Database
from validator.tenants import Tenants


@pytest.fixture
def tenants(database: Database, clock: FakeClock) -> Tenants:
    """Return the table of tenants with one tenant."""
    table = Tenants(database, clock)
    table.add(TENANT, "First")
    return table


@pytest.fixture
def accounts(database: Database, tenants: Tenants, clock: FakeClock) -> Accounts:
    """Return the empty table of accounts."""
    return Accounts(database, tenants, clock, lambda user_id: user_id.startswith("guest-"))


@pytest.fixture
def person(accounts: Accounts) -> Account:
    """Return an account without an identity, whose stored hash is invalid."""
    return accounts.add("li.wei", TENANT, "hash-0", Identity())


@pytest.fixture
def sessions(database: Database, tenants: Tenants, clock: FakeClock) -> Sessions:
    """Return the empty table of sessions; a session lasts eight hours."""
    return Sessions(database, SessionPolicy(timedelta(hours=8)), clock)


@pytest.fixture
def keyring(tmp_path: Path, clock: FakeClock) -> Keyring:
    """Return a keyring with one signing key."""
    keyring = Keyring(tmp_path / "keys", clock)
    keyring.create()
    return keyring


@pytest.fixture
def devices(keyring: Keyring, clock: FakeClock) -> Devices:
    """Return device cookies with a lifetime of 180 days."""
    return Devices(keyring, replace(LOCKOUT, leeway=timedelta(0)), clock)

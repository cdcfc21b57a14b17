"""Homes for commands: an empty place, and one with a tenant, an account, a client and a channel."""

import shutil
from pathlib import Path

import pytest

from tests.support.command_line import CHANNEL, LOGIN, ORIGIN, PASSWORD, SECRET_KEY, TENANT, CommandLine


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home made by the commands themselves; copy it, don't use it."""
    validator = CommandLine(tmp_path_factory.mktemp("furnished") / "home")
    validator.did("init")
    validator.did("tenants", "add", TENANT, "--name", "First")
    identity = ("--user-account", "agent-7", "--user-id", "customer-7", "--user-name", "李伟")
    validator.did("accounts", "add", LOGIN, "--tenant", TENANT, *identity, stdin=PASSWORD)
    validator.did("clients", "add", "backend", "--tenant", TENANT)
    validator.did("channels", "add", CHANNEL, "--tenant", TENANT, "--origin", ORIGIN, stdin=SECRET_KEY)
    return validator.home


@pytest.fixture
def validator(furnished: Path, tmp_path: Path) -> CommandLine:
    """Return the command line with a furnished home of the test's own."""
    shutil.copytree(furnished, tmp_path / "home")
    return CommandLine(tmp_path / "home")


@pytest.fixture
def nowhere(tmp_path: Path) -> CommandLine:
    """Return the command line with a home that does not exist yet."""
    return CommandLine(tmp_path / "home")

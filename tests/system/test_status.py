"""`validator status` beside real servers: two pools that share a home, asked, attacked and broken."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.command_line import LOGIN, PASSWORD, TENANT, CommandLine, Said
from tests.support.fakes import AGENT_PATH, CHAT_PATH
from tests.support.server_process import serving

CANARY = "canary-of-a-token-and-a-password"
SOURCE = "203.0.113.77"
ACCEPTED, REFUSED = 12, 33
# The pools take their callers' addresses from the proxy, which is this test.
VARIABLES = {
    "VALIDATOR_SERVER_TRUSTED_PROXIES": "1",
    "VALIDATOR_SERVER_PROXY_NETWORKS": '["127.0.0.1"]',
    "VALIDATOR_LIMITS_CALLBACKS_FOREIGN": "30/1h",
}


@pytest.fixture(scope="module")
def validator(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Return the command line with a home that has a tenant and an account."""
    validator = CommandLine(tmp_path_factory.mktemp("node") / "home")
    validator.did("init")
    validator.did("tenants", "add", TENANT)
    identity = ("--user-account", "agent-7", "--user-id", "customer-7", "--user-name", "Ann")
    validator.did("accounts", "add", LOGIN, "--tenant", TENANT, *identity, stdin=PASSWORD)
    return validator


@pytest.fixture(scope="module")
def asked(validator: CommandLine) -> Iterator[CommandLine]:
    """Yield the command line of two pools that were asked, and attacked from one address; tests share it."""
    token = validator("tokens", "issue", "--tenant", TENANT, "--user-account", "agent-7").json()
    pools = [
        serving(validator.home, "--role", role, "--workers", workers, variables=VARIABLES)
        for role, workers in (("callbacks", "2"), ("people", "1"))
    ]
    with pools[0] as callbacks, pools[1] as people:
        with callbacks.client() as cloud:
            for _ in range(ACCEPTED):
                assert cloud.post(AGENT_PATH, json=token).json()["retCode"] == 0
            forged = {
                "Token": CANARY,
                "tenantSpaceId": TENANT,
                "userId": "customer-7",
                "userName": "Ann",
            }
            for _ in range(REFUSED):
                cloud.post(CHAT_PATH, json=forged, headers={"X-Forwarded-For": SOURCE})
        with people.client() as browser:
            for _ in range(6):
                browser.post("/api/v1/login", json={"account": LOGIN, "password": CANARY})
        yield validator


def told(said: Said) -> dict[str, Any]:
    """Return the object that was printed."""
    found: dict[str, Any] = orjson.loads(said.out)
    return found


def status(validator: CommandLine, *words: str) -> Said:
    """Return what `validator status` says beside those servers."""
    return validator("status", *words, variables=VARIABLES)


def test_node_at_work(asked: CommandLine) -> None:
    """Pools, verdicts, latencies, who is limited and who is locked are as they were made: exit 0."""
    said = status(asked, "--json")
    found = told(said)

    assert (said.code, found["ready"], found["problems"]) == (0, True, [])
    assert [(pool["role"], len(pool["workers"])) for pool in found["pools"]] == [
        ("callbacks", 2),
        ("people", 1),
    ]
    assert all(worker["resident"] > 10 << 20 for pool in found["pools"] for worker in pool["workers"])
    limit = 30
    for window in found["verdicts"]["windows"]:
        assert window["accepted"] == {"agent": ACCEPTED, "chat": 0, "unread": 0}
        assert window["refused"] == {"agent": 0, "chat": limit, "unread": 0}
        assert window["reasons"] == {"token_forged": limit}
    assert {each["callback"]: each["answers"] for each in found["latencies"]} == {
        "agent": ACCEPTED,
        "chat": REFUSED,
    }
    first = found["fullest"][0]
    assert (first["limit"], first["key"], first["counted"], first["amount"]) == (
        "callbacks_foreign",
        "203.0.113.x",
        limit,
        limit,
    )
    assert found["limited"] == [{"limit": "callbacks_foreign", "refused": REFUSED - limit, "shadow": 0}]
    assert found["locks"] == {"account": 1, "device": 0, "address": 0, "prefix": 0}


def test_screen_names_nobody(asked: CommandLine) -> None:
    """The screen of a node at work has no token, no password, no address, no name and no key in it."""
    secrets = [key["secret"] for key in orjson.loads((asked.home / "keys/keyring.json").read_bytes())["keys"]]

    said = status(asked)

    assert said.code == 0
    assert "203.0.113.x" in said.out
    assert "1 account," in said.out
    for word in (CANARY, PASSWORD, LOGIN, SOURCE, TENANT, "agent-7", "customer-7", "Ann", *secrets):
        assert word not in said.out
    assert max(map(len, said.out.splitlines())) <= 80


def test_broken_node_is_told(asked: CommandLine) -> None:
    """While the servers run, a lost database and keys open to others are reported, one line each: exit 1."""
    database, keyring = asked.home / "validator.db", asked.home / "keys" / "keyring.json"
    database.rename(asked.home / "lost.db")
    keyring.chmod(0o644)

    said = status(asked)
    (asked.home / "lost.db").rename(database)
    keyring.chmod(0o600)
    marked = [line for line in said.out.splitlines() if line.startswith("! ")]

    assert said.code == 1
    assert said.err.endswith("Error: not ready\n")
    for words in (
        "store: unavailable: the database's file is missing",
        "keyring.json is open to other users",
        "locked now",
        "database",
    ):
        assert [line for line in marked if words in line], words
    assert "callbacks   2 alive" in said.out
    assert "203.0.113.x" in said.out
    assert status(asked).code == 0


def test_pool_that_is_gone_is_gone(asked: CommandLine, tmp_path: Path) -> None:
    """For a copy of the home, whose servers run elsewhere, no worker is shown as alive."""
    shutil.copytree(asked.home, tmp_path / "copy")

    said = CommandLine(tmp_path / "copy")("status", "--json", variables=VARIABLES)

    assert told(said)["problems"] == ["pools: no worker is alive, no request is served"]

"""API Fabric: an AccessToken for the right key, agents for the right token, for as long as it lives."""

import json
from typing import Any

import pytest

from tests.support.fakes import AGENT, START, FakeClock
from tests.unit.operations.simulator.conftest import APP_SECRET
from validator.clock import to_milliseconds
from validator.operations.simulator.fabric import Fabric, FabricRefused
from validator.operations.simulator.registration import Registration

KEY = "app-1"


@pytest.fixture
def fabric(registration: Registration, clock: FakeClock) -> Fabric:
    """Return a Fabric that knows one application."""
    return Fabric(registration, clock)


def body(key: Any = KEY, secret: Any = APP_SECRET) -> bytes:
    """Return what tokenByAkSk is sent."""
    return json.dumps({"app_key": key, "app_secret": secret}).encode()


def refused(act: Any, *arguments: Any) -> tuple[int, str]:
    """Return how a request is refused."""
    with pytest.raises(FabricRefused) as raised:
        act(*arguments)
    return raised.value.status, str(raised.value)


def test_token_has_the_documented_form(fabric: Fabric) -> None:
    """Every value is a text, the time in seconds."""
    granted = fabric.grant(body(), "600")

    assert set(granted) == {
        "AccessToken",
        "ApplyType",
        "CreateTime",
        "Expires",
        "Scope",
        "AppKey",
        "UserID",
    }
    assert all(isinstance(value, str) for value in granted.values())
    assert granted["CreateTime"] == str(to_milliseconds(START) // 1000)
    assert (granted["Expires"], granted["ApplyType"], granted["AppKey"]) == ("600", "Bearer", KEY)
    assert fabric.grant(body(), None)["Expires"] == "600"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (body(secret="other"), 401),
        (body(key="app-2"), 401),
        (body(key="app-2", secret=""), 400),
        (body(secret="é"), 401),
        (body(secret=7), 400),
        (b"{", 400),
    ],
    ids=["secret", "key", "empty", "not ascii", "number", "no json"],
)
def test_wrong_key_gets_no_token(fabric: Fabric, content: bytes, status: int) -> None:
    """A wrong key and a wrong secret are refused alike."""
    assert refused(fabric.grant, content, "600")[0] == status


@pytest.mark.parametrize("lifetime", ["0", "3601", "-1", "1.5", "ten", "999999999999", "６００"])
def test_wrong_lifetime_is_refused(fabric: Fabric, lifetime: str) -> None:
    """X-Token-Expire is a number of seconds up to an hour."""
    assert refused(fabric.grant, body(), lifetime)[0] == 400
    assert fabric.grant(body(), "3600")["Expires"] == "3600"


def test_agents_are_those_of_the_tenant(fabric: Fabric) -> None:
    """The list has the documented fields, and nobody of another tenant."""
    token = fabric.grant(body(), "600")["AccessToken"]

    listed = fabric.agents(KEY, f"Bearer {token}")

    assert set(listed) == {"sipServiceIp", "sipServicePort", "agents"}
    (agent,) = listed["agents"]
    assert agent.pop("sipPwd")
    assert agent == {"workNo": 1001, "accountCode": AGENT.id, "sipAccount": "1001"}


def test_token_expires(fabric: Fabric, clock: FakeClock) -> None:
    """A token is good to its last second and not a second longer."""
    header = "Bearer " + fabric.grant(body(), "10")["AccessToken"]
    clock.advance(seconds=9.9)
    fabric.agents(KEY, header)
    clock.advance(seconds=0.1)

    assert refused(fabric.agents, KEY, header) == (401, "the AccessToken has expired")


@pytest.mark.parametrize(
    ("key", "header"),
    [
        (KEY, None),
        (KEY, "{}"),
        (KEY, "Basic {}"),
        (KEY, "Bearer {}x"),
        ("app-2", "Bearer {}"),
        (None, "Bearer {}"),
    ],
    ids=["none", "no scheme", "scheme", "token", "other key", "no key"],
)
def test_wrong_token_lists_nobody(fabric: Fabric, key: str | None, header: str | None) -> None:
    """Scheme, token and key must all be right."""
    token = fabric.grant(body(), "600")["AccessToken"]

    status, _ = refused(fabric.agents, key, header and header.format(token))

    assert status == 401

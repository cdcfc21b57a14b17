"""An enterprise's registration, and a simulated cloud with it, without a network."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.support.fakes import AGENT, CHANNEL, SECRET_KEY, TENANT, FakeClock
from validator.operations.simulator.callback import Reply
from validator.operations.simulator.registration import Agent, App, Channel, Cloud, Enterprise, Registration
from validator.webchat.wire import SIGNED_KEYS, LengthRule

APP_SECRET = "an-app-secret-of-a-test"


@dataclass
class FakeCallback:
    """The enterprise's answers, and what it was asked."""

    reply: Reply
    asked: list[tuple[str, ...]] = field(default_factory=list)

    def ask_agent(self, token: str, tenant: str, account: str) -> Reply:
        """Answer about an agent."""
        self.asked.append(("agent", token, tenant, account))
        return self.reply

    def ask_chat(self, token: str, tenant: str, user_id: str, user_name: str) -> Reply:
        """Answer about a customer."""
        self.asked.append(("chat", token, tenant, user_id, user_name))
        return self.reply


@pytest.fixture
def callback() -> FakeCallback:
    """Return an enterprise that accepts."""
    return FakeCallback(Reply(is_accepted=True, ret_code=0, message="validate success", milliseconds=3))


@pytest.fixture
def clock() -> FakeClock:
    """Return a clock that stands still."""
    return FakeClock()


@pytest.fixture
def channel() -> Channel:
    """Return the tenant's channel."""
    return Channel(CHANNEL, TENANT, SECRET_KEY, SIGNED_KEYS, LengthRule.BYTES)


@pytest.fixture
def registered(channel: Channel) -> Callable[..., Registration]:
    """Return what makes a registration, with other settings of the cloud's."""

    def make(**cloud: Any) -> Registration:
        return Registration(
            enterprise=Enterprise("https://e.example/a", "https://e.example/c", b"", timedelta(seconds=5)),
            cloud=Cloud(**{"names": (), "cookie_domain": "", "skew": timedelta(minutes=5), **cloud}),
            tenants=frozenset({TENANT}),
            agents=(Agent(TENANT, AGENT.id, 1001, ""), Agent("other", "stranger", 2001, "22")),
            channels={channel.id: channel},
            apps={"app-1": App("app-1", TENANT, APP_SECRET)},
        )

    return make


@pytest.fixture
def registration(registered: Callable[..., Registration]) -> Registration:
    """Return a registration with the default settings."""
    return registered()

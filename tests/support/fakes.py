"""Stand-ins for what a test must be able to move: the clock, and a whole small enterprise."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from validator.accounts.identity import Identity
from validator.app import create_app
from validator.audit import reading
from validator.audit.events import EventName
from validator.endpoints import (
    BAR_CALLS,
    CALL_RECORDS,
    CARDS,
    CTIBAR,
    CUSTOMERS,
    IVR,
    SOFTPHONE,
    VERIFICATION,
    VERIFICATIONS,
)
from validator.files import make_private_folder
from validator.limits.policy import Purpose
from validator.limits.shares import RATED
from validator.services import Services, open_services
from validator.settings.loading import load
from validator.settings.sources import environment_variable
from validator.store import schema
from validator.tokens.claims import Audience, Subject
from validator.tokens.clients import ClientAudience

START = datetime(2026, 11, 4, 3, 45, 52, 263000, tzinfo=UTC)
ORIGIN = "https://www.example.com"
TENANT = "202400000001"
OTHER_TENANT = "202400000002"
LOGIN = "li.wei"
PASSWORD = "seven quiet rivers of jade"
AGENT = Subject(Audience.AGENT, TENANT, "agent-7")
CUSTOMER = Subject(Audience.CHAT, TENANT, "customer-7", "李伟")
CHANNEL = "817854979183314945"
SECRET_KEY = "KHFwaYVekKSM1fzBFiiHfJLiPnbfpBTJ8iB73nfZhrF"
# For tests that send more at one instant than any limit allows, and are about something else.
UNLIMITED = {f"limits.{name}": "off" for name in RATED} | {"lockout.enabled": "false"}
# A share of nothing, so that a limit on a channel or on all holds alone.
WHOLE = {"limits.signing_prefix_share": "100", "limits.signing_fresh_share": "100"}
# Every route of IVR flows, and of agents about them.
FLOWS = {
    "verification.routes": '["PIN=pin", "CARD=fields:card:4"]',
    "ivr.queries": '["level=level"]',
    "customers.source": "store",
}
# The routes of the other call centre.
CENTRE = {"ctibar.url": "https://centre.example.com", "server.threads": "16"}
# Every route at which another system pushes call records.
RECORDS = {"callrecords.ctibar_routes": f'["{TENANT}=/rest/v1/callRecords"]'}
# The route at which agents report calls of the cloud's own bar.
REPORTS = {"callrecords.bar": "true"}
# Parts of the application whose limits need a secret, or a route that is off at first.
OF_INTEGRATIONS = (
    *(CUSTOMERS, CARDS, VERIFICATION, VERIFICATIONS, IVR, CTIBAR, SOFTPHONE),
    *(CALL_RECORDS, BAR_CALLS),
)
AGENT_PATH = "/rest/cc-management/v1/thirdparty/thirdPartyValidate"
CHAT_PATH = "/rest/cc-messaging/v1/thirdparty/chatThirdPartyValidate"


@dataclass
class FakeClock:
    """A clock that stands still until a test moves it."""

    instant: datetime = START

    def now(self) -> datetime:
        """Return the instant it stands at."""
        return self.instant

    def advance(self, **duration: float) -> None:
        """Move on by a duration, in the words of timedelta."""
        self.instant += timedelta(**duration)


@dataclass(frozen=True)
class Credentials:
    """What the enterprise's backend was given once."""

    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True)
class Enterprise:
    """Two tenants, a person, a backend client, a channel, and the server that knows them."""

    services: Services
    clock: FakeClock
    basic: tuple[str, str] = field(repr=False)

    def visitor(self) -> FlaskClient:
        """Return a browser, or anything else that speaks HTTP, without any cookie."""
        return self._app.test_client()

    @cached_property
    def _app(self) -> Flask:
        return create_app(self.services)

    def person(self) -> FlaskClient:
        """Return the browser of the person, logged in."""
        browser = self.visitor()
        answer = browser.post("/api/v1/login", json={"account": LOGIN, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return browser

    def new_client(
        self, audiences: Collection[ClientAudience], tenants: Collection[str] = (TENANT,)
    ) -> tuple[str, str]:
        """Return the id and the secret of a new client."""
        clients = self.services.clients
        client, secret = clients.add(f"client {len(clients.list())}", tenants, audiences)
        return client.id, secret

    def trail(self) -> list[dict[str, Any]]:
        """Return the entries of the audit trail, oldest first, without the first lines of its files."""
        entries = reading.entries(self.services.settings.audit.directory)
        return [entry for entry in entries if entry["event"] != EventName.TRAIL_CONTINUED]


def populate(home: Path, settings: Mapping[str, str] | None = None) -> Credentials:
    """Make a home with the enterprise in it; return the credentials of its backend client."""
    make_private_folder(home)
    services = open_with(home, FakeClock(), settings)
    services.keyring.create()
    services.encryption.create()
    services.index_keys.create()
    services.trail.create_key()
    schema.upgrade(services.database)
    services.tenants.add(TENANT, "First")
    services.tenants.add(OTHER_TENANT, "Second")
    identity = Identity(AGENT.id, CUSTOMER.id, CUSTOMER.name)
    services.accounts.add(LOGIN, TENANT, services.passwords.hash(PASSWORD), identity)
    client, secret = services.clients.add("backend", [TENANT], list(Audience))
    services.channels.add(CHANNEL, TENANT, SECRET_KEY, [ORIGIN])
    services.close()
    return Credentials(client.id, secret)


# In a test a minute is long, and a home is one of many.
PLENTY = {
    "audit.unproven_per_source": "1000000",
    "audit.unproven_in_all": "1000000",
    "audit.reserve": "0",
}


def open_with(home: Path, clock: FakeClock, settings: Mapping[str, str] | None = None) -> Services:
    """Return every part for *home*, with *settings* by their dotted keys instead of the defaults."""
    settings = {**PLENTY, **(settings or {})}
    environment = {environment_variable(key): text for key, text in settings.items()}
    return open_services(load(home, environment=environment), clock)


def is_of_integrations(purpose: Purpose) -> bool:
    """Return whether the limit of *purpose* is on such routes only."""
    places = {place.partition(".")[0] for place in purpose.endpoints}
    return bool(places) and places.issubset(OF_INTEGRATIONS)

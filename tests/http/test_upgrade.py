"""An upgrade from an older version: nothing of its home stops working, and nothing in it comes alive."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.support.fakes import (
    AGENT,
    AGENT_PATH,
    CHANNEL,
    CHAT_PATH,
    LOGIN,
    ORIGIN,
    PASSWORD,
    SECRET_KEY,
    TENANT,
    Enterprise,
    FakeClock,
)
from tests.support.old_homes import VERSIONS, OldHome, lay_out
from validator.audit import reading
from validator.services import Services
from validator.store import schema
from validator.web.incoming import GUEST_COOKIE, SESSION_COOKIE

_AGENT_FIELDS = {
    "access_token": "access_token",
    "tenantSpaceId": "tenantSpaceId",
    "userAccount": "userAccount",
}
_CHAT_FIELDS = {
    "Token": "thirdUserToken",
    "userName": "thirdUserName",
    "userId": "thirdUserId",
    "tenantSpaceId": "tenantSpaceId",
}
GOOD = ("agent", "customer", "without account", "newer key")
ENDED = ("token revoked", "account disabled", "customer revoked")


@pytest.fixture(
    scope="module",
    params=[
        *((version, "sqlite") for version in VERSIONS),
        *(pytest.param((version, "postgresql"), marks=pytest.mark.slow) for version in VERSIONS),
    ],
    ids="-".join,
)
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> OldHome:
    """Return a home of an older version, which the tests of this module upgrade once and share."""
    version, kind = request.param
    url = None
    if kind == "postgresql":
        server = request.getfixturevalue("postgres_server")
        url = server.create(f"upgrade_{version}")
    return lay_out(version, tmp_path_factory.mktemp("old") / "home", url)


@pytest.fixture(scope="module")
def services(home: OldHome) -> Iterator[Services]:
    """Yield today's program for the home, after the upgrade."""
    opened = home.open()
    schema.upgrade(opened.database)
    yield opened
    opened.close()


@pytest.fixture
def enterprise(services: Services, home: OldHome) -> Enterprise:
    """Return the enterprise of the home, with the credentials of its backend client."""
    assert isinstance(services.clock, FakeClock)
    client = home.proofs["client"]
    return Enterprise(services, services.clock, (client["id"], client["secret"]))


@pytest.fixture
def visitor(enterprise: Enterprise) -> FlaskClient:
    """Return a caller without any cookie."""
    return enterprise.visitor()


def validate(visitor: FlaskClient, presented: dict[str, Any]) -> int:
    """Ask as the cloud does about a token as it was issued; return the `retCode`."""
    path, fields = (AGENT_PATH, _AGENT_FIELDS) if "userAccount" in presented else (CHAT_PATH, _CHAT_FIELDS)
    answer = visitor.post(path, json={asked: presented[held] for asked, held in fields.items()})
    assert answer.json is not None
    return int(answer.json["retCode"])


def test_schema_is_the_newest(services: Services) -> None:
    """The upgrade brings the database to this program's schema."""
    assert schema.current(services.database) == schema.newest()


@pytest.mark.parametrize("name", GOOD)
def test_live_token_is_accepted(visitor: FlaskClient, home: OldHome, name: str) -> None:
    """A token that was good before the upgrade is good after it."""
    assert validate(visitor, home.proofs["accepted"][name]) == 0


@pytest.mark.parametrize("name", ENDED)
def test_ended_token_stays_ended(visitor: FlaskClient, home: OldHome, name: str) -> None:
    """A revocation and a disabled account outlive the upgrade."""
    assert validate(visitor, home.proofs["refused"][name]) == 2


def test_backend_client_has_tokens_issued(enterprise: Enterprise) -> None:
    """The secret of a client opens what it did, and the token that it gets is accepted."""
    body = {"tenantSpaceId": TENANT, "userAccount": AGENT.id}

    issued = enterprise.visitor().post("/api/v1/tokens/agent", json=body, auth=enterprise.basic)

    assert issued.json is not None
    assert validate(enterprise.visitor(), issued.json) == 0


def test_session_goes_on_and_an_ended_one_does_not(visitor: FlaskClient, home: OldHome) -> None:
    """A person stays logged in; one who logged out stays logged out."""
    visitor.set_cookie(SESSION_COOKIE, home.proofs["session"], secure=True)
    assert visitor.get("/api/v1/session").status_code == 200

    visitor.set_cookie(SESSION_COOKIE, home.proofs["ended_session"], secure=True)
    assert visitor.get("/api/v1/session").status_code == 401


def test_password_logs_in(visitor: FlaskClient) -> None:
    """A password that was set before the upgrade is right after it."""
    answer = visitor.post("/api/v1/login", json={"account": LOGIN, "password": PASSWORD})

    assert answer.status_code == 200


def test_known_device_stays_known(services: Services, home: OldHome) -> None:
    """The device cookie of a browser that logged in is recognised for its account, and for no other."""
    account, other = services.accounts.find(LOGIN), services.accounts.find("locked.one")
    cookie = home.proofs["device"]["value"]

    assert services.devices.recognize(cookie, account) is not None
    assert services.devices.recognize(cookie, other) is None


def test_stopped_account_stays_stopped(services: Services) -> None:
    """An account that only an operator opens is not opened by an upgrade."""
    assert services.lockout.lock("locked.one").is_stopped


def test_channel_key_is_unsealed(services: Services) -> None:
    """The secret key of a channel is readable with the old sealing key."""
    assert services.channels.secret_key(services.channels.require(CHANNEL)) == SECRET_KEY


def test_guest_keeps_the_id(visitor: FlaskClient, home: OldHome) -> None:
    """A guest's cookie is recognised."""
    visitor.set_cookie(GUEST_COOKIE, home.proofs["guest"]["cookie"], secure=True)
    answer = visitor.post("/webchat/guest", headers={"Origin": ORIGIN})

    assert answer.json is not None
    assert answer.json["thirdUserId"] == home.proofs["guest"]["id"]


def test_trail_is_whole_and_goes_on(services: Services, visitor: FlaskClient, home: OldHome) -> None:
    """The old chain verifies, its torn line is no alarm, and new entries follow it."""
    directory = services.settings.audit.directory
    before = sum(1 for _ in reading.entries(directory))

    validate(visitor, home.proofs["accepted"]["agent"])

    assert sum(1 for _ in reading.entries(directory)) > before
    found = reading.verified(directory, services.trail.key())
    assert found.problems == []
    assert found.first == 1  # the new entries have numbers
    assert found.unnumbered == 0


def test_server_is_ready(visitor: FlaskClient) -> None:
    """Nothing is missing after the upgrade."""
    assert visitor.get("/readyz").status_code == 200

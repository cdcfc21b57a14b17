"""A database that lost changes: every node that knew them refuses what they ended, until it is accepted."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support import fakes
from tests.support.fakes import (
    AGENT,
    AGENT_PATH,
    CHANNEL,
    CUSTOMER,
    LOGIN,
    PASSWORD,
    SECRET_KEY,
    TENANT,
    Enterprise,
)
from tests.support.older_database import copy_of
from validator.app import create_app
from validator.services import Services
from validator.store import schema
from validator.tenants import RecordStatus
from validator.tokens.claims import Audience
from validator.tokens.principals import Operator
from validator.web.incoming import SESSION_COOKIE

DAYS = timedelta(days=1)


@dataclass(frozen=True)
class Cluster:
    """Two nodes on one database, each with a home, a clock and what it knows."""

    one: Enterprise
    two: Enterprise

    @property
    def nodes(self) -> tuple[Enterprise, Enterprise]:
        return self.one, self.two


@pytest.fixture
def cluster(populated: tuple[Path, fakes.Credentials], tmp_path: Path) -> Iterator[Cluster]:
    """Yield two nodes, with one database, that have seen it."""
    template, credentials = populated
    basic = credentials.client_id, credentials.client_secret
    nodes = []
    for name in ("one", "two"):
        shutil.copytree(template, tmp_path / name)
        clock = fakes.FakeClock()
        url = f"sqlite:///{tmp_path / 'one' / 'validator.db'}"
        nodes.append(Enterprise(fakes.open_with(tmp_path / name, clock, {"database.url": url}), clock, basic))
        nodes[-1].services.database.check_mark()
    yield Cluster(*nodes)
    for node in nodes:
        node.services.close()


def issued(node: Enterprise) -> str:
    """Return a new token for the agent, as the backend client gets it."""
    body = {"tenantSpaceId": TENANT, "userAccount": AGENT.id}
    answer = node.visitor().post("/api/v1/tokens/agent", json=body, auth=node.basic)
    assert answer.json is not None
    return str(answer.json["access_token"])


def ret_code(node: Enterprise, token: str) -> int:
    """Ask a node about a token as the cloud does."""
    body = {"access_token": token, "tenantSpaceId": TENANT, "userAccount": AGENT.id}
    answer = node.visitor().post(AGENT_PATH, json=body)
    assert answer.json is not None
    return int(answer.json["retCode"])


def store_state(node: Enterprise) -> str:
    return str(node.services.health.checks()["store"])


ENDINGS: dict[str, Callable[[Services], object]] = {
    "subject": lambda services: services.introspection.revoke_subject(
        Operator(), Audience.AGENT, TENANT, AGENT.id
    ),
    "tenant": lambda services: services.introspection.revoke_tenant(Operator(), TENANT),
    "everything": lambda services: services.introspection.revoke_everything(Operator()),
}


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize("ahead", [0, 2, 365], ids="{} days ahead".format)
@pytest.mark.parametrize("since", [0, 2], ids="{} since".format)
def test_lost_revocation_stays_in_force(
    cluster: Cluster, ending: Callable[[Services], object], ahead: int, since: int
) -> None:
    """On the node that made it and on the one that was asked since, also when a clock was days ahead once.

    Others may have changed the database since the loss; newer tokens are good on both.
    """
    one, two = cluster.nodes
    one.clock.instant += ahead * DAYS
    one.services.introspection.revoke_token(Operator(), TENANT, "any")
    one.clock.instant -= ahead * DAYS
    token = issued(one)
    older = copy_of(one.services.database)
    ending(one.services)
    assert [ret_code(node, token) for node in cluster.nodes] == [2, 2]

    older.put_back(one.services.database)
    third = open_third(cluster)
    for number in range(since):
        third.introspection.revoke_token(Operator(), TENANT, f"any-{number}")
    third.close()

    assert [ret_code(node, token) for node in cluster.nodes] == [2, 2]
    assert all(store_state(node).startswith("degraded: ") for node in cluster.nodes)
    newer = issued(two)
    assert [ret_code(node, newer) for node in cluster.nodes] == [0, 0]


def open_third(cluster: Cluster) -> Services:
    """Return a node that knows nothing of what was lost."""
    home = cluster.one.services.settings.home.parent / "third"
    shutil.copytree(cluster.one.services.settings.home, home)
    (home / "keys" / "high-water").unlink(missing_ok=True)
    url = str(cluster.one.services.database.engine.url)
    return fakes.open_with(home, fakes.FakeClock(), {"database.url": url})


def test_token_is_good_again_where_the_node_knew_nothing(cluster: Cluster) -> None:
    """The control: without what a node knows, a lost revocation gives the token its life back."""
    token = issued(cluster.one)
    older = copy_of(cluster.one.services.database)
    cluster.one.services.introspection.revoke_everything(Operator())

    older.put_back(cluster.one.services.database)

    assert [ret_code(node, token) for node in cluster.nodes] == [2, 0]


def test_lost_logout_stays_in_force(cluster: Cluster) -> None:
    """The session that was ended stays so on both nodes; who logs in anew is served on both."""
    login = {"account": LOGIN, "password": PASSWORD}
    person = cluster.one.person()
    cookie = person.get_cookie(SESSION_COOKIE)
    assert cookie is not None
    assert [has_session(node, cookie.value) for node in cluster.nodes] == [True, True]
    older = copy_of(cluster.one.services.database)
    assert person.post("/api/v1/logout", json={}).status_code == 204
    assert [has_session(node, cookie.value) for node in cluster.nodes] == [False, False]

    older.put_back(cluster.one.services.database)

    assert [has_session(node, cookie.value) for node in cluster.nodes] == [False, False]
    newer = cluster.two.visitor()
    assert newer.post("/api/v1/login", json=login).status_code == 200
    cookie = newer.get_cookie(SESSION_COOKIE)
    assert cookie is not None
    assert [has_session(node, cookie.value) for node in cluster.nodes] == [True, True]


def has_session(node: Enterprise, cookie: str) -> bool:
    """Ask a node who is logged in with a session cookie."""
    browser = node.visitor()
    browser.set_cookie(SESSION_COOKIE, cookie, secure=True)
    return browser.get("/api/v1/session").status_code == 200


CHANGES: dict[str, Callable[[Services], object]] = {
    "account disabled": lambda services: services.accounts.set_status(LOGIN, RecordStatus.DISABLED),
    "password": lambda services: services.accounts.set_password(
        services.accounts.require(LOGIN), services.passwords.hash("another long password of ours")
    ),
    "client disabled": lambda services: services.clients.set_status(
        services.clients.list()[0].id, RecordStatus.DISABLED
    ),
    "client rotated": lambda services: services.clients.rotate(services.clients.list()[0].id),
    "channel disabled": lambda services: services.channels.set_status(CHANNEL, RecordStatus.DISABLED),
    "channel rotated": lambda services: services.channels.rotate(CHANNEL, SECRET_KEY[::-1]),
    "tenant disabled": lambda services: services.tenants.set_status(TENANT, RecordStatus.DISABLED),
    "link": lambda services: services.links.remove(services.accounts.require(LOGIN).id, TENANT, AGENT.id),
}


@pytest.mark.slow
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_lost_change_stops_every_answer_until_it_is_accepted(
    cluster: Cluster, change: Callable[[Services], object]
) -> None:
    """Nothing of the older database is believed by a node that knew: 4 to the cloud, 503 to everybody else.

    Accepted on one node, both serve; what was issued before is ended on both, also after a restart.
    """
    one, two = cluster.nodes
    token = issued(one)
    older = copy_of(one.services.database)
    change(one.services)
    two.services.database.check_mark()

    older.put_back(one.services.database)

    for node in cluster.nodes:
        assert ret_code(node, token) == 4
        login = {"account": LOGIN, "password": PASSWORD}
        assert node.visitor().post("/api/v1/login", json=login).status_code == 503
        body = {"tenantSpaceId": TENANT, "userId": CUSTOMER.id, "userName": CUSTOMER.name}
        answer = node.visitor().post("/api/v1/tokens/chat", json=body, auth=node.basic)
        assert answer.status_code == 503
        assert node.visitor().get("/readyz").status_code == 503

    accept(one.services)
    assert [ret_code(node, token) for node in cluster.nodes] == [2, 2]
    newer = issued(two)
    assert [ret_code(node, newer) for node in cluster.nodes] == [0, 0]
    assert [store_state(node) for node in cluster.nodes] == ["ok", "ok"]


def accept(services: Services) -> None:
    """Do what `validator db accept-restore` does."""
    services.sessions.end_all()
    services.introspection.revoke_everything(Operator())
    services.database.accept_restore(services.clock.now())


def test_node_that_was_down_notices_when_it_starts(cluster: Cluster) -> None:
    """What a node knows outlives it: started anew on an older database, it refuses what was ended."""
    one = cluster.one
    token = issued(one)
    older = copy_of(one.services.database)
    one.services.introspection.revoke_everything(Operator())
    one.services.close()
    older.put_back(one.services.database)

    again = fakes.open_with(one.services.settings.home, one.clock)

    assert (schema.check_newest(again.database) or "").startswith("the database lost")
    assert ret_code(Enterprise(again, one.clock, one.basic), token) == 2
    create_app(again)
    again.close()

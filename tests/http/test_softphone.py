"""An agent's softphone over HTTP: its password needs the person's password, not only a session."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import problem
from tests.support.fakes import AGENT, LOGIN, OTHER_TENANT, PASSWORD, TENANT, UNLIMITED, Enterprise
from tests.support.observed_hasher import CHEAPEST, ObservedHasher
from validator.accounts.devices import cookie_name
from validator.accounts.identity import Identity
from validator.app import create_app
from validator.cloud.wire import ListedAgent
from validator.services import Services, open_services

Found = Callable[..., Enterprise]
MINE, REVEAL = "/api/v1/softphone", "/api/v1/softphone/reveal"
SIP_PASSWORD, OTHERS_PASSWORD = "cti-of-agent-7", "cti-of-agent-9"
SIP_SERVICE = "192.0.2.9:5060"
ON = {"portal.enabled": "true", "portal.softphone": "true", "cloud.keep_sip_passwords": "true"}
WRONG = "not the password of anybody"
COLLEAGUE, COLLEAGUES_AGENT = "wang.fang", "agent-9"
FREE = 5  # failures, by default


@dataclass(frozen=True)
class Desk:
    """An enterprise with synchronised agents, and the person's browser."""

    enterprise: Enterprise
    browser: FlaskClient
    hasher: ObservedHasher

    def reveal(
        self, password: str = PASSWORD, browser: FlaskClient | None = None, **more: str
    ) -> TestResponse:
        """Return the answer to a request for the softphone's password."""
        return (browser or self.browser).post(REVEAL, json={"password": password, **more})

    def thief(self, *, with_device: bool = False) -> FlaskClient:
        """Return a browser with the person's session, and not their password."""
        names = ["__Host-validator-session", *([cookie_name(LOGIN)] if with_device else [])]
        thief = self.enterprise.visitor()
        for name in names:
            found = self.browser.get_cookie(name)
            assert found is not None
            thief.set_cookie(name, found.value, secure=True)
        return thief

    def events(self, name: str) -> list[tuple[str, str | None, str | None, str | None]]:
        """Return outcome, reason, agent and person of each event *name*."""
        return [
            (entry["outcome"], entry.get("reason"), entry.get("subject"), entry.get("by"))
            for entry in self.enterprise.trail()
            if entry["event"] == name
        ]


@pytest.fixture
def found(found_enterprise: Found) -> Iterator[Callable[..., Desk]]:
    """Yield what founds a desk, with the cloud's list of agents; *settings* come on top."""
    opened: list[Services] = []

    def build(**settings: str) -> Desk:
        enterprise = found_enterprise(UNLIMITED | {"lockout.enabled": "true"} | ON | settings)
        before, hasher = enterprise.services.settings, ObservedHasher(CHEAPEST)
        cheap = replace(before, passwords=replace(before.passwords, hashing=hasher))
        opened.append(open_services(cheap, enterprise.clock))
        _furnish(opened[-1])
        enterprise = replace(enterprise, services=opened[-1])
        return Desk(enterprise, enterprise.person(), hasher)

    yield build
    for services in opened:
        services.close()


def _furnish(services: Services) -> None:
    person = services.accounts.require(LOGIN)
    services.accounts.renew_hash(person, services.passwords.hash(PASSWORD))
    services.accounts.add(COLLEAGUE, TENANT, services.passwords.hash(PASSWORD), Identity(COLLEAGUES_AGENT))
    listed = [
        ListedAgent(AGENT.id, "1001", "8001", SIP_PASSWORD),
        ListedAgent(COLLEAGUES_AGENT, "1009", "8009", OTHERS_PASSWORD),
    ]
    services.agents.sync(TENANT, listed, sip_service=SIP_SERVICE)
    services.agents.sync(OTHER_TENANT, [ListedAgent(AGENT.id, "2001", "9001", "cti-of-another-tenant")])


@pytest.fixture
def desk(found: Callable[..., Desk]) -> Desk:
    """Return a desk with the default settings."""
    return found()


# What an agent sees


def test_numbers_need_the_session_only(desk: Desk) -> None:
    """The person sees number, work number and address of the linked agent, and no password."""
    answer = desk.browser.get(MINE)

    assert answer.json == {
        "softphones": [
            {
                "userAccount": AGENT.id,
                "workNo": "1001",
                "sipAccount": "8001",
                "sipService": SIP_SERVICE,
                "state": "stored",
            }
        ]
    }
    assert answer.headers["Cache-Control"] == "no-store"
    problem(desk.enterprise.visitor().get(MINE), 401)


def test_password_is_shown_for_ones_own(desk: Desk) -> None:
    """The person's password reveals the softphone's, in an answer that nothing may store; it is recorded."""
    answer = desk.reveal()

    assert (answer.status_code, answer.json) == (200, {"userAccount": AGENT.id, "sipPassword": SIP_PASSWORD})
    assert answer.headers["Cache-Control"] == "no-store"
    assert "RateLimit" not in answer.headers
    assert desk.events("softphone_revealed") == [("accepted", None, AGENT.id, f"account:{LOGIN}")]
    assert SIP_PASSWORD not in str(desk.enterprise.trail())
    assert PASSWORD not in str(desk.enterprise.trail())


def test_of_several_agents_one_is_named(desk: Desk) -> None:
    """A person with another linked agent names it; without a name it is the account's own."""
    services = desk.enterprise.services
    person = services.accounts.require(LOGIN)
    services.links.remove(services.accounts.require(COLLEAGUE).id, TENANT, COLLEAGUES_AGENT)
    services.links.add(person.id, TENANT, COLLEAGUES_AGENT)

    named = desk.reveal(userAccount=COLLEAGUES_AGENT)

    assert named.json == {"userAccount": COLLEAGUES_AGENT, "sipPassword": OTHERS_PASSWORD}
    assert desk.reveal().get_json()["userAccount"] == AGENT.id


@pytest.mark.parametrize("path", [MINE, REVEAL])
def test_it_is_off_by_default(enterprise: Enterprise, path: str) -> None:
    """A server where nobody switched it on has neither the routes nor the page."""
    browser = enterprise.person()

    assert [browser.get(path).status_code, browser.post(path, json={}).status_code] == [404, 404]


# What is not there


def state_of(desk: Desk) -> str:
    """Return what the person sees of their softphone's password without proving anything."""
    return str(desk.browser.get(MINE).get_json()["softphones"][0]["state"])


def test_passwords_that_are_not_kept_are_explained(found: Callable[..., Desk]) -> None:
    """Without cloud.keep_sip_passwords the state says so, and the refusal names the setting."""
    desk = found(**{"cloud.keep_sip_passwords": "false"})

    refused = problem(desk.reveal(), 404)

    assert state_of(desk) == "not_kept"
    assert "cloud.keep_sip_passwords" in refused["detail"]
    assert desk.events("softphone_revealed")[-1][:2] == ("refused", "sip_password_missing")


def test_passwords_of_before_are_not_shown_once_they_must_not_be_kept(desk: Desk) -> None:
    """Switching the setting off counts at once, not only from the next list on."""
    assert desk.reveal().status_code == 200
    before = desk.enterprise.services.settings
    services = open_services(
        replace(before, cloud=replace(before.cloud, keep_sip_passwords=False)), desk.enterprise.clock
    )
    with closing(services):
        problem(desk.reveal(browser=replace(desk.enterprise, services=services).person()), 404)


@pytest.mark.parametrize(
    ("listed", "state"),
    [
        ([ListedAgent(AGENT.id, "1001", "8001")], "missing"),
        ([ListedAgent("agent-8", "1008", "8008", "cti-of-agent-8")], "not_listed"),
    ],
)
def test_gaps_of_the_list_are_explained(desk: Desk, listed: list[ListedAgent], state: str) -> None:
    """An agent without a password, or not in the list, gets the command that helps."""
    desk.enterprise.services.agents.sync(TENANT, listed, force=True)

    refused = problem(desk.reveal(), 404)

    assert state_of(desk) == state
    assert "validator agents sync" in refused["detail"]


# Attacks, each with its control


@pytest.mark.parametrize("with_device", [False, True])
def test_stolen_session_reveals_no_password(desk: Desk, *, with_device: bool) -> None:
    """Who has the cookies, and not the password, gets none; with the password (the control) they would."""
    thief = desk.thief(with_device=with_device)

    refused = desk.reveal(WRONG, thief)

    assert thief.get(MINE).status_code == 200
    assert problem(refused, 401)["type"] == "urn:validator:problem:login-refused"
    assert SIP_PASSWORD not in refused.text
    assert desk.events("softphone_revealed") == []
    assert desk.reveal(PASSWORD, thief).status_code == 200


def test_proof_is_not_remembered(desk: Desk) -> None:
    """A step-up is for one request: after it, the same session still reveals nothing without the password."""
    assert desk.reveal().status_code == 200

    problem(desk.reveal(WRONG), 401)
    problem(desk.browser.post(REVEAL, json={}), 400)


def test_another_persons_agent_is_refused(desk: Desk) -> None:
    """Neither a colleague's agent nor an unknown one is shown, with the same words; both are recorded."""
    answers = [problem(desk.reveal(userAccount=named), 403) for named in (COLLEAGUES_AGENT, "agent-nobody")]

    assert len({answer["title"] + answer.get("detail", "") for answer in answers}) == 1
    assert [event[:3] for event in desk.events("softphone_revealed")] == [
        ("refused", "subject_not_own", COLLEAGUES_AGENT),
        ("refused", "subject_not_own", "agent-nobody"),
    ]
    assert OTHERS_PASSWORD not in str(answers)


def test_link_that_is_removed_meanwhile_reveals_nothing(desk: Desk) -> None:
    """The link counts as it is after the password was verified (TOCTOU); the control is the one before."""
    links, person = desk.enterprise.services.links, desk.enterprise.services.accounts.require(LOGIN)
    links.remove(desk.enterprise.services.accounts.require(COLLEAGUE).id, TENANT, COLLEAGUES_AGENT)
    links.add(person.id, TENANT, COLLEAGUES_AGENT)
    assert desk.reveal(userAccount=COLLEAGUES_AGENT).status_code == 200

    desk.hasher.meanwhile = lambda: links.remove(person.id, TENANT, COLLEAGUES_AGENT)

    problem(desk.reveal(userAccount=COLLEAGUES_AGENT), 403)


def test_ended_session_reveals_nothing(desk: Desk) -> None:
    """After the logout neither the cookie nor the password of a copied request is enough."""
    thief = desk.thief()
    desk.browser.post("/api/v1/logout")

    problem(desk.reveal(PASSWORD, thief), 401)


def test_pages_of_others_cannot_ask(desk: Desk) -> None:
    """Another site's page cannot make the browser send the request (CSRF)."""
    foreign = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}

    problem(desk.browser.post(REVEAL, json={"password": PASSWORD}, headers=foreign), 403)


def test_cookie_of_the_clouds_frame_is_not_enough(desk: Desk) -> None:
    """The session in the cloud's frame, which the cloud's scripts can use, opens neither route."""
    services, framed = desk.enterprise.services, desk.enterprise.visitor()
    session = desk.browser.get_cookie("__Host-validator-session")
    assert session is not None
    secret, _ = services.pop_login.log_in(services.pop_access.code(session.value))
    framed.set_cookie("__Host-validator-pop", secret, secure=True)

    problem(framed.get(MINE), 401)
    problem(desk.reveal(PASSWORD, framed), 401)
    assert services.pop_access.session(None, secret).account.login == LOGIN, "the control: the cookie is good"


# One lockout for both


def test_guesses_here_block_the_login_of_strangers_too(desk: Desk) -> None:
    """Wrong passwords on this page are failed logins: they use up the same free ones."""
    thief = desk.thief()
    for _ in range(FREE):
        problem(desk.reveal(WRONG, thief), 401)

    stranger = desk.enterprise.visitor()
    blocked = stranger.post("/api/v1/login", json={"account": LOGIN, "password": PASSWORD})

    problem(blocked, 401)
    reasons = [event[1] for event in desk.events("login")]
    assert reasons[-FREE - 1 :] == [*["password_wrong"] * FREE, "account_locked"]


def test_guesses_at_the_login_block_this_page(desk: Desk) -> None:
    """A blocked account gets nothing here with the right password either, and is not unlocked by it."""
    stranger = desk.enterprise.visitor()
    for _ in range(FREE):
        stranger.post("/api/v1/login", json={"account": LOGIN, "password": WRONG})

    problem(desk.reveal(PASSWORD, desk.thief()), 401)

    lock = desk.enterprise.services.lockout.lock(LOGIN)
    assert lock.failures == FREE
    assert lock.blocked_until is not None
    desk.enterprise.clock.advance(seconds=31)
    assert desk.reveal(PASSWORD, desk.thief()).status_code == 200, "the control: the block was why"


def test_owner_is_not_locked_out_by_strangers(desk: Desk) -> None:
    """The person's own browser is a known device here as it is at the login."""
    stranger = desk.enterprise.visitor()
    for _ in range(FREE + 1):
        stranger.post("/api/v1/login", json={"account": LOGIN, "password": WRONG})

    assert desk.reveal().status_code == 200


def test_requests_of_a_person_are_limited(found: Callable[..., Desk]) -> None:
    """Right or wrong, one too many is refused; another person with the same source is not."""
    desk = found(**{"limits.softphone_person": "2/1h"})
    answers = [desk.reveal(password).status_code for password in (PASSWORD, WRONG, PASSWORD)]

    colleague = desk.enterprise.visitor()
    colleague.post("/api/v1/login", json={"account": COLLEAGUE, "password": PASSWORD})

    assert answers == [200, 401, 429]
    assert desk.reveal(browser=colleague).get_json()["sipPassword"] == OTHERS_PASSWORD


def test_nobody_uses_up_a_persons_limit_without_their_session(found: Callable[..., Desk]) -> None:
    """Requests without a session, or with somebody else's, leave the person's limit as it is."""
    desk = found(**{"limits.softphone_person": "1/1h"})
    stranger = desk.enterprise.visitor()
    for _ in range(3):
        problem(desk.reveal(PASSWORD, stranger), 401)

    assert desk.reveal().status_code == 200
    assert desk.reveal().status_code == 429


def test_source_has_one_limit_for_this_page_and_the_login(found: Callable[..., Desk]) -> None:
    """A source cannot guess twice as often by using both."""
    desk = found(**{"limits.login_address": "3/1m"})  # the person's login was the first
    answers = [desk.reveal().status_code for _ in range(2)]
    fresh = create_app(desk.enterprise.services).test_client()

    assert answers == [200, 200]
    assert fresh.post("/api/v1/login", json={"account": LOGIN, "password": PASSWORD}).status_code == 429
    assert desk.reveal().status_code == 429

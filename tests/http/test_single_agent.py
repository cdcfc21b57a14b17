"""One agent signed in twice over HTTP: nothing, a notice, or the end of the older login."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.answers import problem
from tests.support.callback_requests import AGENT_SIDE, issued
from tests.support.fakes import (
    AGENT,
    CUSTOMER,
    LOGIN,
    PASSWORD,
    START,
    TENANT,
    UNLIMITED,
    Enterprise,
    FakeClock,
    open_with,
    populate,
)
from validator.accounts.identity import Identity
from validator.app import create_app
from validator.clock import iso_milliseconds
from validator.tokens.claims import END_OLDER, OFF, WARN, Audience

Found = Callable[..., Enterprise]
TOKEN = "/api/v1/tokens/agent"
REPLACED = "urn:validator:problem:login-replaced"
COLLEAGUE = "wang.fang"


@pytest.fixture
def found(found_enterprise: Found) -> Callable[[str], Enterprise]:
    """Return what founds an enterprise with a value of the setting."""
    return lambda mode: found_enterprise(UNLIMITED | {"tokens.single_agent": mode})


def issue(browser: FlaskClient, **named: str) -> dict[str, Any]:
    """Return the answer with a token for the agent of the logged-in person."""
    answer = browser.post(TOKEN, json=named)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def issue_to_client(enterprise: Enterprise, agent: str = AGENT.id) -> dict[str, Any]:
    """Return the answer with a token for *agent* that the enterprise's backend asks for."""
    requested = {"tenantSpaceId": TENANT, "userAccount": agent}
    answer = enterprise.visitor().post(TOKEN, json=requested, auth=enterprise.basic)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def is_good(enterprise: Enterprise, issued: dict[str, Any]) -> bool:
    """Return whether the cloud would get a yes for the token."""
    question = {name: issued[name] for name in ("access_token", "tenantSpaceId", "userAccount")}
    return bool(AGENT_SIDE.ask(enterprise.visitor(), question).get_json()["retCode"] == 0)


def is_in(browser: FlaskClient) -> bool:
    """Return whether the session goes on."""
    return browser.get("/api/v1/session").status_code == 200


def refused(browser: FlaskClient) -> TestResponse:
    return browser.post(TOKEN, json={})


# Off


def test_nothing_happens_by_default(found_enterprise: Found) -> None:
    """Both logins go on, and the answers have the members that they always had."""
    enterprise = found_enterprise(UNLIMITED)
    first, second = enterprise.person(), enterprise.person()

    answers = [issue(first), issue(second), issue_to_client(enterprise)]

    members = {"access_token", "tenantSpaceId", "userAccount", "jti", "expiresAt"}
    assert [answer.keys() for answer in answers] == [members] * 3
    assert all(is_good(enterprise, answer) for answer in answers)
    assert is_in(first)
    assert is_in(second)
    assert enterprise.services.settings.tokens.single_agent == OFF


# Warn


def test_second_login_learns_of_the_first(found: Callable[[str], Enterprise]) -> None:
    """The second one learns since when the first is there, and neither ends."""
    enterprise = found(WARN)
    first, second = enterprise.person(), enterprise.person()
    alone = issue(first)
    enterprise.clock.advance(minutes=3)

    warned = issue(second)

    assert "otherLogin" not in alone
    assert warned["otherLogin"] == {"since": iso_milliseconds(START), "ended": False}
    assert is_good(enterprise, alone)
    assert issue(first)["otherLogin"]["since"] == iso_milliseconds(START + timedelta(minutes=3))
    entry = enterprise.trail()[-1]
    assert (entry["event"], entry["detail"][:20]) == ("token_issued", "another login since ")


@pytest.mark.parametrize("mode", [WARN, END_OLDER])
def test_same_login_is_no_other(found: Callable[[str], Enterprise], mode: str) -> None:
    """A page that is loaded again, or in a second tab, is the same session: nothing is said, nothing ends."""
    enterprise = found(mode)
    browser = enterprise.person()

    answers = [issue(browser) for _ in range(3)]

    assert all("otherLogin" not in answer for answer in answers)
    assert all(is_good(enterprise, answer) for answer in answers)


@pytest.mark.parametrize("end", ["logout", "time"])
def test_login_that_is_over_is_no_other(found: Callable[[str], Enterprise], end: str) -> None:
    """Who logged out, or whose session ran out, is not logged in any more."""
    enterprise = found(WARN)
    first = enterprise.person()
    issue(first)
    if end == "logout":
        first.post("/api/v1/logout")
    else:
        enterprise.clock.advance(hours=9)

    assert "otherLogin" not in issue(enterprise.person())


def test_each_token_of_a_client_is_a_login(found: Callable[[str], Enterprise]) -> None:
    """A client has no sessions here: its token is another login for as long as it is valid."""
    enterprise = found(WARN)
    issue_to_client(enterprise)
    again = issue_to_client(enterprise)
    enterprise.clock.advance(minutes=11)

    assert again["otherLogin"]["ended"] is False
    assert "otherLogin" not in issue_to_client(enterprise)


# End the older one


def test_newer_login_ends_the_older_one(found: Callable[[str], Enterprise]) -> None:
    """Token and session of the older one end, with the reason in words; the newer one learns of it."""
    enterprise = found(END_OLDER)
    first, second = enterprise.person(), enterprise.person()
    older = issue(first)
    assert is_good(enterprise, older), "the control: until then it is good"

    newer = issue(second)

    assert newer["otherLogin"] == {"since": iso_milliseconds(START), "ended": True}
    assert [is_good(enterprise, older), is_good(enterprise, newer)] == [False, True]
    assert problem(refused(first), 401)["type"] == REPLACED
    assert problem(first.get("/api/v1/session"), 401)["type"] == REPLACED
    assert is_in(second)
    events = [(one["event"], one["outcome"], one.get("by")) for one in enterprise.trail()]
    assert ("revoked", "accepted", f"account:{LOGIN}") in events


def test_ended_session_cannot_end_the_newer_one(found: Callable[[str], Enterprise]) -> None:
    """The older page cannot take the agent back by asking again; a new login with the password can."""
    enterprise = found(END_OLDER)
    first, second = enterprise.person(), enterprise.person()
    issue(first)
    newer = issue(second)

    problem(refused(first), 401)

    assert is_good(enterprise, newer)
    assert is_in(second)
    first.post("/api/v1/login", json={"account": LOGIN, "password": PASSWORD})
    issue(first)
    assert not is_good(enterprise, newer)
    assert problem(refused(second), 401)["type"] == REPLACED


def test_session_without_a_token_is_left_alone(found: Callable[[str], Enterprise]) -> None:
    """Somebody who is logged in elsewhere, but not as the agent, stays so."""
    enterprise = found(END_OLDER)
    elsewhere, agent = enterprise.person(), enterprise.person()

    issue(agent)

    assert is_in(elsewhere)


def test_other_agents_of_the_person_are_left_alone(found: Callable[[str], Enterprise]) -> None:
    """A person may be two agents in two browsers: each agent is counted by itself."""
    enterprise = found(END_OLDER)
    services = enterprise.services
    services.links.add(services.accounts.require(LOGIN).id, TENANT, "agent-8")
    first, second = enterprise.person(), enterprise.person()

    tokens = [issue(first, userAccount=AGENT.id), issue(second, userAccount="agent-8")]

    assert [is_good(enterprise, token) for token in tokens] == [True, True]
    assert is_in(first)


def test_customers_are_left_alone(found: Callable[[str], Enterprise]) -> None:
    """The setting is about agents: a customer may chat in two browsers."""
    enterprise = found(END_OLDER)
    first, second = enterprise.person(), enterprise.person()
    answers = [browser.post("/api/v1/tokens/chat", json={}).get_json() for browser in (first, second)]

    assert [answer["thirdUserId"] for answer in answers] == [CUSTOMER.id] * 2
    assert is_in(first)


# Who can aim it


def test_strangers_and_colleagues_end_nobodys_login(found: Callable[[str], Enterprise]) -> None:
    """No stranger, no colleague and no client for customers can; a client for agents can (the control)."""
    enterprise = found(END_OLDER)
    services = enterprise.services
    services.accounts.add(COLLEAGUE, TENANT, services.passwords.hash(PASSWORD), Identity("agent-9"))
    person, colleague = enterprise.person(), enterprise.visitor()
    colleague.post("/api/v1/login", json={"account": COLLEAGUE, "password": PASSWORD})
    token, named = issue(person), {"tenantSpaceId": TENANT, "userAccount": AGENT.id}
    of_chat = enterprise.new_client([Audience.CHAT])

    problem(enterprise.visitor().post(TOKEN, json=named), 401)
    problem(colleague.post(TOKEN, json=named), 403)
    problem(enterprise.visitor().post(TOKEN, json=named, auth=of_chat), 403)

    assert is_good(enterprise, token)
    assert is_in(person)
    issue_to_client(enterprise)
    assert not is_good(enterprise, token)
    assert problem(refused(person), 401)["type"] == REPLACED


def test_operators_trial_ends_nothing(found: Callable[[str], Enterprise]) -> None:
    """A token that an operator issues on the host is no login."""
    enterprise = found(END_OLDER)
    person = enterprise.person()
    token = issue(person)

    issued(enterprise, AGENT)

    assert is_good(enterprise, token)
    assert is_in(person)


# Several processes


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def offices(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[Enterprise]]:
    """Yield two workers of one enterprise, with separate connections to its database."""
    is_server, home, clock = request.param == "postgresql", tmp_path / "home", FakeClock()
    url = {"database.url": request.getfixturevalue("postgres_database")} if is_server else {}
    client = populate(home, url)
    settings = UNLIMITED | {"tokens.single_agent": END_OLDER} | url
    with ExitStack() as stack:
        workers = [stack.enter_context(closing(open_with(home, clock, settings))) for _ in range(2)]
        yield [Enterprise(each, clock, (client.client_id, client.client_secret)) for each in workers]


def test_it_holds_over_two_workers(offices: list[Enterprise]) -> None:
    """What one worker ends, the other refuses with its next request."""
    here, there = offices
    first, second = here.person(), there.person()
    older = issue(first)

    newer = issue(second)

    assert [is_good(here, older), is_good(there, older)] == [False, False]
    assert [is_good(here, newer), is_good(there, newer)] == [True, True]
    problem(refused(first), 401)


@pytest.mark.slow
def test_of_logins_at_once_one_remains(offices: list[Enterprise]) -> None:
    """Of many logins that ask at the same time over two workers, exactly one token is good in the end."""
    browsers = [create_app(offices[number % 2].services).test_client() for number in range(8)]
    for browser in browsers:
        browser.post("/api/v1/login", json={"account": LOGIN, "password": PASSWORD})

    with ThreadPoolExecutor(len(browsers)) as pool:
        answers = list(pool.map(refused, browsers))

    tokens = [answer.get_json() for answer in answers if answer.status_code == 200]
    assert {answer.status_code for answer in answers} <= {200, 401}
    assert [is_good(offices[0], token) for token in tokens].count(True) == 1
    assert [is_in(browser) for browser in browsers].count(True) == 1

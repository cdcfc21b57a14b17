"""Several of the cloud's accounts for one person: what a login offers, and tokens for each of them."""

import pytest
from flask.testing import FlaskClient

from tests.support.answers import problem
from tests.support.callback_requests import AGENT_SIDE
from tests.support.fakes import AGENT, LOGIN, OTHER_TENANT, PASSWORD, TENANT, Enterprise
from validator.accounts.identity import Identity
from validator.tenants import RecordStatus

TOKEN = "/api/v1/tokens/agent"


def link(enterprise: Enterprise, *codes: str, login: str = LOGIN) -> None:
    """Link the cloud's accounts of *codes* to a person."""
    account = enterprise.services.accounts.require(login)
    for code in codes:
        enterprise.services.links.add(account.id, account.tenant, code)


def add(enterprise: Enterprise, login: str, identity: Identity) -> None:
    """Add a person with the password of the other."""
    accounts = enterprise.services.accounts
    accounts.add(login, TENANT, accounts.require(LOGIN).password_hash, identity)


def logged_in(enterprise: Enterprise, login: str) -> FlaskClient:
    browser = enterprise.visitor()
    answer = browser.post("/api/v1/login", json={"account": login, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return browser


def ret_code(enterprise: Enterprise, token: str, code: str) -> int:
    """Return the response to the cloud when it presents *token* for the agent *code*."""
    question = {"access_token": token, "tenantSpaceId": TENANT, "userAccount": code}
    answer = enterprise.visitor().post(AGENT_SIDE.path, json=question).json
    assert answer is not None
    return int(answer["retCode"])


def token_for(browser: FlaskClient, code: str) -> str:
    answer = browser.post(TOKEN, json={"userAccount": code})
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    assert answer.json["userAccount"] == code
    return str(answer.json["access_token"])


def test_login_offers_what_is_linked(enterprise: Enterprise) -> None:
    """The login and the session list the person's accounts at the cloud, and nobody else's."""
    add(enterprise, "ann", Identity(user_account="agent-9"))
    link(enterprise, "11", "12")
    link(enterprise, "13", login="ann")

    answer = enterprise.visitor().post("/api/v1/login", json={"account": LOGIN, "password": PASSWORD}).json
    session = enterprise.person().get("/api/v1/session").json

    assert answer is not None
    assert session is not None
    assert answer["userAccounts"] == session["userAccounts"] == ["11", "12", AGENT.id]
    assert answer["userAccount"] == AGENT.id


def test_link_shows_at_once(enterprise: Enterprise) -> None:
    """A person who is logged in already sees what is linked, and no longer what is not."""
    browser = enterprise.person()
    account = enterprise.services.accounts.require(LOGIN)

    link(enterprise, "11")
    before = browser.get("/api/v1/session").json
    enterprise.services.links.remove(account.id, TENANT, "11")
    after = browser.get("/api/v1/session").json

    assert before is not None
    assert after is not None
    assert (before["userAccounts"], after["userAccounts"]) == (["11", AGENT.id], [AGENT.id])


def test_person_who_is_no_agent_is_offered_none(enterprise: Enterprise) -> None:
    """Without an agent's identity the list is empty, and there is no token."""
    add(enterprise, "ann", Identity(user_id="customer-9", user_name="Ann"))
    browser = logged_in(enterprise, "ann")

    session = browser.get("/api/v1/session").json

    assert session is not None
    assert session["userAccounts"] == []
    problem(browser.post(TOKEN, json={"userAccount": "11"}), 403)


def test_token_for_a_linked_agent_is_that_agent_s(enterprise: Enterprise) -> None:
    """A token for a linked agent is good at the cloud for that agent and for no other of the person."""
    link(enterprise, "11")
    browser = enterprise.person()

    token, own = token_for(browser, "11"), token_for(browser, AGENT.id)

    assert (ret_code(enterprise, token, "11"), ret_code(enterprise, token, AGENT.id)) == (0, 2)
    assert (ret_code(enterprise, own, "11"), ret_code(enterprise, own, AGENT.id)) == (2, 0)
    entry = next(one for one in enterprise.trail() if one["event"] == "token_issued")
    assert (entry["subject"], entry["by"]) == ("11", f"account:{LOGIN}")


def test_own_agent_needs_no_name(enterprise: Enterprise) -> None:
    """Who names nobody gets a token for the account's own, however many are linked."""
    link(enterprise, "11", "12")

    answer = enterprise.person().post(TOKEN, json={}).json

    assert answer is not None
    assert answer["userAccount"] == AGENT.id


def test_choice_must_be_made(enterprise: Enterprise) -> None:
    """With several accounts and no default a person has to name one; a single one needs no choice."""
    add(enterprise, "ann", Identity())
    link(enterprise, "11", login="ann")
    browser = logged_in(enterprise, "ann")
    assert browser.post(TOKEN, json={}).status_code == 200
    link(enterprise, "12", login="ann")

    members = problem(browser.post(TOKEN, json={}), 400)

    assert members["detail"] == "name one of your userAccounts"
    assert token_for(browser, "12")


@pytest.mark.parametrize(
    "requested",
    [
        {"userAccount": "13"},
        {"userAccount": "agent-9"},
        {"userAccount": "nobody"},
        {"userAccount": "11", "tenantSpaceId": OTHER_TENANT},
    ],
    ids=str,
)
def test_nobody_else_s_is_given(enterprise: Enterprise, requested: dict[str, str]) -> None:
    """What is linked to another person, or to nobody, is refused alike."""
    add(enterprise, "ann", Identity(user_account="agent-9"))
    link(enterprise, "13", login="ann")
    link(enterprise, "11")
    assert token_for(logged_in(enterprise, "ann"), "13")

    answer = enterprise.person().post(TOKEN, json=requested)

    assert "detail" not in problem(answer, 403)
    assert enterprise.trail()[-1]["reason"] == "subject_not_own"


@pytest.mark.parametrize("how", ["disabled", "password"])
def test_account_s_end_is_its_links_end(enterprise: Enterprise, how: str) -> None:
    """What ends the tokens of an account ends those for every agent linked to it."""
    link(enterprise, "11")
    token = token_for(enterprise.person(), "11")
    assert ret_code(enterprise, token, "11") == 0
    accounts = enterprise.services.accounts

    if how == "disabled":
        accounts.set_status(LOGIN, RecordStatus.DISABLED)
        accounts.set_status(LOGIN, RecordStatus.ACTIVE)
    else:
        account = accounts.require(LOGIN)
        accounts.set_password(account, account.password_hash)

    assert ret_code(enterprise, token, "11") == 2
    assert ret_code(enterprise, token_for(enterprise.person(), "11"), "11") == 0

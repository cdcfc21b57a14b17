"""The other centre over HTTP: login and call, with the documented codes."""

import base64
from dataclasses import replace
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from tests.support.fakes import FakeClock
from tests.unit.operations.simulator.othercentre.conftest import AGENT, PASSWORD
from validator.clock import to_milliseconds
from validator.operations.simulator.othercentre.registration import Centre
from validator.operations.simulator.othercentre.routes import AUTH, MAKE_CALL
from validator.operations.simulator.othercentre.serving import create_centre

NUMBER = "13606254580"
RIGHT = {"username": AGENT.username, "password": PASSWORD}


@pytest.fixture
def client(centre: Centre, clock: FakeClock) -> FlaskClient:
    """Return a client of the centre."""
    return create_centre(centre, clock).test_client()


def token_of(client: FlaskClient) -> str:
    """Log in; return the token."""
    return str(client.post(AUTH, json=RIGHT).get_json()["data"]["token"])


def called(client: FlaskClient, token: str, callee: str = NUMBER) -> Any:
    """Return the response to a call with *token*."""
    return client.post(MAKE_CALL, json={"callee": callee}, headers={"x-token": token})


def test_login_gives_a_token(client: FlaskClient, clock: FakeClock) -> None:
    """The token is a JWT with the members and the times of the documentation's sample."""
    content = client.post(AUTH, json=RIGHT).get_json()

    expires_at = to_milliseconds(clock.now()) // 1000 + 12 * 3600
    data = content["data"]
    claims = orjson.loads(base64.urlsafe_b64decode(data["token"].split(".")[1] + "=="))
    assert content["code"] == 0
    assert {**data, "token": ""} == {
        "user": AGENT.username,
        "nickname": AGENT.nickname,
        "extNo": AGENT.ext_no,
        "token": "",
        "expiresAt": expires_at,
    }
    assert (claims["Username"], claims["iss"], claims["exp"]) == (AGENT.username, "ipt-server", expires_at)
    assert claims["exp"] - claims["nbf"] == 44_200


@pytest.mark.parametrize(
    "content",
    [
        {**RIGHT, "password": "three calm valleys"},
        {**RIGHT, "password": PASSWORD.upper()},
        {**RIGHT, "username": "nobody"},
        {"username": AGENT.username},
        {"username": "nobody", "password": ""},
        [],
    ],
)
def test_wrong_login_is_code_7(client: FlaskClient, content: object) -> None:
    """Only the MD5 in lower-case hex is the password; the status is 200 all the same."""
    reply = client.post(AUTH, json=content)

    assert (reply.status_code, reply.get_json()["code"], reply.get_json()["data"]) == (200, 7, {})


def test_call_is_of_the_tokens_agent(client: FlaskClient) -> None:
    """A call has an id; without a good token the response asks to log in again."""
    reply = called(client, token_of(client))

    assert reply.get_json()["code"] == 0
    assert len(reply.get_json()["data"]["callId"]) == 36
    assert "new-token" not in reply.headers
    refused = called(client, "forged").get_json()
    assert (refused["code"], refused["data"]) == (7, {"reload": True})


def test_second_call_is_refused(client: FlaskClient) -> None:
    """An extension has one call, and a call needs a number; neither needs a login again."""
    token = token_of(client)
    assert called(client, token, "").get_json() == {"code": 7, "data": {}, "msg": "there is no number"}
    called(client, token)

    assert called(client, token).get_json()["data"] == {}


@pytest.mark.parametrize(("single", "code"), [(True, 7), (False, 0)])
def test_second_login_ends_the_first(centre: Centre, clock: FakeClock, single: bool, code: int) -> None:
    """With single login on; off, both tokens are good."""
    client = create_centre(replace(centre, single_login=single), clock).test_client()
    first, second = token_of(client), token_of(client)

    assert called(client, first).get_json()["code"] == code
    assert first != second


def test_token_expires(client: FlaskClient, clock: FakeClock) -> None:
    """After its lifetime a token is not good any more."""
    token = token_of(client)
    clock.advance(hours=12)

    assert called(client, token).get_json()["data"] == {"reload": True}


def test_call_can_renew_the_token(centre: Centre, clock: FakeClock) -> None:
    """The new token is in the headers, and is good; so is the earlier one."""
    client = create_centre(replace(centre, renews=True), clock).test_client()
    first = token_of(client)

    reply = called(client, first)

    assert reply.headers["new-expires-at"] == str(to_milliseconds(clock.now()) // 1000 + 12 * 3600)
    for token in (first, reply.headers["new-token"]):
        assert called(client, token).get_json()["data"] == {}  # good, but in a call

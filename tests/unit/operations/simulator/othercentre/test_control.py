"""The control page: what a person does at the other centre, in both languages, for this host only."""

import pytest
from flask.testing import FlaskClient

from tests.support.fakes import FakeClock
from tests.unit.operations.simulator.othercentre.conftest import AGENT, PASSWORD
from validator.operations.simulator.othercentre.controlpages import WORDS
from validator.operations.simulator.othercentre.registration import Centre
from validator.operations.simulator.othercentre.routes import AUTH, MAKE_CALL
from validator.operations.simulator.othercentre.serving import create_centre

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def client(centre: Centre, clock: FakeClock) -> FlaskClient:
    """Return a browser on the centre's host."""
    return create_centre(centre, clock).test_client()


def call_out(client: FlaskClient, number: str) -> str:
    """Have the agent call *number*; return the call's id."""
    content = client.post(AUTH, json={"username": AGENT.username, "password": PASSWORD}).get_json()
    headers = {"x-token": content["data"]["token"]}
    return str(client.post(MAKE_CALL, json={"callee": number}, headers=headers).get_json()["data"]["callId"])


def test_call_ends_with_a_record(client: FlaskClient) -> None:
    """A person answers and hangs up; the record is there, and is not pushed without a receiver."""
    call = call_out(client, "13606254580")

    for action in ("answer", "hangup"):
        assert client.post(f"/control/{action}", data={"username": AGENT.username}).status_code == 303

    state = client.get("/control/state.json").get_json()
    assert [record["callId"] for record in state["records"]] == [call]
    assert [each["outcome"] for each in state["deliveries"]] == ["not sent: there is no [push]"]


def test_what_does_not_fit_is_refused(client: FlaskClient) -> None:
    """Nobody rings an agent who is not ready; unknown agents, actions and ways are refused."""
    agent = {"username": AGENT.username}
    assert client.post("/control/ring", data={**agent, "number": "1"}).status_code == 409
    assert client.post("/control/hangup", data={"username": "nobody"}).status_code == 409
    assert client.post("/control/nothing").status_code == 404
    assert client.post("/control/way", data={"way": "sometimes"}).status_code == 400


def test_switches(client: FlaskClient) -> None:
    """With them off, two logins are good at a time."""
    client.post("/control/switches", data={"renews": "on"})

    assert call_out(client, "1") != ""
    page = client.get("/control?lang=en").text
    assert page.count(" checked") == 1


@pytest.mark.parametrize("language", WORDS)
def test_page_shows_text_as_text(client: FlaskClient, language: str) -> None:
    """Numbers are whatever somebody called."""
    call_out(client, HOSTILE)

    page = client.get(f"/control?lang={language}").text

    assert WORDS[language]["title"] in page
    assert "&lt;img src=x" in page
    assert HOSTILE not in page


def test_control_is_for_this_host(client: FlaskClient) -> None:
    """Another host gets a 404."""
    far = {"REMOTE_ADDR": "192.0.2.7"}

    assert client.get("/control", environ_overrides=far).status_code == 404
    assert client.get("/control").status_code == 200


def test_script_has_every_documented_method(client: FlaskClient) -> None:
    """The stand-in script is the documented class."""
    script = client.get("/dist/ctibar.js").text

    methods = ("login", "logout", "ready", "busy", "rest", "makecall", "offhook", "hangup", "hold", "unhold")
    for method in (*methods, "transfer", "consult", "consultComplete", "consultCancel", "initSDK"):
        assert f"    {method}(" in script

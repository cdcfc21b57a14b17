"""The IVR keypad: both shapes of the request, both readings of the answer, no record of the digits."""

from collections.abc import Mapping
from dataclasses import replace

import orjson
import pytest
from flask.testing import FlaskClient

from tests.support.fakes import TENANT, FakeClock
from tests.unit.operations.simulator.conftest import FakeCallback
from validator.operations.http_client import NoResponse, Response
from validator.operations.simulator import keypad
from validator.operations.simulator.cloud import create_cloud
from validator.operations.simulator.keypad import INSIDE, Keyed, KeypadRecord, body_of, read
from validator.operations.simulator.keypadpages import WORDS
from validator.operations.simulator.registration import Flow, Registration

CODE, DIGITS, NUMBER = "CARD", "97531864", "13606254580"
FLOW = Flow(
    CODE, TENANT, "https://enterprise.example/rest/v1/verification/CARD", "client-1", "s3cret", "account"
)
BEGUN = KeypadRecord("2026-11-30T12:00:00.000Z", CODE, "1-2", INSIDE)
TEXTS = {"verifyReturn1": "pin", "verifyReturn2": "", "verifyReturn3": "id"}
PASSED = {"verifyResult": 1, **TEXTS}


def test_both_shapes_of_the_request_are_sent() -> None:
    """The cloud's two numbers stand beside `calldata` or in it; the fields are those of the documentation."""
    keyed = Keyed(NUMBER, DIGITS, "C-1", "1-2")

    beside = orjson.loads(body_of(FLOW, keyed, "371"))
    inside = orjson.loads(body_of(FLOW, replace(keyed, shape=INSIDE), "371"))

    call_data = {"callerNum": NUMBER, "answer": DIGITS, "callid": "1-2", "account": "C-1"}
    numbers = {"verifyServiceNo": "88880011", "verifyWorkNo": "371"}
    assert beside == {"calldata": call_data, **numbers}
    assert inside == {"calldata": call_data | numbers}


@pytest.mark.parametrize(
    ("content", "readings", "result"),
    [
        ({"data": PASSED, "calldata": {"data": PASSED}}, (1, 1), 1),
        ({"data": PASSED, "calldata": {}}, (1, None), 1),
        ({"calldata": {"data": {**PASSED, "verifyResult": 2}}}, (None, 2), 2),
        ({"data": {**PASSED, "verifyResult": 3}, "calldata": "text"}, (3, None), 3),
        ({"data": PASSED, "calldata": {"data": {**PASSED, "verifyResult": 2}}}, (1, 2), 0),
        ({"calldata": {}}, (None, None), 0),
        ({"data": {**PASSED, "verifyResult": "1"}}, (None, None), 0),
        ({"data": {**PASSED, "verifyResult": True}}, (None, None), 0),
        ({"data": {**PASSED, "verifyResult": 4}}, (None, None), 0),
        ({"data": {"verifyResult": 1}}, (None, None), 0),
        ([], (None, None), 0),
    ],
)
def test_response_is_read_at_both_places(
    content: object, readings: tuple[int | None, int | None], result: int
) -> None:
    """A flow goes on with the one result that the readings give; other forms, and two results, are none."""
    record = read(BEGUN, Response(200, {"x-request-id": "id"}, orjson.dumps(content), 0.01))

    assert (record.beside, record.inside, record.result) == (*readings, result)
    assert (record.problem is None) is (result != 0)
    assert (record.status, record.request_id) == (200, "id")


Sent = list[bytes]


@pytest.fixture
def client(registration: Registration, callback: FakeCallback, clock: FakeClock) -> FlaskClient:
    """Return a browser before a cloud with one flow."""
    known = replace(registration, flows={CODE: FLOW})
    return create_cloud(known, callback, clock).test_client()


def enterprise(monkeypatch: pytest.MonkeyPatch, answer: object) -> Sent:
    """Have the enterprise give *answer*, or fail with it; return what it is sent."""
    sent: Sent = []

    def respond(_flow: Flow, body: bytes, _certificate: bytes) -> Response:
        sent.append(body)
        if isinstance(answer, Exception):
            raise answer
        return Response(200, {}, orjson.dumps(answer), 0.01)

    monkeypatch.setattr(keypad, "response_to", respond)
    return sent


def key_in(client: FlaskClient, **changes: str) -> int:
    form = {"callerNum": NUMBER, "answer": DIGITS, "customer": "C-1", "callid": "1-2", "shape": INSIDE}
    return client.post(f"/keypad/{CODE}", data=form | changes).status_code


def test_verification_is_listed_without_what_was_keyed_in(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list and the page have the result and the event for pages; no digits, number or secret."""
    sent = enterprise(monkeypatch, {"data": PASSED, "calldata": {"data": PASSED}})

    assert client.get("/keypad/results").get_json() == {CODE: ""}
    assert key_in(client) == 303

    assert any(DIGITS.encode() in line for line in sent), "the control: it was sent"
    (listed,) = client.get("/keypad.json").get_json()
    assert (listed["result"], listed["code"], listed["shape"]) == (1, CODE, INSIDE)
    assert client.get("/keypad/results").get_json() == {CODE: "1"}
    page = client.get("/keypad").text
    assert "IvrReturn" in page
    assert not [word for word in (DIGITS, NUMBER, FLOW.secret) if word in page + str(listed)]


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_page_has_its_words(client: FlaskClient, language: str) -> None:
    """The page is whole in each language, with a form for the flow."""
    page = client.get(f"/keypad?lang={language}").text

    assert "{{" not in page
    assert WORDS[language]["title"] in page
    assert f'action="keypad/{CODE}?lang={language}"' in page


@pytest.mark.parametrize("changes", [{"shape": "other"}, {"answer": "1" * 65}])
def test_other_forms_are_refused(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, changes: Mapping[str, str]
) -> None:
    """An unknown shape or flow and a long field are not sent."""
    sent = enterprise(monkeypatch, {})

    assert key_in(client, **changes) == 400
    assert client.post("/keypad/OTHER", data={"shape": INSIDE}).status_code == 400
    assert sent == []


def test_no_response_is_not_returned(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a response the flow has no result, and the list says why."""
    enterprise(monkeypatch, NoResponse("no connection"))

    key_in(client)

    (listed,) = client.get("/keypad.json").get_json()
    assert (listed["result"], listed["problem"]) == (0, "no connection")


def test_only_this_host_gets_the_keypad(client: FlaskClient) -> None:
    """Another host gets nothing, since an attempt counts."""
    for method in ("GET", "POST"):
        answer = client.open("/keypad", method=method, environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
        assert answer.status_code in (403, 404, 405)

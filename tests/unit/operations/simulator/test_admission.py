"""Who is let in: agents and customers by the enterprise's word, guests by their signature."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.support.fakes import AGENT, CHANNEL, SECRET_KEY, TENANT, FakeClock
from tests.unit.operations.simulator.conftest import FakeCallback
from validator.operations.simulator.admission import Admission, NotAdmitted
from validator.operations.simulator.callback import Reply
from validator.operations.simulator.registration import Registration
from validator.signatures.signer import sign
from validator.webchat.wire import signable, signed_body

AGENT_PAGE = {"access_token": "a-token", "tenantSpaceId": TENANT, "userAccount": AGENT.id}
CHAT_PAGE = {
    "thirdUserName": "李伟",
    "thirdUserId": "u-1",
    "tenantSpaceId": TENANT,
    "channelConfigId": CHANNEL,
    "locale": "zh",
}
CUSTOMER_PAGE = {**CHAT_PAGE, "thirdUserToken": "a-token"}


@pytest.fixture
def admission(registration: Registration, callback: FakeCallback, clock: FakeClock) -> Admission:
    """Return the cloud's decision, with an enterprise that accepts."""
    return Admission(registration, callback, clock)


def body(values: Mapping[str, Any]) -> bytes:
    """Return *values* as a page posts them."""
    return json.dumps(values, ensure_ascii=False).encode()


def guest_page(clock: FakeClock) -> dict[str, str]:
    """Return what a guest's page posts."""
    line = sign(
        signable(signed_body(CHAT_PAGE)), access_key=CHANNEL, secret_key=SECRET_KEY, at=clock.now()
    ).authorization
    return {**CHAT_PAGE, "thirdPartAuthorization": line}


def refused(admit: Callable[[bytes], object], values: Mapping[str, Any]) -> NotAdmitted:
    """Return why *admit* refuses."""
    with pytest.raises(NotAdmitted) as raised:
        admit(body(values))
    return raised.value


def test_agent_is_let_in(admission: Admission, callback: FakeCallback) -> None:
    """The enterprise is asked about exactly what the page posted."""
    admitted = admission.agent(body(AGENT_PAGE))

    assert (admitted.visitor.tenant, admitted.visitor.id) == (TENANT, AGENT.id)
    assert callback.asked == [("agent", "a-token", TENANT, AGENT.id)]


def test_customer_is_let_in(admission: Admission, callback: FakeCallback) -> None:
    """A token is asked about; an id that is a number is its digits."""
    admitted = admission.chat(body({**CUSTOMER_PAGE, "thirdUserId": 7}))

    assert (admitted.visitor.id, admitted.visitor.name) == ("7", "李伟")
    assert callback.asked == [("chat", "a-token", TENANT, "7", "李伟")]


def test_guest_is_let_in_without_asking(
    admission: Admission, callback: FakeCallback, clock: FakeClock
) -> None:
    """A signature is verified here; the enterprise hears nothing of it."""
    admitted = admission.chat(body(guest_page(clock)))

    assert admitted.visitor.id == "u-1"
    assert callback.asked == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"tenantSpaceId": "1"}, "no such tenant"),
        ({"access_token": None}, "access_token: missing"),
        ({"userAccount": ["a"]}, "userAccount: not a string"),
    ],
)
def test_agent_the_cloud_cannot_ask_about_is_refused(
    admission: Admission, callback: FakeCallback, change: dict[str, Any], why: str
) -> None:
    """What the cloud itself knows to be wrong is refused with null, and nobody is asked."""
    refusal = refused(admission.agent, {**AGENT_PAGE, **change})

    assert why in refusal.why
    assert refusal.message is None
    assert callback.asked == []


def test_agent_without_a_login_is_refused_after_asking(admission: Admission, callback: FakeCallback) -> None:
    """Somebody whom the enterprise accepts and the cloud does not know is not let in."""
    refusal = refused(admission.agent, {**AGENT_PAGE, "userAccount": "stranger"})

    assert "no such agent" in refusal.why
    assert len(callback.asked) == 1


@pytest.mark.parametrize(
    ("reply", "message", "why"),
    [
        (Reply(ret_code=2, message="validate failed"), "validate failed", "the enterprise refused"),
        (Reply(problem="no connection: refused"), None, "no connection: refused"),
        (Reply(message="yes", problem="retCode is a str, not an int"), "yes", "retCode is a str, not an int"),
    ],
    ids=["refused", "no answer", "malformed"],
)
@pytest.mark.parametrize("side", ["agent", "customer", "chat"])
def test_enterprises_no_is_the_clouds(
    admission: Admission, callback: FakeCallback, side: str, reply: Reply, message: str | None, why: str
) -> None:
    """On every door the enterprise's message is what the cloud shows."""
    callback.reply = reply
    admit = getattr(admission, side)

    refusal = refused(admit, AGENT_PAGE if side == "agent" else CUSTOMER_PAGE)

    assert (refusal.message, refusal.why) == (message, why)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"channelConfigId": "1"}, "no such channel"),
        ({"tenantSpaceId": "1"}, "no such tenant"),
        ({"thirdUserName": ""}, "thirdUserName: empty"),
        ({"thirdPartAuthorization": "auth-v2/x"}, "form"),
        ({"thirdUserName": "Other"}, "signature"),
    ],
)
def test_guest_that_is_not_right_is_refused(
    admission: Admission, clock: FakeClock, change: dict[str, str], why: str
) -> None:
    """Each part of a guest's page is looked at."""
    assert why in refused(admission.chat, {**guest_page(clock), **change}).why


def test_page_proves_itself_somehow(admission: Admission) -> None:
    """Neither a token nor a signature is a refusal, and a guest is no customer."""
    assert "neither" in refused(admission.chat, CHAT_PAGE).why
    assert "thirdUserToken: missing" in refused(admission.customer, CHAT_PAGE).why


def test_old_signature_is_refused(admission: Admission, clock: FakeClock) -> None:
    """The cloud's own clock counts."""
    page = guest_page(clock)
    clock.advance(minutes=6)

    assert "clock skew" in refused(admission.chat, page).why


@pytest.mark.parametrize("posted", [b"", b"[]", b"\xff", b'{"a":1,"a":2}'])
def test_unreadable_body_is_refused(admission: Admission, posted: bytes) -> None:
    """What is no JSON object is refused on every door."""
    for admit in (admission.agent, admission.chat, admission.customer):
        with pytest.raises(NotAdmitted):
            admit(posted)

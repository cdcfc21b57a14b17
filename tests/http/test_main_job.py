"""The main job, end to end over HTTP: from a login to the cloud's `validate success`."""

from tests.support.fakes import AGENT, AGENT_PATH, CHANNEL, CHAT_PATH, CUSTOMER, ORIGIN, TENANT, Enterprise

ACCEPTED = b'{"retCode":0,"message":"validate success"}'


def test_agent_from_login_to_success(enterprise: Enterprise) -> None:
    """What the token route answers can be posted to the cloud as it is, and the callback accepts it."""
    token = enterprise.person().post("/api/v1/tokens/agent", json={}).json
    assert token is not None
    assert token["userAccount"] == AGENT.id

    answer = enterprise.visitor().post(AGENT_PATH, json=token)

    assert (answer.status_code, answer.data) == (200, ACCEPTED)


def test_customer_of_a_client_to_success(enterprise: Enterprise) -> None:
    """A backend has a customer's token issued; the chat callback accepts it with the same user and name."""
    asked = {"tenantSpaceId": TENANT, "userId": "visitor-1", "userName": "Ann"}
    token = enterprise.visitor().post("/api/v1/tokens/chat", json=asked, auth=enterprise.basic).json
    assert token is not None

    answer = enterprise.visitor().post(CHAT_PATH, json={"Token": token["thirdUserToken"], **asked})

    assert (answer.status_code, answer.data) == (200, ACCEPTED)


def test_guest_from_greeting_to_signature(enterprise: Enterprise) -> None:
    """A guest's page is given an id and a signature line for it, as bare text."""
    page = enterprise.visitor()
    guest = page.post("/webchat/guest", headers={"Origin": ORIGIN}).json
    assert guest is not None

    asked = {"thirdUserName": "Guest", **guest, "tenantSpaceId": TENANT, "channelConfigId": CHANNEL}
    answer = page.post("/webchat/authorizationService", json=asked, headers={"Origin": ORIGIN})

    assert answer.status_code == 200
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.text.startswith(f"auth-v2/{CHANNEL}/2026-11-04T03:45:52.263Z/content-length;content-type/")


def test_session_has_both_identities(enterprise: Enterprise) -> None:
    """A person who is an agent and a customer sees both in their session."""
    session = enterprise.person().get("/api/v1/session").json
    assert session is not None
    assert (session["userAccount"], session["userId"], session["userName"]) == (
        AGENT.id,
        CUSTOMER.id,
        CUSTOMER.name,
    )

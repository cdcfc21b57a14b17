"""The token routes: valid requests, and the responses."""

from datetime import timedelta
from typing import Any

import pytest

from tests.support.fakes import AGENT, CUSTOMER, START, TENANT
from validator.errors import Reason, Refusal
from validator.tokens import wire
from validator.tokens.claims import Audience, Claims, TokenRequest
from validator.tokens.revocation import RevocationRequest

AGENT_CLAIMS = Claims("jti-1", AGENT, 1, 0, START, START + timedelta(minutes=10))
CHAT_CLAIMS = Claims("jti-2", CUSTOMER, 1, 0, START, START + timedelta(minutes=30))
BOUNDS = {"tenantSpaceId": 64, "userAccount": 100, "userId": 128, "userName": 128}


def detail_of(refused: pytest.ExceptionInfo[Refusal]) -> str:
    assert refused.value.reason is Reason.FIELD_INVALID
    return refused.value.detail or ""


def test_agent_token_request() -> None:
    """A request for an agent's token has the cloud's field names; all are optional, others are ignored."""
    whole = {"tenantSpaceId": TENANT, "userAccount": "agent-7", "userId": "ignored", "other": 1}

    assert wire.parse_agent(whole) == TokenRequest(Audience.AGENT, TENANT, "agent-7")
    assert wire.parse_agent({}) == TokenRequest(Audience.AGENT)


def test_chat_token_request() -> None:
    """A request for a customer's token is the same; integer ids become strings."""
    whole = {"tenantSpaceId": 202400000001, "userId": 7, "userName": "Ann"}

    assert wire.parse_chat(whole) == TokenRequest(Audience.CHAT, TENANT, "7", "Ann")
    assert wire.parse_chat({}) == TokenRequest(Audience.CHAT)


@pytest.mark.parametrize(("name", "longest"), BOUNDS.items())
def test_bounds_of_a_token_request(name: str, longest: int) -> None:
    """Each field has a maximum length, and is neither empty nor null."""
    parse = wire.parse_agent if name == "userAccount" else wire.parse_chat

    assert "x" * longest in vars_of(parse({name: "x" * longest}))
    for wrong in ("x" * (longest + 1), "", None, ["x"], True):
        with pytest.raises(Refusal) as refused:
            parse({name: wrong})
        assert detail_of(refused).startswith(f"{name}: ")


def vars_of(requested: TokenRequest) -> tuple[str | None, ...]:
    return requested.tenant, requested.id, requested.name


def test_introspection_request() -> None:
    """A token to introspect has at most 4096 characters; a hint is ignored."""
    longest = "x" * 4096

    assert wire.parse_token({"token": longest, "token_type_hint": "access_token"}) == longest
    for wrong in ({"token": longest + "x"}, {"token": ""}, {}):
        with pytest.raises(Refusal) as refused:
            wire.parse_token(wrong)
        assert detail_of(refused).startswith("token: ")


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        ({"token": "abc"}, RevocationRequest(presented_token="abc", audience=Audience.CHAT)),
        ({"jti": "j", "tenantSpaceId": 7}, RevocationRequest(tenant="7", jti="j", audience=Audience.CHAT)),
        (
            {"userAccount": "a", "tenantSpaceId": "t"},
            RevocationRequest(tenant="t", audience=Audience.AGENT, subject="a"),
        ),
        (
            {"userId": 12, "tenantSpaceId": "t"},
            RevocationRequest(tenant="t", audience=Audience.CHAT, subject="12"),
        ),
    ],
    ids=["token", "jti", "agent", "customer"],
)
def test_each_way_to_revoke(asked: dict[str, Any], order: RevocationRequest) -> None:
    """A token, a jti or a subject may be named; the latter two with their tenant."""
    assert wire.parse_revocation(asked) == order


WAYS = {"token": "x", "jti": "x", "userAccount": "x", "userId": "x"}
PAIRS = [(first, second) for first in WAYS for second in WAYS if first < second]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_ways_at_once_are_refused(first: str, second: str) -> None:
    """An ambiguous revocation request is refused."""
    with pytest.raises(Refusal) as refused:
        wire.parse_revocation({first: "x", second: "y", "tenantSpaceId": TENANT})

    assert detail_of(refused) == "token: exactly one of token, jti, userAccount and userId is needed"


@pytest.mark.parametrize("asked", [{}, {"tenantSpaceId": TENANT}])
def test_tenant_alone_is_refused(asked: dict[str, str]) -> None:
    """A backend cannot revoke a whole tenant by leaving a field out."""
    with pytest.raises(Refusal) as refused:
        wire.parse_revocation(asked)

    assert detail_of(refused) == "token: exactly one of token, jti, userAccount and userId is needed"


@pytest.mark.parametrize("way", ["jti", "userAccount", "userId"])
def test_tenant_must_be_named(way: str) -> None:
    """A jti or subject needs its tenant."""
    with pytest.raises(Refusal) as refused:
        wire.parse_revocation({way: "x"})

    assert detail_of(refused) == "tenantSpaceId: missing"


def test_agent_token_is_ready_for_the_cloud() -> None:
    """The response has the cloud's three fields by its names, plus the jti and the expiry for the page."""
    assert wire.render_agent("a.b", AGENT_CLAIMS) == {
        "access_token": "a.b",
        "tenantSpaceId": TENANT,
        "userAccount": "agent-7",
        "jti": "jti-1",
        "expiresAt": "2026-11-04T03:55:52.263Z",
    }


def test_chat_token_is_ready_for_the_cloud() -> None:
    """The response has the fields by the names of the page's globals and posts."""
    assert wire.render_chat("a.b", CHAT_CLAIMS) == {
        "thirdUserToken": "a.b",
        "tenantSpaceId": TENANT,
        "thirdUserId": "customer-7",
        "thirdUserName": "李伟",
        "jti": "jti-2",
        "expiresAt": "2026-11-04T04:15:52.263Z",
    }


def test_introspection_of_an_active_token() -> None:
    """The response has RFC 7662's members, times in whole seconds, and the cloud's subject names."""
    assert wire.render_introspection(CHAT_CLAIMS) == {
        "active": True,
        "aud": "chat",
        "sub": "customer-7",
        "jti": "jti-2",
        "iat": 1793763952,
        "exp": 1793765752,
        "tenantSpaceId": TENANT,
        "userId": "customer-7",
        "userName": "李伟",
    }
    assert wire.render_introspection(AGENT_CLAIMS)["userAccount"] == "agent-7"


def test_introspection_of_an_inactive_token() -> None:
    """The response for an inactive token has nothing else, whatever the reason."""
    assert wire.render_introspection(None) == {"active": False}

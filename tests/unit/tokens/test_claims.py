"""The format of claims, byte by byte, and that it loses nothing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.fakes import AGENT, CUSTOMER, TENANT
from tests.support.token_parts import POLICY
from validator.errors import ConfigurationError
from validator.settings.loading import load
from validator.settings.sources import environment_variable
from validator.tokens.claims import MAX_LEEWAY, MAX_LIFETIME, Audience, Claims, Subject

ISSUED = datetime(2026, 11, 4, 3, 45, 52, 263000, tzinfo=UTC)
AGENT_CLAIMS = Claims("abc-DEF_123", AGENT, 3, 5, ISSUED, ISSUED + timedelta(minutes=10))
CHAT_CLAIMS = Claims("abc-DEF_123", CUSTOMER, 0, 1793763952262, ISSUED, ISSUED + timedelta(minutes=30))
AGENT_JSON = (
    b'{"jti":"abc-DEF_123","aud":"agent","ten":"202400000001","sub":"agent-7",'
    b'"epo":3,"rev":5,"iat":1793763952263,"exp":1793764552263}'
)
CHAT_JSON = (
    b'{"jti":"abc-DEF_123","aud":"chat","ten":"202400000001","sub":"customer-7",'
    b'"nam":"\xe6\x9d\x8e\xe4\xbc\x9f","epo":0,'
    b'"rev":1793763952262,"iat":1793763952263,"exp":1793765752263}'
)


@pytest.mark.parametrize(
    ("claims", "text"), [(AGENT_CLAIMS, AGENT_JSON), (CHAT_CLAIMS, CHAT_JSON)], ids=["agent", "chat"]
)
def test_format_is_pinned(claims: Claims, text: bytes) -> None:
    """The JSON in a token is exactly this and reads back: old tokens stay readable."""
    assert claims.to_json() == text
    assert Claims.from_json(text) == claims


def test_order_and_space_do_not_matter() -> None:
    """Claims are read by name, in any order and layout."""
    text = (
        b'{ "exp": 1793764552263, "iat": 1793763952263, "rev": 5, "epo": 3, "sub": "agent-7",'
        b' "ten": "202400000001", "aud": "agent", "jti": "abc-DEF_123", "later": [1] }'
    )

    assert Claims.from_json(text) == AGENT_CLAIMS


@pytest.mark.parametrize("name", ["jti", "aud", "ten", "sub", "epo", "rev", "iat", "exp"])
def test_every_claim_is_needed(name: str) -> None:
    """Without any one claim the text is malformed."""
    with pytest.raises(KeyError):
        Claims.from_json(AGENT_JSON.replace(f'"{name}"'.encode(), b'"other"'))


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"\xff", b"[", b"[]", b"null", b"7", b'"text"'),
        AGENT_JSON.replace(b'"agent",', b'"nobody",'),
        AGENT_JSON.replace(b'"agent",', b"[],"),
        AGENT_JSON.replace(b'"agent",', b'"chat",'),
        CHAT_JSON.replace(b'"chat",', b'"agent",'),
        AGENT_JSON.replace(b"1793763952263", b'"1793763952263"'),
        AGENT_JSON.replace(b"1793763952263", b"null"),
    ],
)
def test_malformed_claims_are_refused(text: bytes) -> None:
    """Broken text, another audience, an agent with a name or a customer without one is malformed."""
    with pytest.raises((ValueError, KeyError, TypeError)):
        Claims.from_json(text)


def test_microseconds_do_not_survive() -> None:
    """Times in a token are whole milliseconds, always rounded down."""
    late = AGENT_CLAIMS._replace(issued_at=ISSUED + timedelta(microseconds=999))

    assert late.to_json() == AGENT_JSON


@pytest.mark.parametrize(("audience", "name"), [(Audience.AGENT, "Ann"), (Audience.CHAT, None)])
def test_subject_is_complete(audience: Audience, name: str | None) -> None:
    """An agent has no name, and a customer has one."""
    with pytest.raises(ValueError, match="a customer has a name, an agent has none"):
        Subject(audience, TENANT, "x", name)


def test_each_audience_has_its_lifetime() -> None:
    """Each audience has its lifetime."""
    assert POLICY.lifetime(Audience.AGENT) == timedelta(minutes=10)
    assert POLICY.lifetime(Audience.CHAT) == timedelta(minutes=30)


@pytest.mark.parametrize("name", ["agent_lifetime", "chat_lifetime", "leeway"])
def test_maximum_lifetime_is_the_settings_maximum(name: str, tmp_path: Path) -> None:
    """Revocations are stored for the settings' maximum lifetime: no token outlives them."""
    longest = MAX_LEEWAY if name == "leeway" else MAX_LIFETIME
    seconds = int(longest.total_seconds())

    allowed = load(tmp_path, None, {environment_variable(f"tokens.{name}"): f"{seconds}s"})

    assert getattr(allowed.tokens, name) == longest
    with pytest.raises(ConfigurationError):
        load(tmp_path, None, {environment_variable(f"tokens.{name}"): f"{seconds + 1}s"})

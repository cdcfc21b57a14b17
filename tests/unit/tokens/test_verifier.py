"""Verification of a token: the signature, the audience, and the times to the millisecond."""

from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from tests.support.fakes import AGENT, CUSTOMER, START
from tests.support.token_parts import TokenParts, make_parts
from validator.errors import Fault, Reason, Refusal
from validator.tokens.claims import Audience, Claims, Subject
from validator.tokens.issuer import purpose

MOMENT = timedelta(microseconds=1)


def refusal_of(parts: TokenParts, token: str, audience: Audience = Audience.AGENT) -> Reason:
    with pytest.raises(Refusal) as refused:
        parts.verifier.verify(token, audience)
    assert refused.value.detail is None
    return refused.value.reason


def signed(parts: TokenParts, audience: Audience, payload: bytes) -> str:
    """Return *payload*, of any content, signed as a token for *audience*."""
    return parts.keyring.signer(purpose(audience)).sign(payload)


def dated(parts: TokenParts, issued_in: timedelta, expires_in: timedelta) -> str:
    """Return an agent's token with these times, relative to the start of the clock."""
    claims = Claims("j", AGENT, 1, 0, START + issued_in, START + expires_in)
    return signed(parts, Audience.AGENT, claims.to_json())


@pytest.mark.parametrize("subject", [AGENT, CUSTOMER], ids=["agent", "chat"])
def test_fresh_token_is_valid(parts: TokenParts, subject: Subject) -> None:
    """A new token yields its claims."""
    token, claims = parts.issue(subject, epoch=1)

    assert parts.verifier.verify(token, subject.audience) == claims


@pytest.mark.parametrize(("subject", "minutes"), [(AGENT, 10), (CUSTOMER, 30)], ids=["agent", "chat"])
def test_token_expires(parts: TokenParts, subject: Subject, minutes: int) -> None:
    """A token is valid until just before its lifetime plus the leeway."""
    token, claims = parts.issue(subject, epoch=1)
    end = START + timedelta(minutes=minutes, seconds=30)

    parts.clock.instant = end - MOMENT
    assert parts.verifier.verify(token, subject.audience) == claims
    parts.clock.instant = end
    assert refusal_of(parts, token, subject.audience) is Reason.TOKEN_EXPIRED


def test_token_from_a_clock_ahead_is_valid_within_the_leeway(parts: TokenParts) -> None:
    """A token from a clock ahead by the leeway is valid, one further ahead not yet."""
    token, claims = parts.issue(AGENT, epoch=1)
    begin = START - timedelta(seconds=30)

    parts.clock.instant = begin
    assert parts.verifier.verify(token, Audience.AGENT) == claims
    parts.clock.instant = begin - MOMENT
    assert refusal_of(parts, token) is Reason.TOKEN_NOT_YET_VALID


@pytest.mark.parametrize("payload", [b"", b"{", b"null", b"{}", b"[]", b'{"jti":"a"}', b"\xff\x00"])
def test_signed_but_unreadable_is_malformed(parts: TokenParts, payload: bytes) -> None:
    """A signed text without claims is malformed; an empty one is forged."""
    expected = Reason.TOKEN_MALFORMED if payload else Reason.TOKEN_FORGED

    assert refusal_of(parts, signed(parts, Audience.AGENT, payload)) is expected


@pytest.mark.parametrize("milliseconds", [10**15, -(10**15), 10**18, 2**63])
@pytest.mark.parametrize("claim", ["iat", "exp"])
def test_time_out_of_range_is_malformed(parts: TokenParts, claim: str, milliseconds: int) -> None:
    """A time beyond the calendar is a refusal, not an error."""
    members = orjson.loads(parts.issue(AGENT, epoch=1)[1].to_json())

    token = signed(parts, Audience.AGENT, orjson.dumps({**members, claim: milliseconds}))

    assert refusal_of(parts, token) is Reason.TOKEN_MALFORMED


@pytest.mark.parametrize(("subject", "other"), [(AGENT, Audience.CHAT), (CUSTOMER, Audience.AGENT)])
def test_token_of_the_other_audience_is_forged(parts: TokenParts, subject: Subject, other: Audience) -> None:
    """A token for the other audience is refused like any forged text."""
    token, _ = parts.issue(subject, epoch=1)

    assert refusal_of(parts, token, other) is Reason.TOKEN_FORGED


def test_audience_claim_is_checked_too(parts: TokenParts) -> None:
    """A customer's claims signed for agents are forged: the salt alone is not trusted."""
    claims = Claims("j", CUSTOMER, 1, 0, START, START + timedelta(minutes=10))

    assert refusal_of(parts, signed(parts, Audience.AGENT, claims.to_json())) is Reason.TOKEN_FORGED


def test_order_of_reasons(parts: TokenParts) -> None:
    """The order of reasons is forged, malformed, audience, not yet valid, expired."""
    upside_down = dated(parts, timedelta(days=1), timedelta(days=-1))
    expired = dated(parts, timedelta(days=-2), timedelta(days=-1))
    wrong_side = Claims("j", CUSTOMER, 1, 0, START, START - timedelta(days=1)).to_json()

    assert refusal_of(parts, upside_down[:-1]) is Reason.TOKEN_FORGED
    assert refusal_of(parts, signed(parts, Audience.AGENT, b"{}")) is Reason.TOKEN_MALFORMED
    assert refusal_of(parts, signed(parts, Audience.AGENT, wrong_side)) is Reason.TOKEN_FORGED
    assert refusal_of(parts, upside_down) is Reason.TOKEN_NOT_YET_VALID
    assert refusal_of(parts, expired) is Reason.TOKEN_EXPIRED


def test_reading_ignores_the_time(parts: TokenParts) -> None:
    """An expired token can be read, to revoke or introspect it, but not verified."""
    token, claims = parts.issue(AGENT, epoch=1)
    parts.clock.advance(days=1000)

    assert parts.verifier.read(token, Audience.AGENT) == claims
    assert refusal_of(parts, token) is Reason.TOKEN_EXPIRED


def test_token_of_another_keyring_is_forged(parts: TokenParts, tmp_path: Path) -> None:
    """A token with the same claims, signed by another enterprise, is forged."""
    token, _ = make_parts(tmp_path / "elsewhere").issue(AGENT, epoch=1)

    assert refusal_of(parts, token) is Reason.TOKEN_FORGED


def test_revoked_key_ends_its_tokens(parts: TokenParts) -> None:
    """A revoked key's tokens are forged; those of the next key are valid."""
    old, _ = parts.issue(AGENT, epoch=1)
    parts.keyring.rotate()
    new, claims = parts.issue(AGENT, epoch=1)
    parts.keyring.revoke(parts.keyring.list()[0].id)

    assert refusal_of(parts, old) is Reason.TOKEN_FORGED
    assert parts.verifier.verify(new, Audience.AGENT) == claims


def test_rotation_does_not_affect_tokens(parts: TokenParts) -> None:
    """After a rotation old and new tokens are valid at once."""
    old, claims = parts.issue(AGENT, epoch=1)
    parts.keyring.rotate()
    new, _ = parts.issue(AGENT, epoch=1)

    assert parts.verifier.verify(old, Audience.AGENT) == claims
    assert parts.verifier.verify(new, Audience.AGENT).subject == AGENT


def test_missing_keys_are_a_fault(parts: TokenParts) -> None:
    """Without a keyring verification is a fault, not "forged"."""
    token, _ = parts.issue(AGENT, epoch=1)
    parts.keyring_file.unlink()

    with pytest.raises(Fault) as fault:
        parts.verifier.verify(token, Audience.AGENT)

    assert fault.value.reason is Reason.KEYS_UNAVAILABLE

"""The content of an issued token."""

from datetime import timedelta

import pytest
from itsdangerous.encoding import base64_decode

from tests.support.fakes import AGENT, CUSTOMER, START, TENANT
from tests.support.token_parts import TokenParts
from validator.errors import Fault, Reason
from validator.sizes import MAX_TENANT, MAX_TOKEN, MAX_USER_ID, MAX_USER_NAME
from validator.tokens.claims import Audience, Subject

JTI_CHARACTERS = 24  # base64 of 144 bits


@pytest.mark.parametrize(("subject", "minutes"), [(AGENT, 10), (CUSTOMER, 30)], ids=["agent", "chat"])
def test_token_has_the_requested_claims(parts: TokenParts, subject: Subject, minutes: int) -> None:
    """A token has its subject, epoch and revocation, and is valid for its audience's lifetime."""
    token, claims = parts.issue(subject, epoch=7, revocation=9)

    assert parts.verifier.verify(token, subject.audience) == claims
    assert (claims.subject, claims.epoch, claims.revocation) == (subject, 7, 9)
    assert (claims.issued_at, claims.expires_at) == (START, START + timedelta(minutes=minutes))


def test_returned_claims_are_those_in_the_token(parts: TokenParts) -> None:
    """The returned claims are rounded to milliseconds like those in the token."""
    parts.clock.advance(microseconds=999)

    token, claims = parts.issue(AGENT, epoch=1)

    assert claims.issued_at == START
    assert parts.verifier.verify(token, Audience.AGENT) == claims


@pytest.mark.parametrize("revocation", [0, 1, 1793763952263, 2**62])
def test_token_carries_the_last_known_revocation(parts: TokenParts, revocation: int) -> None:
    """The known number is in the signed token; it does not affect its validity period."""
    token, claims = parts.issuer.issue(AGENT, epoch=1, revocation=revocation)

    assert parts.verifier.verify(token, Audience.AGENT) == claims
    assert claims.revocation == revocation
    assert (claims.issued_at, claims.expires_at) == (START, START + timedelta(minutes=10))


def test_token_is_dated_when_it_is_issued(parts: TokenParts) -> None:
    """The issue time is that of signing, however old the issuer is."""
    parts.clock.advance(seconds=5)

    _, claims = parts.issuer.issue(AGENT, epoch=1, revocation=0)

    assert claims.issued_at == START + timedelta(seconds=5)
    assert claims.expires_at == START + timedelta(minutes=10, seconds=5)


def test_jti_is_random_and_unique(parts: TokenParts) -> None:
    """A jti has at least 128 bits in URL-safe characters, and a thousand of them are unique."""
    jtis = {parts.issue(AGENT, epoch=1)[1].jti for _ in range(1000)}

    assert len(jtis) == 1000
    assert all(len(jti) == JTI_CHARACTERS and jti.replace("-", "").replace("_", "").isalnum() for jti in jtis)
    assert JTI_CHARACTERS * 6 >= 128
    for place in range(JTI_CHARACTERS):  # every character varies: of 64, each is expected 15 times
        assert len({jti[place] for jti in jtis}) > 32


def test_two_tokens_of_one_instant_differ(parts: TokenParts) -> None:
    """Two tokens for the same subject in the same millisecond differ."""
    assert parts.issue(AGENT, epoch=1)[0] != parts.issue(AGENT, epoch=1)[0]


@pytest.mark.parametrize("character", ["a", "字", "😀", "\x01", '"'])
def test_longest_subject_fits_the_callback(parts: TokenParts, character: str) -> None:
    """The longest permitted subject yields a token that the callback accepts."""
    subject = Subject(Audience.CHAT, "t" * MAX_TENANT, character * MAX_USER_ID, character * MAX_USER_NAME)

    token, _ = parts.issue(subject, epoch=2**62, revocation=2**62)

    assert len(token) <= MAX_TOKEN


def test_without_a_key_there_is_no_token(parts: TokenParts) -> None:
    """Without a keyring issuance is a fault; once it is back, it works."""
    away = parts.keyring_file.rename(parts.keyring_file.with_suffix(".away"))

    with pytest.raises(Fault) as fault:
        parts.issue(AGENT, epoch=1)

    assert fault.value.reason is Reason.KEYS_UNAVAILABLE
    away.rename(parts.keyring_file)
    assert parts.issue(AGENT, epoch=1)[1].subject == AGENT


def test_token_shows_its_claims(parts: TokenParts) -> None:
    """A token is one line of ASCII whose claims anybody may decode: it must not contain a secret."""
    token, claims = parts.issue(Subject(Audience.AGENT, TENANT, "agent-7"), epoch=1)

    assert token.isascii()
    assert token.count(".") == 1
    assert base64_decode(token.split(".")[0]) == claims.to_json()

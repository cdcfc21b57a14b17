"""What an issued token says."""

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
def test_token_says_what_was_asked(parts: TokenParts, subject: Subject, minutes: int) -> None:
    """A token carries its subject, epoch and revocation, from now until its audience's lifetime is over."""
    token, claims = parts.issue(subject, epoch=7, revocation=9)

    assert parts.verifier.verify(token, subject.audience) == claims
    assert (claims.subject, claims.epoch, claims.revocation) == (subject, 7, 9)
    assert (claims.issued_at, claims.expires_at) == (START, START + timedelta(minutes=minutes))


def test_claims_given_are_the_claims_in_the_token(parts: TokenParts) -> None:
    """What is cut off in the token is cut off in the claims too: the issuer tells of no other instant."""
    parts.clock.advance(microseconds=999)

    token, claims = parts.issue(AGENT, epoch=1)

    assert claims.issued_at == START
    assert parts.verifier.verify(token, Audience.AGENT) == claims


@pytest.mark.parametrize("revocation", [0, 1, 1793763952263, 2**62])
def test_token_carries_the_last_revocation_that_was_known(parts: TokenParts, revocation: int) -> None:
    """Whatever number was known is the one in the signed token; it moves neither end of its life."""
    token, claims = parts.issuer.issue(AGENT, epoch=1, revocation=revocation)

    assert parts.verifier.verify(token, Audience.AGENT) == claims
    assert claims.revocation == revocation
    assert (claims.issued_at, claims.expires_at) == (START, START + timedelta(minutes=10))


def test_token_is_dated_when_it_is_made(parts: TokenParts) -> None:
    """The instant is the one at which it is signed, however long ago the issuer began to work."""
    parts.clock.advance(seconds=5)

    _, claims = parts.issuer.issue(AGENT, epoch=1, revocation=0)

    assert claims.issued_at == START + timedelta(seconds=5)
    assert claims.expires_at == START + timedelta(minutes=10, seconds=5)


def test_jti_cannot_be_guessed_and_never_comes_back(parts: TokenParts) -> None:
    """A jti has at least 128 bits in URL-safe characters, and a thousand of them are all different."""
    jtis = {parts.issue(AGENT, epoch=1)[1].jti for _ in range(1000)}

    assert len(jtis) == 1000
    assert all(len(jti) == JTI_CHARACTERS and jti.replace("-", "").replace("_", "").isalnum() for jti in jtis)
    assert JTI_CHARACTERS * 6 >= 128
    for place in range(JTI_CHARACTERS):  # every character varies: 64 signs, and each is expected 15 times
        assert len({jti[place] for jti in jtis}) > 32


def test_two_tokens_of_one_instant_differ(parts: TokenParts) -> None:
    """The same subject asked for twice in one millisecond has two tokens."""
    assert parts.issue(AGENT, epoch=1)[0] != parts.issue(AGENT, epoch=1)[0]


@pytest.mark.parametrize("character", ["a", "字", "😀", "\x01", '"'])
def test_longest_subject_fits_the_callback(parts: TokenParts, character: str) -> None:
    """No subject that may be named makes a token that the callback finds too long."""
    subject = Subject(Audience.CHAT, "t" * MAX_TENANT, character * MAX_USER_ID, character * MAX_USER_NAME)

    token, _ = parts.issue(subject, epoch=2**62, revocation=2**62)

    assert len(token) <= MAX_TOKEN


def test_no_key_no_token(parts: TokenParts) -> None:
    """Without a keyring there is a fault and no token; with it again there is one."""
    away = parts.keyring_file.rename(parts.keyring_file.with_suffix(".away"))

    with pytest.raises(Fault) as fault:
        parts.issue(AGENT, epoch=1)

    assert fault.value.reason is Reason.KEYS_UNAVAILABLE
    away.rename(parts.keyring_file)
    assert parts.issue(AGENT, epoch=1)[1].subject == AGENT


def test_token_shows_its_claims(parts: TokenParts) -> None:
    """A token is one line of ASCII whose claims anybody may decode: it must not carry a secret."""
    token, claims = parts.issue(Subject(Audience.AGENT, TENANT, "agent-7"), epoch=1)

    assert token.isascii()
    assert token.count(".") == 1
    assert base64_decode(token.split(".")[0]) == claims.to_json()

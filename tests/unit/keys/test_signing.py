"""The format of signed text is that of itsdangerous, and what verifies here verifies there."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import BadSignature, Signer
from itsdangerous.encoding import base64_decode, base64_encode

from validator.keys.signing import PurposeSigner

SECRETS = [b"o" * 32, b"n" * 32]
PURPOSE = "tests"
SIGNER = PurposeSigner(SECRETS, PURPOSE)
CHARACTERS = "Ab09-_.=+/ é\n"


def library(secrets: list[bytes]) -> Signer:
    return Signer(secrets, salt=PURPOSE, key_derivation="hmac", digest_method=hashlib.sha256)


def verified_by_library(presented: str) -> bytes | None:
    try:
        return base64_decode(library(SECRETS).unsign(presented))
    except BadSignature:
        return None


def changed(text: str, place: int, character: str, removed: int) -> str:
    """Return *text* with *character* in the *place* of *removed* characters."""
    return text[: place % len(text)] + character + text[place % len(text) + removed :]


@given(st.binary(min_size=1, max_size=100))
def test_signed_text_is_that_of_the_library(payload: bytes) -> None:
    """The library signs a payload with the same characters, and reads what is signed here."""
    signed = SIGNER.sign(payload)

    assert signed.encode() == library(SECRETS).sign(base64_encode(payload))
    assert verified_by_library(signed) == SIGNER.verify(signed) == payload


@given(
    st.binary(min_size=1, max_size=40), st.integers(0, 200), st.sampled_from(CHARACTERS), st.integers(0, 2)
)
def test_changed_text_verifies_only_when_nothing_changed(
    payload: bytes, place: int, character: str, removed: int
) -> None:
    """No change of a character verifies; the library's answer is the same or more lenient."""
    signed = SIGNER.sign(payload)
    presented = changed(signed, place, character, removed)
    expected = payload if presented == signed else None

    assert SIGNER.verify(presented) == expected
    assert verified_by_library(presented) in (expected, payload)


@given(st.text(max_size=60))
def test_any_text_is_refused(presented: str) -> None:
    """Text that was not signed here is refused, whatever its characters, and never raises."""
    assert SIGNER.verify(presented) is None


def test_every_secret_verifies_and_the_last_one_signs() -> None:
    """A signature of each secret verifies; the one that is made is the last secret's."""
    by_each = [PurposeSigner([secret], PURPOSE).sign(b"payload") for secret in SECRETS]

    assert [SIGNER.verify(each) for each in by_each] == [b"payload"] * 2
    assert SIGNER.sign(b"payload") == by_each[-1]
    assert PurposeSigner([b"x" * 32], PURPOSE).verify(by_each[0]) is None

"""Password hashing: the parameters, equivalent characters, and damaged hashes."""

import unicodedata
from typing import Literal

import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type
from hypothesis import given
from hypothesis import strategies as st

from tests.support.account_policies import CHEAP
from validator.errors import Fault, Reason
from validator.passwords.hashing import PROFILES, Passwords, normalized

PASSWORD = "seven quiet rivers of jade"


class WatchedHasher(PasswordHasher):
    """A hasher that records the hashes that it verifies against."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified: list[str | bytes] = []

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002 - the library's name
        self.verified.append(hash)
        return super().verify(hash, password)


@pytest.fixture
def passwords() -> Passwords:
    """Return a cheap hasher."""
    return Passwords(CHEAP)


@pytest.mark.parametrize(
    ("profile", "prefix"),
    [
        ("argon2id-19m", "$argon2id$v=19$m=19456,t=2,p=1$"),
        ("argon2id-64m", "$argon2id$v=19$m=65536,t=3,p=4$"),
    ],
)
def test_profile_has_the_parameters_of_its_name(profile: str, prefix: str) -> None:
    """The parameters are those of OWASP and RFC 9106, with 16 bytes of salt and a 32-byte hash."""
    hashed = Passwords(PROFILES[profile]).hash(PASSWORD)
    parameters = extract_parameters(hashed)

    assert hashed.startswith(prefix)
    assert (parameters.type, parameters.salt_len, parameters.hash_len) == (Type.ID, 16, 32)


def test_every_profile_is_tested() -> None:
    """Every profile is in the table above."""
    assert set(PROFILES) == {"argon2id-19m", "argon2id-64m"}


def test_only_the_correct_password_verifies(passwords: Passwords) -> None:
    """Exactly the hashed characters are the password."""
    hashed = passwords.hash(PASSWORD)

    assert passwords.verify(PASSWORD, hashed)
    for wrong in ("", PASSWORD + " ", PASSWORD[:-1], PASSWORD.upper(), hashed):
        assert not passwords.verify(wrong, hashed)


def test_same_password_has_another_hash_each_time(passwords: Passwords) -> None:
    """The same password of two people has different hashes."""
    assert passwords.hash(PASSWORD) != passwords.hash(PASSWORD)


def test_password_is_not_truncated(passwords: Passwords) -> None:
    """The last of many characters counts, and so do characters after a NUL."""
    hashed = passwords.hash("a" * 127 + "b")

    assert not passwords.verify("a" * 127 + "c", hashed)
    assert not passwords.verify("a\x00c", passwords.hash("a\x00b"))


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("caf\u00e9", "cafe\u0301"),
        ("\u212b", "\u00c5"),
        ("\u1ee9", "u\u031b\u0301"),
        ("\ud55c", "\u1112\u1161\u11ab"),
        ("\u2126", "\u03a9"),
    ],
)
def test_composed_and_decomposed_are_the_same(passwords: Passwords, typed: str, stored: str) -> None:
    """The same characters in two encodings are one password, in both directions."""
    assert passwords.verify(typed, passwords.hash(stored))
    assert passwords.verify(stored, passwords.hash(typed))


@pytest.mark.parametrize(("one", "other"), [("ﬁ", "fi"), ("①", "1"), ("Ａ", "A"), ("ß", "ss"), ("a", "A")])
def test_compatible_characters_stay_different(passwords: Passwords, one: str, other: str) -> None:
    """Only canonical equivalence is normalised; characters that merely look alike stay different."""
    assert not passwords.verify(one, passwords.hash(other))


@given(st.text())
def test_normalisation_is_nfc_and_idempotent(password: str) -> None:
    """Normalisation is NFC, and repeating it changes nothing."""
    assert normalized(password) == unicodedata.normalize("NFC", password) == normalized(normalized(password))


def test_unknown_account_takes_the_same_verification() -> None:
    """Without a stored hash the same verification runs against a dummy (timing oracle).

    Only a verification against a real hash is reported: guesses are counted by it.
    """
    hasher, told = WatchedHasher(), []
    passwords = Passwords(hasher, lambda: told.append(1))
    hashed = passwords.hash(PASSWORD)

    assert passwords.verify(PASSWORD, hashed)
    assert not passwords.verify(PASSWORD, None)

    assert (len(told), len(hasher.verified)) == (1, 2)
    assert hasher.verified[0] == hashed
    assert extract_parameters(str(hasher.verified[1])) == extract_parameters(hashed)


@pytest.mark.parametrize("password", ["nobody has this password", ""])
def test_dummys_password_is_refused(passwords: Passwords, password: str) -> None:
    """Not even the dummy's text authenticates an unknown account."""
    assert not passwords.verify(password, None)


def test_other_parameters_are_outdated(passwords: Passwords) -> None:
    """A hash of another profile verifies and is outdated; one of this profile is not."""
    older = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)

    assert passwords.verify(PASSWORD, older)
    assert passwords.is_outdated(older)
    assert not passwords.is_outdated(passwords.hash(PASSWORD))


@pytest.mark.parametrize(
    "damaged",
    [
        "nonsense",
        "$argon2id$",
        "$argon2id$v=19$m=8,t=1,p=1$",
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$",
        "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$!!!",
        "$argon2id$v=19$m=8,t=0,p=1$c2FsdHNhbHQ$c2FsdHNhbHQ",
        "$2b$12$KIXQ2",
        "$argon2id$v=19$m=8,t=1,p=1$é$é",
    ],
)
def test_damaged_hash_is_a_fault(passwords: Passwords, damaged: str) -> None:
    """A malformed stored hash is a fault of the store, not a wrong password; the fault does not quote it."""
    with pytest.raises(Fault) as raised:
        passwords.verify(PASSWORD, damaged)

    assert raised.value.reason is Reason.STORE_UNAVAILABLE
    assert damaged not in str(raised.value)
    assert raised.value.__cause__ is None


def test_empty_stored_hash_is_a_fault(passwords: Passwords) -> None:
    """An account with an empty hash is a fault: nothing authenticates it."""
    with pytest.raises(Fault):
        passwords.verify(PASSWORD, "")

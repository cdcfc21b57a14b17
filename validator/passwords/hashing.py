"""Password hashing: argon2id with named parameter profiles (RFC 9106, OWASP Password Storage).

A password is normalised to NFC before hashing, so that the same characters typed on two systems are the same
password. It is never truncated; callers limit its length.
"""

import unicodedata
from collections.abc import Callable
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from validator.errors import Fault, Reason

PROFILES = {
    "argon2id-19m": PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1),
    "argon2id-64m": PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4),
}


@cache
def _dummy_of(hasher: PasswordHasher) -> str:
    """Return the hash to verify against for unknown accounts, so that they take as long (timing oracle)."""
    return hasher.hash("nobody has this password")


def normalized(password: str) -> str:
    """Return *password* in Unicode's composed form (NFC)."""
    return unicodedata.normalize("NFC", password)


class Passwords:
    """Hashes and verifies with one profile; a hash of another profile still verifies and is then renewed."""

    def __init__(self, hasher: PasswordHasher, on_verification: Callable[[], None] = lambda: None) -> None:
        """Use *hasher*; call *on_verification* before each verification against a real hash."""
        self._hasher, self._on_verification = hasher, on_verification
        self._dummy = _dummy_of(hasher)

    def hash(self, password: str) -> str:
        """Return the salted hash of *password*, about 100 characters."""
        return self._hasher.hash(normalized(password))

    def verify(self, password: str, expected: str | None) -> bool:
        """Return whether *password* matches *expected*.

        With None, verify against a dummy hash and return False, so that unknown accounts take as long (timing
        oracle). Raises Fault when the stored hash is malformed.
        """
        if expected is not None:
            self._on_verification()
        stored = self._dummy if expected is None else expected
        try:
            return self._hasher.verify(stored, normalized(password)) and expected is not None
        except VerifyMismatchError:
            return False
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            raise Fault(Reason.STORE_UNAVAILABLE, "a stored password hash is damaged") from None

    def is_outdated(self, stored: str) -> bool:
        """Return whether *stored* has other parameters than this profile."""
        return self._hasher.check_needs_rehash(stored)

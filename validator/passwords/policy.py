"""The policy for new passwords, and the settings of their hashing.

`asvs5` (the default) follows OWASP ASVS 5.0 V6.2 and NIST SP 800-63B: length, a block-list, the account's
name, context words, a strength estimate; no composition rule and no periodic change. `cec` adds the cloud
vendor's published rule and never lowers the length: three of four character classes, at most two identical
characters in a row, no three consecutive characters of the account, differs from the last five. Each
refusal has its reason, since the caller is choosing a password.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from argon2 import PasswordHasher

from validator.passwords.blocklist import Blocklist
from validator.passwords.hashing import PROFILES as HASHING_PROFILES
from validator.passwords.hashing import normalized

PROFILES = ("asvs5", "cec")
MAX_LENGTH = 128
MAX_TYPED = 4 * MAX_LENGTH  # characters as typed, maybe decomposed; `MAX_LENGTH` is for composed ones
REMEMBERED = 5
_MIN_SCORE = 3  # of 4: "safely unguessable", above 10^8 guesses
# The library takes seconds for long text and refuses more than 72; further characters only add strength.
_ZXCVBN_MAX = 32
_MIN_WORD = 4  # shorter names and context words occur in any text by chance
_CLASSES = ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]")


@dataclass(frozen=True, slots=True)
class PasswordPolicy:
    """The profile, its minimum length in characters, and words that no password may be built on.

    Passwords are hashed with `hashing`, at most `hashing_slots` at once in one process.
    """

    profile: str = "asvs5"
    minimum_length: int = 15
    context_words: tuple[str, ...] = ()
    hashing: PasswordHasher = HASHING_PROFILES["argon2id-19m"]
    hashing_slots: int = 2
    blocklist: Blocklist = field(default_factory=Blocklist.from_shipped, compare=False, repr=False)

    def problems(self, password: str, login: str) -> list[str]:
        """Return the problems of *password* for the account *login*; empty when it is acceptable."""
        password = normalized(password)
        if not self.minimum_length <= len(password) <= MAX_LENGTH:
            return [f"it must have {self.minimum_length} to {MAX_LENGTH} characters"]
        return [
            *self._common_problems(password, login),
            *(_cec_problems(password, login) if self.profile == "cec" else ()),
        ]

    def _common_problems(self, password: str, login: str) -> Iterator[str]:
        folded = password.casefold()
        if self.blocklist.is_blocked(password):
            yield "it is a common password, or one with a simple addition"
        for word in _parts_of(login):
            if word in folded or word[::-1] in folded:
                yield "it contains the account's name, forwards or backwards"
                break
        if any(normalized(word).casefold() in folded for word in self.context_words):
            yield "it contains a word that is easy to guess here"
        if _score(password, login, self.context_words) < _MIN_SCORE:
            yield "it is too easy to guess; use several unrelated words"


def _cec_problems(password: str, login: str) -> Iterator[str]:
    if sum(bool(re.search(group, password)) for group in _CLASSES) < 3:
        yield "it needs three of: small letters, capital letters, digits, other characters"
    if re.search(r"(.)\1\1", password, re.DOTALL):
        yield "it has the same character more than twice in a row"
    folded, name = password.casefold(), login.casefold()
    if any(name[start : start + 3] in folded for start in range(len(name) - 2)):
        yield "it has three consecutive characters of the account's name"


def _parts_of(login: str) -> Iterator[str]:
    """Yield the account name and its parts that are long enough to be significant."""
    for part in {login.casefold(), *re.split(r"[._@-]", login.casefold())}:
        if len(part) >= _MIN_WORD:
            yield part


def _score(password: str, login: str, context_words: tuple[str, ...]) -> int:
    # Its lists take 12 MiB per worker and are only needed for a new password.
    from zxcvbn import zxcvbn  # noqa: PLC0415

    score = zxcvbn(password[:_ZXCVBN_MAX], user_inputs=[login, *context_words])["score"]
    return int(score)

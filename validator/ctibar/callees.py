"""Decides which numbers an agent may have called (toll fraud), in this order.

1. The text is a number. `*` and `#` are in none, so no service code, such as a call diversion, is dialled.
2. An internal number of `calls.extensions` is allowed.
3. An ordinary number of the own country is allowed: fixed, mobile or free of charge.
4. Another number needs a prefix in `calls.allowed_prefixes`. One that is only a country's code opens the
   ordinary numbers of that country; numbers at a special rate need a longer one. A number of no country, such
   as a hotline, has at most 8 digits.

What is dialled is written from the number that was decided about, never as it was presented: `17951…`,
`0086…` and full-width digits are gone. It must read as the same number again.
"""

from dataclasses import dataclass, field

from validator.ctibar.policy import CallsPolicy
from validator.errors import Reason, Refusal
from validator.numbers.kinds import ORDINARY, NumberKind, kind_of
from validator.numbers.reading import read_number
from validator.numbers.writing import NumberForm, write_number

MAX_SHORT = 8  # digits of a number of no country


@dataclass(frozen=True, slots=True)
class Callee:
    """A number that may be called: its key, and how it is dialled. Both are private."""

    key: str = field(repr=False)
    dialled: str = field(repr=False)


class CalleeRules:
    """The rules, for people in one region."""

    def __init__(self, policy: CallsPolicy, region: str) -> None:
        self._policy, self._region = policy, region

    def check(self, text: str) -> Callee:
        """Return the number that *text* spells.

        Raises Refusal(FIELD_INVALID) when it spells none, and Refusal(CALLEE_NOT_ALLOWED) when that number
        may not be called; neither quotes it.
        """
        number = read_number(text, self._region)
        if number is None:
            raise Refusal(Reason.FIELD_INVALID, "callee: not a telephone number")
        key = number.key
        if any(each.has(key) for each in self._policy.extensions):
            return Callee(key, key)
        kind = kind_of(key, self._region)
        if not self._is_allowed(key, kind):
            raise Refusal(Reason.CALLEE_NOT_ALLOWED, f"callee: {_words(kind)} are not called from here")
        dialled = write_number(key, NumberForm.DIALLED, self._region)
        again = read_number(dialled, self._region)
        if again is None or again.key != key:
            raise Refusal(Reason.CALLEE_NOT_ALLOWED, "callee: this number cannot be dialled from here")
        return Callee(key, dialled)

    def _is_allowed(self, key: str, kind: NumberKind | None) -> bool:
        prefixes = [each for each in self._policy.allowed_prefixes if key.startswith(each)]
        if kind is None:
            return bool(prefixes) and key.isdecimal() and len(key) <= MAX_SHORT
        if kind.rate != ORDINARY:
            return any(len(each) > len(kind.country) for each in prefixes)
        return kind.is_own or bool(prefixes)


def _words(kind: NumberKind | None) -> str:
    if kind is None:
        return "short and unknown numbers"
    return "international numbers" if kind.rate == ORDINARY else f"{kind.rate} numbers"

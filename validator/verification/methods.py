"""The ways to verify a customer's answer: a PIN, a field of the directory, or the enterprise's own system.

Which customer it is: the one with the id that the flow sent, else the only one with the calling number. Of
several customers with one number none is verified. A calling number alone proves nothing: anybody can set it.
"""

import hmac
import unicodedata
from collections.abc import Callable
from typing import Protocol

from validator.customers.directory import Customer, Failed, Found, One
from validator.errors import Fault
from validator.passwords.bulkhead import Bulkhead
from validator.passwords.hashing import Passwords
from validator.verification.pins import Pins
from validator.verification.policy import VerificationRoute
from validator.verification.wire import Presented


class Method(Protocol):
    """A way to verify."""

    def find(self, tenant: str, presented: Presented) -> Customer | None:
        """Return the customer whom the flow means, if the method needs the record; raises Fault."""
        ...

    def check(
        self, tenant: str, route: VerificationRoute, presented: Presented, customer: Customer | None
    ) -> bool:
        """Return whether the answer that is *presented* is right; raises Fault when that is not known.

        *customer* is the one that `find` returned. Raises Refusal(HASHING_BUSY) when every hashing slot is
        taken. Without a customer it takes as long.
        """
        ...


class LookUp(Protocol):
    """The directory: which customers of a tenant space have a number."""

    def look_up(self, tenant: str, text: str, call_id: str | None = None) -> Found:
        """Return the customers of *tenant* with the number *text*, within the budget of a source."""
        ...


class Finder:
    """Finds the customer whom a flow means."""

    def __init__(
        self, directory: LookUp | None, by_id: Callable[[str, str], Customer | None] | None = None
    ) -> None:
        """Look numbers up in *directory*; *by_id* returns the customer of a tenant with an id."""
        self._directory, self._by_id = directory, by_id

    def find(self, tenant: str, presented: Presented) -> Customer | None:
        """Return the customer, or None when there is none, or more than one; raises Fault."""
        if presented.presented_customer:
            return self._by_id(tenant, presented.presented_customer) if self._by_id else None
        if self._directory is None:
            return None
        found = self._directory.look_up(tenant, presented.presented_number, presented.call or None)
        if isinstance(found, Failed):
            raise Fault(found.reason)
        return found.customer if isinstance(found, One) else None


class PinMethod:
    """The answer is the PIN that the customer chose; with an id no record is needed."""

    def __init__(self, pins: Pins, finder: Finder, passwords: Passwords, bulkhead: Bulkhead) -> None:
        """Hash within the slots of *bulkhead*, which logins share.

        A customer waits for a turn in the slot of known devices: the flow is a client, the attempt counted.
        """
        self._pins, self._finder = pins, finder
        self._passwords, self._bulkhead = passwords, bulkhead

    def find(self, tenant: str, presented: Presented) -> Customer | None:
        """See `Method`."""
        return None if presented.presented_customer else self._finder.find(tenant, presented)

    def check(
        self, tenant: str, route: VerificationRoute, presented: Presented, customer: Customer | None
    ) -> bool:
        """See `Method`."""
        customer_id = customer.id if customer else presented.presented_customer
        expected = self._pins.hash_of(tenant, customer_id)
        turn = f"verification:{tenant}:{customer_id or presented.presented_number}"
        with self._bulkhead.slot(turn):
            return self._passwords.verify(presented.presented_answer, expected)


class FieldsMethod:
    """The answer is a field of the customer's record, or its last characters."""

    def __init__(self, finder: Finder) -> None:
        self._finder = finder

    def find(self, tenant: str, presented: Presented) -> Customer | None:
        """See `Method`."""
        return self._finder.find(tenant, presented)

    def check(
        self, tenant: str, route: VerificationRoute, presented: Presented, customer: Customer | None
    ) -> bool:
        """See `Method`."""
        value = canonical(customer.values.get(route.field, "") if customer else "")
        expected = value[-route.last :]
        # Without a value, and with one that is too short, every answer is wrong.
        is_known = bool(expected) and len(expected) >= route.last
        answer = canonical(presented.presented_answer)
        is_equal = hmac.compare_digest(answer.encode(), expected.encode())
        return is_equal and is_known


def canonical(text: str) -> str:
    """Return the letters and digits of *text*, in capitals, without marks, blanks or separators.

    So `2026-11-30` is the `20261130` of a keypad, which has `*` for the letter X of an identity card.
    """
    folded = unicodedata.normalize("NFKC", text).upper().replace("*", "X")
    return "".join(character for character in folded if character.isalnum())

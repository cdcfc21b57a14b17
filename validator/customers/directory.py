"""The one question about customers: who has this number? None, one, several and "not known now" stay apart.

A source answers within the budget; later than that, its result is dropped and the outcome is `Failed`. A
failed look-up is never shown as "no customer": an agent would then greet a customer as a stranger.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Protocol

from validator.errors import Fault, Reason
from validator.numbers.reading import Number, read_number
from validator.outgoing import OutgoingSystem, slots_below

BUDGET = timedelta(seconds=1.5)
MAX_MATCHES = 5


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer: the enterprise's id, the keys of the numbers, the values of the fields; all private."""

    id: str = field(repr=False)
    numbers: tuple[str, ...] = field(repr=False)
    values: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Nobody:
    """No customer has the number."""


@dataclass(frozen=True, slots=True)
class One:
    """Exactly one customer has the number."""

    customer: Customer


@dataclass(frozen=True, slots=True)
class Several:
    """Several customers have the number; *more*: there are others beside these `MAX_MATCHES`."""

    customers: tuple[Customer, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """The source did not answer in time, or not properly: nothing is known."""

    reason: Reason


Found = Nobody | One | Several | Failed


class Source(Protocol):
    """Where customers are."""

    def find(self, tenant: str, number: Number, maximum: int) -> Sequence[Customer]:
        """Return at most *maximum* customers of *tenant* with *number*; raises Fault, OSError."""
        ...

    def close(self) -> None:
        """Close the connections that only this source has."""
        ...


class Directory:
    """Looks customers up in a source, from several threads."""

    def __init__(self, source: Source, region: str, *, threads: int, budget: timedelta = BUDGET) -> None:
        """Read numbers for people in *region*; look up in a pool of *threads*, each time within *budget*."""
        threads = max(2, threads)
        self._system = OutgoingSystem("customers", slots=slots_below(threads), threads=threads)
        self._source, self._region, self._budget = source, region, budget

    def look_up(self, tenant: str, text: str) -> Found:
        """Return which customers of *tenant* have the number that *text* spells.

        Without a number in *text* there is nothing to look up: no customer has it.
        """
        number = read_number(text, self._region)
        if number is None:
            return Nobody()
        find = partial(self._source.find, tenant, number, MAX_MATCHES + 1)
        try:
            customers = self._system.use(find, self._budget)
        except Fault as fault:
            return Failed(fault.reason)
        # A record of another number is a damaged index or a lying source: never show it to anybody.
        if any(number.key not in customer.numbers for customer in customers):
            return Failed(Reason.SYSTEM_FAILED)
        return _found(customers)

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def _found(customers: Sequence[Customer]) -> Found:
    if not customers:
        return Nobody()
    if len(customers) == 1:
        return One(customers[0])
    return Several(tuple(customers[:MAX_MATCHES]), more=len(customers) > MAX_MATCHES)

"""The one question about customers: who has this number? None, one, several and "not known now" stay apart.

Anybody who calls causes look-ups of the cloud, and can choose numbers for which a source is slow. So agents'
look-ups have a separate share: neither side uses up the other's slots, or begins the other's cool-down.

A source answers within the budget; later than that, its result is dropped and the outcome is `Failed`. A
failed look-up is never shown as "no customer": an agent would then greet a customer as a stranger.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Protocol

from validator.errors import Fault, Reason
from validator.numbers.reading import Number, read_number
from validator.outgoing import OutgoingSystem, slots_below

BUDGET = timedelta(seconds=1.5)
MAX_MATCHES = 5
NOBODYS = Number("00", "00")  # the prefix of international calls alone: no subscriber and no short number


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


class Share(StrEnum):
    """Whose look-ups: those that callers cause, or agents'. The words are labels of metrics."""

    CALLERS = "customers"
    AGENTS = "customers_agents"


class Source(Protocol):
    """Where customers are."""

    def find(self, tenant: str, number: Number, maximum: int, call_id: str | None, /) -> Sequence[Customer]:
        """Return at most *maximum* customers of *tenant* with *number*; raises Fault, OSError.

        *call_id* is the cloud's id of the call, if it is known.
        """
        ...

    def close(self) -> None:
        """Close the connections that only this source has."""
        ...


class Directory:
    """Looks customers up in a source, from several threads."""

    def __init__(
        self,
        source: Source,
        region: str,
        *,
        threads: int,
        budget: timedelta = BUDGET,
        shares: Collection[Share] = (Share.CALLERS,),
    ) -> None:
        """Read numbers for people in *region*; look up in a pool of *threads*, each time within *budget*.

        Each of *shares* has a bulkhead; without a separate one, agents use the callers'.
        """
        threads = max(len(shares) + 1, threads)
        slots = slots_below(threads, len(shares))
        self._systems = {share: OutgoingSystem(share, slots=slots, threads=threads) for share in shares}
        self._source, self._region, self._budget = source, region, budget

    def look_up(
        self, tenant: str, text: str, call_id: str | None = None, *, share: Share = Share.CALLERS
    ) -> Found:
        """Return which customers of *tenant* have the number that *text* spells, in the call *call_id*.

        *share* has caused the look-up. Without a number in *text* there is nothing to look up: no customer
        has it.
        """
        number = read_number(text, self._region)
        if number is None:
            return Nobody()
        try:
            return _found(self._find(tenant, number, call_id, share))
        except Fault as fault:
            return Failed(fault.reason)

    def probe(self, tenant: str) -> None:
        """Look up a number that nobody has; raises Fault when the look-up fails."""
        self._find(tenant, NOBODYS, None, Share.CALLERS)

    def _find(self, tenant: str, number: Number, call_id: str | None, share: Share) -> Sequence[Customer]:
        system = self._systems.get(share) or self._systems[Share.CALLERS]
        find = partial(self._source.find, tenant, number, MAX_MATCHES + 1, call_id)
        customers = system.use(find, self._budget)
        # A record of another number is a damaged index or a lying source: never show it to anybody.
        if any(number.key not in customer.numbers for customer in customers):
            raise Fault(Reason.SYSTEM_FAILED, "the source returns customers with other numbers")
        return customers

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def _found(customers: Sequence[Customer]) -> Found:
    if not customers:
        return Nobody()
    if len(customers) == 1:
        return One(customers[0])
    return Several(tuple(customers[:MAX_MATCHES]), more=len(customers) > MAX_MATCHES)

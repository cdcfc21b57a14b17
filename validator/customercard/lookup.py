"""Decides agents' look-ups for the customer who calls, in this order.

1. The limit of the person; the route counts the source.
2. The person has an account at the cloud: a customer who chats has a session here, too. The tenant space is
   always the agent's own, and has a limit that only agents use up.
3. The directory. Misses are counted apart, since they are what trying out numbers looks like.

Each decision is recorded before it is returned, with the agent's name and this month's name of the number
instead of the number. A masked value is shown on request only, and each such request is recorded.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from validator.audit.events import EventName
from validator.audit.trail import AuditTrail
from validator.clock import stopwatch
from validator.customers.catalogue import CatalogueField, Mask, Place
from validator.customers.directory import Customer, Failed, Found, One, Several, Share
from validator.customers.policy import CustomersPolicy
from validator.errors import Fault, Reason, Refusal
from validator.limits.rate_limits import RateLimits
from validator.metrics.instruments import CUSTOMER_LOOKUPS, child
from validator.tokens.personevents import event_of
from validator.tokens.principals import Person

NONE, ONE, SEVERAL, WITHHELD = "none", "one", "several", "withheld"
_LOOK_UP, _UNMASK = EventName.CUSTOMER_LOOKUP, EventName.CUSTOMER_UNMASKED
_LIMITS = {_LOOK_UP: "lookup_agent", _UNMASK: "unmask_agent"}
# The cloud's ids of calls: seconds since 1970 and a counter. The trail gets no other text, which could have a
# number in it.
_CALL = re.compile(r"[0-9]{10}-[0-9]{1,10}", re.ASCII)


class LookUp(Protocol):
    """The directory: which customers of a tenant space have a number."""

    def look_up(self, tenant: str, text: str, call_id: str | None = None, *, share: Share) -> Found:
        """Return the customers of *tenant* with the number *text*, as a look-up of *share*.

        *call_id* is the cloud's id of the call.
        """
        ...


@dataclass(frozen=True, slots=True)
class Match:
    """A customer with the number, the card's reference to it, and the link into the CRM, if there is one."""

    ref: str
    customer: Customer = field(repr=False)
    link: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Matches:
    """What a look-up found, in a word; *more*: there are other customers beside these."""

    found: str
    matches: tuple[Match, ...]
    more: bool


class CustomerCards:
    """Finds what agents' cards show, for one server."""

    def __init__(
        self,
        directory: LookUp,
        policy: CustomersPolicy,
        rate_limits: RateLimits,
        trail: AuditTrail,
        name_number: Callable[[str, str], str | None],
        name_customer: Callable[[str, str], str],
    ) -> None:
        """Look up by *policy*.

        *name_number* returns the trail's name of a tenant's number, None for a text without one;
        *name_customer* returns a name of the customer of a tenant with an id, which reveals nothing of it.
        """
        self._directory, self._policy = directory, policy
        self._rate_limits, self._trail = rate_limits, trail
        self._name_number, self._name_customer = name_number, name_customer

    def look_up(self, caller: Person, text: str, presented_call: str | None = None) -> Matches:
        """Return the customers with the number *text*, for the card of *caller*.

        *presented_call* is the cloud's id of the call. Raises Refusal, and Fault when nothing is known.
        """
        began = stopwatch()
        self._admit(_LOOK_UP, caller)
        name = self._name_number(caller.account.tenant, text)
        call = presented_call if _CALL.fullmatch(presented_call or "") else None
        found = self._find(_LOOK_UP, caller, text, name, call)
        milliseconds = round((stopwatch() - began) * 1000)
        detail = (
            f"{found.found}, {len(found.matches)} shown, {milliseconds} ms{f', call {call}' if call else ''}"
        )
        self._record(_LOOK_UP, caller, found.found, None, name, detail)
        return found

    def unmask(self, caller: Person, text: str, ref: str, field_name: str) -> tuple[CatalogueField, str]:
        """Return a masked field of the customer *ref* with the number *text*, and its whole value.

        Raises Refusal(CUSTOMER_UNKNOWN) when the customer or the value is not there, or the field is none
        that a card masks; and Fault.
        """
        self._admit(_UNMASK, caller)
        name = self._name_number(caller.account.tenant, text)
        found = self._find(_UNMASK, caller, text, name)
        field_and_value = self._masked_value(found, ref, field_name)
        if field_and_value is None:
            refusal = Refusal(Reason.CUSTOMER_UNKNOWN)
            self._record(_UNMASK, caller, "refused", refusal, name)
            raise refusal
        self._record(_UNMASK, caller, "unmasked", None, name, f"field {field_and_value[0].name}")
        return field_and_value

    def _admit(self, event: EventName, caller: Person) -> None:
        """Raise Refusal unless *caller* is an agent, within the limits."""
        self._rate_limits.hit(_LIMITS[event], caller.label)
        if not caller.is_agent:
            refusal = Refusal(Reason.IDENTITY_MISSING)
            self._record(event, caller, "refused", refusal)
            raise refusal
        self._rate_limits.hit("lookup_tenant", caller.account.tenant)
        self._rate_limits.test("lookup_misses", caller.label)

    def _find(
        self, event: EventName, caller: Person, text: str, name: str | None, call_id: str | None = None
    ) -> Matches:
        """Return what is found for *text*, whose number has *name* in the trail; raises Fault.

        A text without a number is no miss: callers who withhold theirs cannot use that limit up.
        """
        if name is None:
            return Matches(WITHHELD, (), more=False)
        found = self._directory.look_up(caller.account.tenant, text, call_id, share=Share.AGENTS)
        if isinstance(found, Failed):
            fault = Fault(found.reason)
            self._record(event, caller, "failed", fault, name)
            raise fault
        if isinstance(found, One):
            return Matches(ONE, (self._match(caller, found.customer),), more=False)
        if isinstance(found, Several):
            matches = tuple(self._match(caller, customer) for customer in found.customers)
            return Matches(SEVERAL, matches, found.more)
        self._rate_limits.hit("lookup_misses", caller.label)
        return Matches(NONE, (), more=False)

    def _match(self, caller: Person, customer: Customer) -> Match:
        link, known = self._policy.card_link, self._policy.catalogue
        shown = known.shown(customer.values, Place.CARD)
        values = {**shown, "id": customer.id, "number": customer.numbers[0]}
        ref = self._name_customer(caller.account.tenant, customer.id)
        return Match(ref, customer, link.url(values) if link else None)

    def _masked_value(self, found: Matches, ref: str, field_name: str) -> tuple[CatalogueField, str] | None:
        fields = [each for each in self._policy.catalogue.fields if each.name == field_name]
        matches = [each for each in found.matches if hmac.compare_digest(each.ref.encode(), ref.encode())]
        for each in fields if matches else ():
            value = matches[0].customer.values.get(each.name, "")
            if value and each.mask is not Mask.NONE and Place.CARD in each.show:
                return each, value
        return None

    def _record(
        self,
        event: EventName,
        caller: Person,
        found: str,
        error: Refusal | Fault | None,
        subject: str | None = None,
        detail: str | None = None,
    ) -> None:
        child(CUSTOMER_LOOKUPS, found).inc()
        self._trail.append(event_of(caller, event, error, subject, detail))

"""Answers IVR flows, which fetch a few fields of the customer who calls, in this order.

1. The gate: a backend client for `ivr` of one tenant space (`validator.tokens.servicegate`).
2. The limit of misses: numbers that are tried out show as misses. A call without a number is none.
3. The directory. Only the fields that the query names are given, and only those that the catalogue shows to
   flows, masked as it says. Of several customers with one number nothing is given: a flow must not guess.

Each query is recorded before it is answered, with this month's name of the number instead of the number.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.clock import stopwatch
from validator.customers.catalogue import Catalogue, Place
from validator.customers.directory import Failed, Found, One, Several
from validator.errors import Fault, Refusal
from validator.exchange import Exchange
from validator.ivr import wire
from validator.ivr.policy import IvrPolicy
from validator.limits.rate_limits import RateLimits
from validator.metrics.instruments import IVR_QUERIES, child
from validator.tokens.authentication import Credentials
from validator.tokens.servicegate import Admitted, ServiceGate


class LookUp(Protocol):
    """The directory: which customers of a tenant space have a number."""

    def look_up(self, tenant: str, text: str) -> Found:
        """Return the customers of *tenant* with the number *text*, within the budget of a source."""
        ...


class IvrQuery:
    """Answers the flows' queries of one server."""

    def __init__(
        self,
        gate: ServiceGate,
        directory: LookUp,
        catalogue: Catalogue,
        rate_limits: RateLimits,
        trail: AuditTrail,
        policy: IvrPolicy,
        name_number: Callable[[str, str], str | None],
    ) -> None:
        """Answer by *policy*; *name_number* returns the trail's name of a tenant's number, if it is one."""
        self._gate, self._directory, self._catalogue = gate, directory, catalogue
        self._rate_limits, self._trail = rate_limits, trail
        self._policy, self._name_number = policy, name_number

    def answer(
        self, exchange: Exchange, credentials: Credentials, name: str, read: Callable[[], bytes]
    ) -> bytes:
        """Return the body with the fields of the query *name*, for the body of the request from *read*.

        Raises Refusal when it is not allowed, malformed or one too many, and Fault when nothing is known.
        """
        admitted, began = self._gate.admit(exchange, credentials), stopwatch()
        self._rate_limits.test("ivr_misses", admitted.tenant)
        try:
            text = wire.parse(read())
        except Refusal as refusal:
            self._record(admitted, refusal, f"{name}, unreadable", None)
            raise
        number = self._name_number(admitted.tenant, text)
        found, values = self._find(admitted, name, text, number)
        if found == wire.NONE and number is not None:
            self._rate_limits.hit("ivr_misses", admitted.tenant)
        child(IVR_QUERIES, found).inc()
        milliseconds = round((stopwatch() - began) * 1000)
        self._record(admitted, None, f"{name}, {found}, {milliseconds} ms", number)
        shown = self._catalogue.shown(values, Place.IVR)
        return wire.render(found, {field: shown.get(field, "") for field in self._policy.queries[name]})

    def _find(
        self, admitted: Admitted, name: str, text: str, number: str | None
    ) -> tuple[str, Mapping[str, str]]:
        """Return what was found, in a word, and the values of the only customer; raises Fault."""
        if number is None:
            return wire.NONE, {}
        found = self._directory.look_up(admitted.tenant, text)
        if isinstance(found, Failed):
            fault = Fault(found.reason)
            child(IVR_QUERIES, wire.FAILED).inc()
            self._record(admitted, fault, f"{name}, {wire.FAILED}", number)
            raise fault
        if isinstance(found, One):
            return wire.ONE, found.customer.values
        return (wire.SEVERAL if isinstance(found, Several) else wire.NONE), {}

    def _record(
        self, admitted: Admitted, error: Refusal | Fault | None, detail: str, subject: str | None
    ) -> None:
        reason = error.reason if error else None
        event = Event(EventName.IVR_QUERY, Outcome.of(reason), reason, tenant=admitted.tenant)
        self._trail.append(event._replace(subject=subject, by=admitted.label, detail=detail))

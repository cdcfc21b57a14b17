"""Decides the cloud's queries for the customer who calls, in this order.

1. The route's guard: the secret, and in addition the networks and the certificate. What fails here is counted
   per source only: another tenant of the cloud, which shares its addresses, takes nothing from this one.
2. The limits of the tenant space, and of each source within it.
3. A masked number (`152****1028`) is never looked up: it would be somebody else's, or a search by a pattern.
4. The directory. Misses are counted apart, since they are what trying out numbers looks like. A call without
   a number is no miss: callers who withhold theirs cannot use that limit up.

Each decision is recorded before it is returned, with this month's name of the number instead of the number.
What cannot be decided is a Fault.
"""

from collections.abc import Callable
from typing import Protocol

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.clock import stopwatch
from validator.customerquery import wire
from validator.customerquery.policy import QueryPolicy
from validator.customers.catalogue import Catalogue
from validator.customers.directory import Customer, Failed, Found, One, Several
from validator.errors import Fault, Refusal
from validator.exchange import Exchange
from validator.limits.rate_limits import RateLimits, source_bucket
from validator.metrics.instruments import CUSTOMER_QUERIES, child
from validator.routeguard import RouteGuard
from validator.tenants import Tenants

_STARS = "*＊"
_MISS = "none"


class LookUp(Protocol):
    """The directory: which customers of a tenant space have a number."""

    def look_up(self, tenant: str, text: str) -> Found:
        """Return the customers of *tenant* with the number *text*, within the budget of a source."""
        ...


class CustomerQuery:
    """Answers the cloud's queries of one server."""

    def __init__(
        self,
        directory: LookUp,
        catalogue: Catalogue,
        tenants: Tenants,
        rate_limits: RateLimits,
        trail: AuditTrail,
        policy: QueryPolicy,
        name_number: Callable[[str, str], str | None],
    ) -> None:
        """Answer by *policy*; *name_number* returns the trail's name of a tenant's number, if it is one."""
        self._directory, self._catalogue, self._policy = directory, catalogue, policy
        self._tenants, self._name_number = tenants, name_number
        self._rate_limits, self._trail = rate_limits, trail
        self._guards = {tenant: RouteGuard(tenant, policy.access) for tenant in policy.routes}

    def answer(
        self,
        exchange: Exchange,
        tenant: str,
        presented: tuple[str | None, str | None],
        read: Callable[[], str],
    ) -> bytes:
        """Return the body for the number that *read* returns from the request of *exchange*.

        *presented* are the secret and the user of the request, unproven. Raises Refusal when it is malformed,
        not allowed or one too many, and Fault when nothing is known.
        """
        began = stopwatch()
        try:
            self._guards[tenant].check(exchange, *presented)
        except Refusal as refusal:
            self._rate_limits.hit("query_foreign", source_bucket(exchange))
            self._record(tenant, refusal, "foreign")
            raise
        source = f"{tenant}:{source_bucket(exchange)}"
        self._rate_limits.hit_all(("query_source", source), ("query_tenant", tenant))
        self._rate_limits.test("query_misses", source)
        try:
            self._tenants.check_active(tenant)
            text = read()
        except Refusal as refusal:
            self._record(tenant, refusal, "refused")
            raise
        name = self._name_number(tenant, text)
        found = self._find(tenant, text, name)
        if found[0] == _MISS:
            self._rate_limits.hit("query_misses", source)
        body = wire.render(found[1], self._catalogue, self._policy)
        milliseconds = round((stopwatch() - began) * 1000)
        detail = f"{found[0]}, {len(found[1])} shown, {milliseconds} ms"
        self._record(tenant, None, found[0], detail, name)
        return body

    def _find(self, tenant: str, text: str, name: str | None) -> tuple[str, tuple[Customer, ...]]:
        """Return what was found, in a word, and the customers to show; *name* is None without a number.

        Raises Fault.
        """
        if any(star in text for star in _STARS):
            return "masked", ()
        if name is None:
            return "withheld", ()
        found = self._directory.look_up(tenant, text)
        if isinstance(found, Failed):
            fault = Fault(found.reason)
            self._record(tenant, fault, "failed", subject=name)
            raise fault
        if isinstance(found, One):
            return "one", (found.customer,)
        if isinstance(found, Several):
            return "several", found.customers[: self._policy.max_customers]
        return _MISS, ()

    def _record(
        self,
        tenant: str,
        error: Refusal | Fault | None,
        found: str,
        detail: str | None = None,
        subject: str | None = None,
    ) -> None:
        reason = error.reason if error else None
        child(CUSTOMER_QUERIES, found).inc()
        outcome = Outcome.of(reason)
        self._trail.append(
            Event(EventName.CUSTOMER_QUERY, outcome, reason, tenant=tenant, subject=subject, detail=detail)
        )

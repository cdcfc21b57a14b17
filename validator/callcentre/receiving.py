"""Receives pushed call records, in this order.

1. The route's guard: the secret, and in addition the networks. What fails here is counted per source only.
2. The limit of the route. It is separate from every limit about customers.
3. The tenant space is active, and the body complete and not too large.
4. A record that can be read is stored. Anything else goes into the quarantine, and is acknowledged, too: the
   sender perhaps never sends it again, so a loss is worse than something unreadable.

The acknowledgement is returned after the database has it on the disk, and in no other case. Refusals and what
goes into the quarantine are recorded in the audit trail, the receipts of records are not.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.callcentre.policy import CallRecordsPolicy, RecordRoute
from validator.callcentre.quarantine import Quarantine
from validator.callcentre.record import CallRecord
from validator.callcentre.records import CallRecords
from validator.errors import Fault, Reason, Refusal, ValidatorError
from validator.exchange import Exchange
from validator.limits.rate_limits import RateLimits, source_bucket
from validator.metrics.instruments import CALL_RECORDS, child
from validator.routeguard import RouteGuard
from validator.tenants import Tenants


class Format(Protocol):
    """The format of one source: how its records are read, and what is responded."""

    accepted: bytes
    failed: bytes

    def parse(self, body: bytes) -> CallRecord | None:
        """Return the record in *body*, None for another event of a call.

        Raises Refusal, whose detail quotes nothing of it.
        """
        ...


class Receiver:
    """Receives the records of one server's routes."""

    def __init__(
        self,
        policy: CallRecordsPolicy,
        formats: Mapping[str, Format],
        records: CallRecords,
        quarantine: Quarantine,
        tenants: Tenants,
        rate_limits: RateLimits,
        trail: AuditTrail,
    ) -> None:
        """Receive as *policy* says, in the *formats* of the sources."""
        self._routes, self._formats = policy.routes, formats
        self._records, self._quarantine, self._tenants = records, quarantine, tenants
        self._rate_limits, self._trail = rate_limits, trail
        self._guards = {name: RouteGuard(name, policy.access) for name in policy.routes}

    def receive(
        self,
        exchange: Exchange,
        name: str,
        presented: tuple[str | None, str | None],
        read: Callable[[], bytes],
    ) -> bytes:
        """Return the body of the response to the push of *exchange* on the route *name*.

        *presented* are the secret and the user of the request, unproven; *read* returns its body. Raises
        Refusal when it is not allowed, and Fault when nothing is stored.
        """
        route = self._routes[name]
        try:
            self._guards[name].check(exchange, *presented)
        except Refusal as refusal:
            self._rate_limits.hit("callrecords_foreign", source_bucket(exchange))
            self._record(route, refusal, "refused")
            raise
        self._rate_limits.hit("callrecords_route", f"{route.source}:{route.tenant}")
        try:
            self._tenants.check_active(route.tenant)
            body = read()
        except Refusal as refusal:
            self._record(route, refusal, "refused")
            raise
        self._store(route, body)
        return self._formats[route.source].accepted

    def _store(self, route: RecordRoute, body: bytes) -> None:
        """Store the record in *body*, or else the body; raises Fault."""
        try:
            record = self._formats[route.source].parse(body)
            if record is None:
                child(CALL_RECORDS, route.source, "ignored").inc()
                return
            result = self._records.put(route.tenant, route.source, record)
            result.check()
        except Refusal as refusal:
            self._set_aside(route, body, refusal)
            return
        child(CALL_RECORDS, route.source, result.value).inc()

    def _set_aside(self, route: RecordRoute, body: bytes, why: Refusal) -> None:
        try:
            is_new = self._quarantine.add(route.tenant, route.source, body, why.detail or why.reason)
        except Fault as fault:
            if fault.reason is Reason.QUARANTINE_FULL:
                self._record(route, fault, "refused")
            raise
        if is_new:
            self._record(route, why, "quarantined")
        else:
            child(CALL_RECORDS, route.source, "repeated").inc()

    def _record(self, route: RecordRoute, error: ValidatorError, result: str) -> None:
        child(CALL_RECORDS, route.source, result).inc()
        detail = f"{route.source}, {result}" + (f": {error.detail}" if error.detail else "")
        event = Event(EventName.CALL_RECORD, Outcome.REFUSED, error.reason, tenant=route.tenant)
        self._trail.append(event._replace(detail=detail))

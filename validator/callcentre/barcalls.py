"""Keeps the calls of the cloud's own bar that logged-in agents report, in this order.

1. The limit of the agent: nobody uses up another agent's.
2. The report names an account at the cloud that is the agent's own, and times that the server's clock allows.
3. The limit of the tenant space: refused reports use up none of it.
4. The record is stored, like those of other sources.

Refusals after 1 are recorded in the audit trail; stored records are counted, as those of other sources.
"""

from collections.abc import Mapping
from typing import Any

from validator.audit.events import EventName
from validator.audit.trail import AuditTrail
from validator.callcentre.barwire import Report, parse_report
from validator.callcentre.policy import BAR
from validator.callcentre.record import CallRecord
from validator.callcentre.records import CallRecords, Result
from validator.clock import Clock
from validator.errors import Refusal
from validator.limits.rate_limits import RateLimits
from validator.metrics.instruments import CALL_RECORDS, child
from validator.tokens.claims import Audience, TokenRequest
from validator.tokens.personevents import event_of
from validator.tokens.principals import Person


class BarCalls:
    """The reports of agents about calls of their bars."""

    def __init__(
        self, records: CallRecords, rate_limits: RateLimits, trail: AuditTrail, clock: Clock
    ) -> None:
        """Store in *records*; the times of a report are compared with *clock*."""
        self._records, self._rate_limits = records, rate_limits
        self._trail, self._clock = trail, clock

    def report(self, caller: Person, presented: Mapping[str, Any]) -> None:
        """Store the call that *caller* reports; raises Refusal, and Fault when it is not stored."""
        self._rate_limits.hit("barcalls_agent", caller.label)
        try:
            result = self._stored(caller, parse_report(presented))
        except Refusal as refusal:
            self._record(caller, refusal)
            raise
        child(CALL_RECORDS, BAR, result.value).inc()

    def _stored(self, caller: Person, report: Report) -> Result:
        tenant, record = caller.account.tenant, self._own(caller, report)
        self._rate_limits.hit("barcalls_tenant", tenant)
        result = self._records.put(tenant, BAR, record)
        result.check()
        return result

    def _own(self, caller: Person, report: Report) -> CallRecord:
        """Return the record of *report*, if the agent that it names is *caller*; raises Refusal."""
        caller.subject_of(TokenRequest(Audience.AGENT, None, report.user_account))
        return report.record(caller.account, self._clock.now())

    def _record(self, caller: Person, refusal: Refusal) -> None:
        child(CALL_RECORDS, BAR, "refused").inc()
        detail = f"{BAR}, refused" + (f": {refusal.detail}" if refusal.detail else "")
        self._trail.append(event_of(caller, EventName.CALL_RECORD, refusal, detail=detail))

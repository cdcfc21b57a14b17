"""Gives logged-in agents tokens of the other call centre, and has it call numbers for them.

A token, in this order: the limit of the agent, the link (without one there is nothing here), the login.

A call, in this order: the limit of the agent, the link, the rules of `validator.ctibar.callees`, the limit of
the tenant space, the call. So nobody uses up another agent's limit, and refused numbers use up no tenant's.
The limits count the attempt: after a fault it is unknown whether the centre makes the call.

Each decision is recorded before it is returned, with this month's name of the number instead of the number.
The limits here and the rules bind the calls through this server. The bar has the token too, and what that may
call is up to the centre.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from validator.audit.events import EventName
from validator.audit.trail import AuditTrail
from validator.clock import Clock
from validator.ctibar.callees import CalleeRules
from validator.ctibar.centrewire import CentreLogin
from validator.ctibar.logins import CentreLogins
from validator.errors import Fault, Refusal
from validator.limits.rate_limits import RateLimits
from validator.tokens.personevents import event_of
from validator.tokens.principals import Person

SOURCE = "ctibar"  # of a call's record
# The centre's usual ids of calls. The trail gets no other text, which could have a number in it.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


class Expected(Protocol):
    """Takes a note that a call's record should come."""

    def __call__(self, tenant: str, source: str, call_id: str, at: datetime) -> None:
        """Note that *source* should push a record of the call *call_id* of *tenant*, made *at*."""
        ...


class Broker:
    """The other call centre, for logged-in agents."""

    def __init__(
        self,
        logins: CentreLogins,
        rules: CalleeRules,
        rate_limits: RateLimits,
        trail: AuditTrail,
        name_number: Callable[[str, str], str | None],
        clock: Clock,
        expected: Expected | None = None,
    ) -> None:
        """Name numbers in the trail by *name_number*; without *expected* no record of a call is missed."""
        self._logins, self._rules = logins, rules
        self._rate_limits, self._trail = rate_limits, trail
        self._name_number, self._clock, self._expected = name_number, clock, expected

    def session(self, caller: Person, presented_refused: int | None = None) -> CentreLogin:
        """Return the login of *caller* at the centre; raises Refusal and Fault.

        The one that ends at *presented_refused* (epoch seconds) is replaced: the bar cannot connect with it.
        """
        self._rate_limits.hit("ctibar_agent", caller.label)
        self._trail.check()
        try:
            login = self._logins.current(caller.account, presented_refused)
        except (Refusal, Fault) as error:
            self._record(EventName.CTIBAR_SESSION, caller, error)
            raise
        self._record(EventName.CTIBAR_SESSION, caller)
        return login

    def make_call(self, caller: Person, presented_callee: str) -> str:
        """Have the centre call *presented_callee*; return its id of the call. Raises Refusal and Fault."""
        self._rate_limits.hit("calls_agent", caller.label)
        self._trail.check()
        name = self._name_number(caller.account.tenant, presented_callee)
        try:
            call_id = self._placed(caller, presented_callee)
        except (Refusal, Fault) as error:
            self._record(EventName.CALL_OUT, caller, error, name)
            raise
        self._record(
            EventName.CALL_OUT, caller, None, name, f"call {call_id}" if _UUID.fullmatch(call_id) else None
        )
        if self._expected is not None:
            self._expected(caller.account.tenant, SOURCE, call_id, self._clock.now())
        return call_id

    def see_call(self, caller: Person, presented_call: str) -> None:
        """Expect the record of a call that the bar of *caller* shows; raises Refusal without a link."""
        self._rate_limits.hit("calls_seen", caller.label)
        self._logins.require(caller.account)
        if self._expected is not None:
            self._expected(caller.account.tenant, SOURCE, presented_call, self._clock.now())

    def _placed(self, caller: Person, presented_callee: str) -> str:
        self._logins.require(caller.account)
        callee = self._rules.check(presented_callee)
        self._rate_limits.hit("calls_tenant", caller.account.tenant)
        return self._logins.make_call(caller.account, callee.dialled).call_id

    def _record(
        self,
        event: EventName,
        caller: Person,
        error: Refusal | Fault | None = None,
        subject: str | None = None,
        detail: str | None = None,
    ) -> None:
        self._trail.append(event_of(caller, event, error, subject, detail))

"""Decides whether a customer is who they say they are, in this order.

1. The gate: a backend client for `verification` of one tenant space (`validator.tokens.servicegate`).
2. The request is read; what is malformed is refused, and counts as no attempt.
3. The customer is found, where the method needs the record.
4. An attempt is reserved (`validator.verification.attempts`), also for a customer who does not exist.
5. The method verifies the answer. What cannot be decided gives the attempt back, and so does a right answer.
6. The result is recorded and stored, then returned.

What cannot be decided is result 3, never 1, and never an empty body. The trail has this month's name of the
number, and neither the number, nor the customer, nor the answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.causes import cause_name
from validator.clock import Clock, stopwatch
from validator.customers.directory import Customer
from validator.errors import Fault, Reason, Refusal, ValidatorError
from validator.exchange import Exchange
from validator.metrics.instruments import FAULTS, VERIFICATIONS, child
from validator.tokens.authentication import Credentials
from validator.tokens.servicegate import ServiceGate
from validator.verification import wire
from validator.verification.attempts import Attempt, Attempts
from validator.verification.methods import Finder, Method, canonical
from validator.verification.policy import VerificationPolicy, VerificationRoute
from validator.verification.results import Cause, Results, Verified
from validator.verification.wire import Presented, Result

_RESULTS = {Cause.PASSED: Result.PASSED, Cause.WRONG: Result.FAILED, Cause.BLOCKED: Result.FAILED}
_REASONS = {Cause.WRONG: Reason.ANSWER_WRONG, Cause.BLOCKED: Reason.ATTEMPTS_USED_UP}
_WITHHELD = "withheld"  # in place of a number that cannot be read

log = structlog.get_logger("validator.verification")


@dataclass(frozen=True, slots=True)
class Decision:
    """How a verification ended, why, and the customer, if the method knows one."""

    cause: Cause
    reason: Reason | None = None
    customer: Customer | None = None

    @property
    def result(self) -> Result:
        """The cloud's word for it."""
        return _RESULTS.get(self.cause, Result.EXCEPTION)


class Verification:
    """Verifies the customers of one server."""

    def __init__(
        self,
        gate: ServiceGate,
        methods: Mapping[str, Method],
        attempts: Attempts,
        results: Results,
        trail: AuditTrail,
        policy: VerificationPolicy,
        clock: Clock,
        finder: Finder,
        number_key: Callable[[str], str | None],
        name_number: Callable[[str, str], str | None],
    ) -> None:
        """Verify by *methods*, as *policy* says.

        *number_key* returns the one key of a number in any spelling, *name_number* the trail's name of a
        tenant's number; both None for text that is no number.
        """
        self._gate, self._methods, self._attempts, self._results = gate, methods, attempts, results
        self._trail, self._policy, self._clock = trail, policy, clock
        self._finder = finder
        self._number_key, self._name_number = number_key, name_number

    def answer(
        self, exchange: Exchange, credentials: Credentials, code: str, read: Callable[[], bytes]
    ) -> bytes:
        """Return the answer to the request of *exchange*, whose body *read* returns.

        Raises Refusal when it is not allowed, malformed or one too many, and Fault without a trail.
        """
        admitted = self._gate.admit(exchange, credentials)
        try:
            presented = wire.parse(read(), self._policy.names)
        except Refusal as refusal:
            self._append(admitted.label, admitted.tenant, refusal.reason, f"{code}, unreadable")
            raise
        return self.verify(admitted.label, admitted.tenant, code, presented, exchange.request_id)

    def verify(self, by: str, tenant: str, code: str, presented: Presented, request_id: str) -> bytes:
        """Return the answer to what is *presented* for *tenant* by a caller that may; raises Fault."""
        began, route = stopwatch(), self._policy.routes[code]
        decision, key = self._decided(tenant, route, presented)
        self._record(by, tenant, route, presented, decision, began)
        fault = self._store(tenant, route, presented, decision, key)
        if fault is not None:  # a result that no agent's page can find is none
            decision = _undecided(fault)
            self._record(by, tenant, route, presented, decision, began)
        child(VERIFICATIONS, route.method, decision.cause).inc()
        returned = route.method, self._shown_name(decision), request_id
        return wire.render(presented, decision.result, returned, self._policy.answer)

    def reset(self, tenant: str, number: str, customer_id: str) -> int:
        """Forget the attempts at the customer with an id, or else a number; return how many there were."""
        presented = Presented(presented_number=number, presented_customer=customer_id)
        found = None if customer_id else self._finder.find(tenant, presented)
        keys = {self._key(tenant, presented, customer) for customer in (found, None)}
        return sum(map(self._attempts.reset, keys))

    def _key(self, tenant: str, presented: Presented, customer: Customer | None) -> str:
        """Return the key of the attempts at *customer*, else at the id or number that is *presented*."""
        customer_id = customer.id if customer else presented.presented_customer
        # Canonical, or another spelling of an id would be another customer with further attempts.
        who = f"id:{canonical(customer_id)}" if customer_id else f"number:{self._number(presented)}"
        return self._attempts.key(tenant, who)

    def _number(self, presented: Presented) -> str:
        return self._number_key(presented.presented_number) or _WITHHELD

    def _decided(self, tenant: str, route: VerificationRoute, presented: Presented) -> tuple[Decision, str]:
        """Return the decision, and the key of the customer's attempts; "" when it is not known."""
        try:
            customer = self._methods[route.method].find(tenant, presented)
            key = self._key(tenant, presented, customer)
            caller = self._attempts.key(tenant, f"caller:{self._number(presented)}")
            attempt = self._attempts.reserve(key, caller)
        except Fault as fault:
            return _undecided(fault), ""
        if attempt is None:
            return Decision(Cause.BLOCKED, _REASONS[Cause.BLOCKED]), key
        return self._checked(tenant, route, presented, customer, attempt), key

    def _checked(
        self,
        tenant: str,
        route: VerificationRoute,
        presented: Presented,
        customer: Customer | None,
        attempt: Attempt,
    ) -> Decision:
        """Return what the method decides; *attempt* stays counted for a wrong answer only."""
        try:
            passed = self._methods[route.method].check(tenant, route, presented, customer)
            if passed:
                self._attempts.give_back(attempt)
        except (Fault, Refusal) as error:
            self._give_back(attempt)
            return _undecided(error)
        if not passed:
            return Decision(Cause.WRONG, _REASONS[Cause.WRONG])
        return Decision(Cause.PASSED, customer=customer)

    def _give_back(self, attempt: Attempt) -> None:
        try:
            self._attempts.give_back(attempt)
        except Fault as fault:  # the attempt stays counted: nobody gets one more
            _undecided(fault)

    def _store(
        self, tenant: str, route: VerificationRoute, presented: Presented, decision: Decision, key: str
    ) -> Fault | None:
        """Store the result; return why that failed, or None."""
        verified = Verified(
            tenant=tenant,
            code=route.code,
            call=presented.call,
            work_no=presented.work_no,
            result=decision.result,
            cause=decision.cause,
            method=route.method,
            customer=key,
            at=self._clock.now(),
        )
        try:
            self._results.add(verified)
        except Fault as fault:
            return fault
        return None

    def _shown_name(self, decision: Decision) -> str:
        """Return the masked name of a customer who passed, if a setting names its field."""
        if decision.cause is not Cause.PASSED or decision.customer is None:
            return ""
        name = decision.customer.values.get(self._policy.name_field, "")
        return name[:1] + "*" * (len(name) - 1)

    def _record(
        self,
        by: str,
        tenant: str,
        route: VerificationRoute,
        presented: Presented,
        decision: Decision,
        began: float,
    ) -> None:
        milliseconds = round((stopwatch() - began) * 1000)
        detail = f"{route.code}, {route.method}, {decision.cause}, {milliseconds} ms"
        subject = self._name_number(tenant, presented.presented_number)
        self._append(by, tenant, decision.reason, detail, subject)

    def _append(
        self, by: str, tenant: str, reason: Reason | None, detail: str, subject: str | None = None
    ) -> None:
        event = Event(EventName.VERIFICATION, Outcome.of(reason), reason, tenant=tenant, subject=subject)
        self._trail.append(event._replace(by=by, detail=detail))


def _undecided(error: ValidatorError) -> Decision:
    """Return the decision that there is none, and log and count why."""
    child(FAULTS, error.reason).inc()
    log.error("a verification cannot be decided", reason=error.reason, cause=cause_name(error))
    return Decision(Cause.UNAVAILABLE, error.reason)

"""Verifies an answer with the enterprise's own system, such as a bank's, behind a bulkhead.

    POST url   {"tenantSpaceId", "code", "number", "customer", "answer"}, Authorization: Bearer secret
    200        {"passed": true} or {"passed": false}

Anything else is a fault, never "passed": another status, type or form, a redirect, a compressed or large
response, one that is late. Nothing is retried: the system may count attempts, too. Neither a log nor an error
has anything that was sent or received.
"""

from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

import orjson
import structlog

from validator.customers.directory import Customer
from validator.errors import Fault, Reason, Refusal
from validator.outgoing import OutgoingSystem, slots_below
from validator.tls import trusting
from validator.untrusted import read_object
from validator.verification.policy import VerificationPolicy, VerificationRoute
from validator.verification.wire import Presented

if TYPE_CHECKING:
    from validator.posting import Endpoint

BUDGET = timedelta(seconds=1.5)
MAX_RESPONSE = 4096  # bytes
_CONNECTION = 0.9  # the part of the budget after which the connection ends, before it is given up

log = structlog.get_logger("validator.verification")


class HttpMethod:
    """The answer is right when the enterprise's system says so."""

    def __init__(self, policy: VerificationPolicy, *, threads: int, budget: timedelta = BUDGET) -> None:
        """Ask as *policy* says in a pool of *threads*, each time within *budget*."""
        threads = max(2, threads)
        # A quarter of the pool: the source of customers has the half, and a thread must remain.
        slots = slots_below(threads, shares=2)
        self._system = OutgoingSystem("verification", slots=slots, threads=threads)
        self._policy, self._budget = policy, budget

    def find(self, tenant: str, presented: Presented) -> None:
        """Find nobody: the enterprise's system knows whom the flow means."""

    def check(
        self, tenant: str, route: VerificationRoute, presented: Presented, customer: Customer | None
    ) -> bool:
        """See `validator.verification.methods.Method`."""
        content = {
            "tenantSpaceId": tenant,
            "code": route.code,
            "number": presented.presented_number,
            "customer": presented.presented_customer,
            "answer": presented.presented_answer,
        }
        body = orjson.dumps(content)
        return self._system.use(lambda: self._passed(body), self._budget)

    def _passed(self, body: bytes) -> bool:
        """Return what the system decides; raises TimeoutError, and Fault(SYSTEM_FAILED) for anything else."""
        # Its library takes megabytes, and most workers ask nobody.
        from validator.posting import UnusableResponse, post  # noqa: PLC0415

        timeout = self._budget * _CONNECTION
        try:
            return _decision(post(self._endpoint, body, timeout=timeout, max_response=MAX_RESPONSE))
        except UnusableResponse as error:
            raise _failed(str(error)) from None

    @cached_property
    def _endpoint(self) -> "Endpoint":
        """The system; raises Fault when it cannot be asked with these settings."""
        from validator.posting import Endpoint  # noqa: PLC0415 - as in `_passed`

        if self._policy.problems:
            raise _failed("; ".join(self._policy.problems))
        try:
            tls = trusting(self._policy.ca_file)
        except OSError:
            raise _failed("verification.ca_file: cannot be read as certificates in PEM") from None
        return Endpoint(self._policy.url, f"Bearer {self._policy.secret}", tls)


def _decision(body: bytes) -> bool:
    """Return the decision in *body*; raises Fault for anything else."""
    try:
        decision = read_object(body).get("passed")
    except Refusal:
        raise _failed("the response is not a JSON object") from None
    if not isinstance(decision, bool):
        raise _failed("the response has no passed, true or false")
    return decision


def _failed(why: str) -> Fault:
    log.warning("the enterprise's system cannot verify", why=why)
    return Fault(Reason.SYSTEM_FAILED, "the enterprise's system cannot verify")

"""Shows agents the results of their calls' verifications, and lets them reset the attempts of a customer.

An agent sees a result only if the flow sent one of the agent's work numbers, by the cloud's list of agents.
Each reset is recorded, and a separate limit bounds the resets of one customer: an agent and a caller together
get few further guesses.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Reason, Refusal
from validator.limits.rate_limits import RateLimits
from validator.tokens.principals import Person
from validator.verification.attempts import Attempts
from validator.verification.results import Results, Verified

WorkNumbers = Callable[[str, Collection[str]], Collection[str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which result an agent asks for: of a call, "" when it is not known, and of one code; None: of any."""

    call: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A result that an agent may see, and whether the call itself links it to the agent's question."""

    verified: Verified
    is_of_call: bool


class Review:
    """The results, for agents."""

    def __init__(
        self,
        results: Results,
        attempts: Attempts,
        rate_limits: RateLimits,
        trail: AuditTrail,
        work_numbers: WorkNumbers,
    ) -> None:
        """Ask *work_numbers* for the work numbers of a tenant's `userAccount`s."""
        self._results, self._attempts = results, attempts
        self._rate_limits, self._trail = rate_limits, trail
        self._work_numbers = work_numbers

    def latest(self, person: Person, asked: Asked) -> Seen | None:
        """Return the newest result of *person*'s call, or None.

        Without one of the call itself it is their last one of the last two minutes whose flow sent no call,
        and without a call that is asked for, of any call. Both are weaker links.
        """
        tenant = person.account.tenant
        numbers = self._work_numbers(tenant, person.user_accounts)
        if asked.call:
            verified = self._results.of_call(tenant, asked.call, numbers, asked.code)
            if verified is not None:
                return Seen(verified, is_of_call=True)
        verified = self._results.recent(tenant, numbers, asked.code, without_call=bool(asked.call))
        return None if verified is None else Seen(verified, is_of_call=False)

    def reset(self, person: Person, asked: Asked) -> None:
        """Forget the attempts at the customer of *person*'s call.

        Raises Refusal without such a verification, or after too many resets of this customer.
        """
        seen = self.latest(person, asked)
        if seen is None or not seen.verified.customer:
            raise Refusal(Reason.VERIFICATION_UNKNOWN)
        verified = seen.verified
        self._rate_limits.hit("verification_resets", f"{verified.tenant}:{verified.customer}")
        self._trail.check()
        count = self._attempts.reset(verified.customer)
        event = Event(EventName.CUSTOMERS, Outcome.ACCEPTED, tenant=verified.tenant, by=person.label)
        self._trail.append(event._replace(detail=f"{count} attempts at {verified.code} reset"))

"""Issues enterprise tokens to principals, for the subjects that they may name.

No principal gets a token for a subject whose tenant is unknown, or whose tenant or account is disabled.
"""

from collections.abc import Callable
from typing import NamedTuple

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Reason, Refusal
from validator.limits.rate_limits import RateLimits
from validator.tokens.agent_logins import AgentLogins, Entered, OtherLogin
from validator.tokens.claims import Audience, Claims, Subject, TokenRequest
from validator.tokens.issuer import TokenIssuer
from validator.tokens.principals import Principal
from validator.tokens.revocation import targets_around
from validator.tokens.subject_state import SubjectState, SubjectStates


class Issued(NamedTuple):
    """A token, its claims, and the other login of the same agent, if there is one to report."""

    token: str
    claims: Claims
    other: OtherLogin | None = None


class Issuance:
    """Issues tokens to principals and records each one."""

    def __init__(
        self,
        issuer: TokenIssuer,
        subject_states: SubjectStates,
        rate_limits: RateLimits,
        trail: AuditTrail,
        is_reserved: Callable[[str], bool],
        logins: AgentLogins | None = None,
    ) -> None:
        """Issue tokens of *issuer*; *is_reserved* returns whether a userId is reserved for guests.

        Without *logins* an agent may be logged in any number of times.
        """
        self._logins = logins
        self._issuer, self._subject_states = issuer, subject_states
        self._rate_limits, self._trail, self._is_reserved = rate_limits, trail, is_reserved

    def issue(self, caller: Principal, requested: TokenRequest) -> tuple[str, Claims]:
        """Return a token and its claims; raises Refusal, or Fault when a dependency is unavailable."""
        issued = self.issue_beside(caller, requested)
        return issued.token, issued.claims

    def issue_beside(self, caller: Principal, requested: TokenRequest) -> Issued:
        """Do `issue`, and return the other login of the same agent with it, by `tokens.single_agent`."""
        self._rate_limits.hit("tokens_caller", caller.label)
        try:
            subject = caller.subject_of(requested)
            self._check_reserved(subject)
            state = self._checked(caller, subject)
            entered = self._enter(caller, subject)
            if entered.number is not None:  # what was checked before may have changed meanwhile
                state = self._checked(caller, subject)
        except Refusal as refusal:
            self._record_refusal(caller, requested, refusal)
            raise
        number = state.number if entered.number is None else entered.number
        token, claims = self._issuer.issue(subject, state.epoch, number)
        self._trail.append(
            Event(
                EventName.TOKEN_ISSUED,
                Outcome.ACCEPTED,
                tenant=subject.tenant,
                subject=subject.id,
                audience=subject.audience,
                jti=claims.jti,
                by=caller.label,
                detail=entered.words,
            )
        )
        return Issued(token, claims, entered.other)

    def _checked(self, caller: Principal, subject: Subject) -> SubjectState:
        """Return the present state of *subject*; raises Refusal unless *caller* may have a token for it."""
        state = self._subject_states.of(subject, targets_around(subject))
        state.check_active()
        caller.check_state(state)
        _check_name(subject, state)
        return state

    def _enter(self, caller: Principal, subject: Subject) -> Entered:
        """Enter the login of an agent, and record the older ones that it ends; raises Refusal."""
        if self._logins is None or subject.audience is not Audience.AGENT:
            return Entered()
        entered = self._logins.enter(subject, caller.holder)
        if entered.ended:
            self._trail.append(
                Event(
                    EventName.REVOKED,
                    Outcome.ACCEPTED,
                    tenant=subject.tenant,
                    subject=subject.id,
                    audience=subject.audience,
                    by=caller.label,
                    detail=f"{entered.ended} older logins of this agent, with their sessions",
                )
            )
        return entered

    def _check_reserved(self, subject: Subject) -> None:
        """Raise Refusal when *subject* is a customer with a guest's id: no guest has logged in."""
        if subject.audience is Audience.CHAT and self._is_reserved(subject.id):
            raise Refusal(Reason.REQUEST_INVALID, "this userId begins like the ids of guests")

    def _record_refusal(self, caller: Principal, requested: TokenRequest, refusal: Refusal) -> None:
        self._trail.append(
            Event(
                EventName.TOKEN_ISSUED,
                Outcome.REFUSED,
                refusal.reason,
                tenant=requested.tenant,
                subject=requested.id,
                audience=requested.audience,
                by=caller.label,
                detail=refusal.detail,
            )
        )


def _check_name(subject: Subject, state: SubjectState) -> None:
    """Refuse a customer's name that differs from that of their account here, if there is one."""
    if subject.name and state.account_status and state.account_name != subject.name:
        raise Refusal(Reason.SUBJECT_NOT_OWN, "the account of this userId has another userName")

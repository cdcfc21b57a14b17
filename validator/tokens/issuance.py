"""Issues enterprise tokens to principals, for the subjects that they may name.

No principal gets a token for a subject whose tenant is unknown, or whose tenant or account is disabled.
"""

from collections.abc import Callable

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.errors import Reason, Refusal
from validator.limits.rate_limits import RateLimits
from validator.tokens.claims import Audience, Claims, Subject, TokenRequest
from validator.tokens.issuer import TokenIssuer
from validator.tokens.principals import Principal
from validator.tokens.revocation import targets_around
from validator.tokens.subject_state import SubjectState, SubjectStates


class Issuance:
    """Issues tokens to principals and records each one."""

    def __init__(
        self,
        issuer: TokenIssuer,
        subject_states: SubjectStates,
        rate_limits: RateLimits,
        trail: AuditTrail,
        is_reserved: Callable[[str], bool],
    ) -> None:
        """Issue tokens of *issuer*; *is_reserved* returns whether a userId is reserved for guests."""
        self._issuer, self._subject_states = issuer, subject_states
        self._rate_limits, self._trail, self._is_reserved = rate_limits, trail, is_reserved

    def issue(self, caller: Principal, requested: TokenRequest) -> tuple[str, Claims]:
        """Return a token and its claims; raises Refusal, or Fault when a dependency is unavailable."""
        self._rate_limits.hit("tokens_caller", caller.label)
        try:
            subject = caller.subject_of(requested)
            self._check_reserved(subject)
            state = self._subject_states.of(subject, targets_around(subject))
            state.check_active()
            caller.check_state(state)
            _check_name(subject, state)
        except Refusal as refusal:
            self._record_refusal(caller, requested, refusal)
            raise
        token, claims = self._issuer.issue(subject, state.epoch, state.number)
        self._trail.append(
            Event(
                EventName.TOKEN_ISSUED,
                Outcome.ACCEPTED,
                tenant=subject.tenant,
                subject=subject.id,
                audience=subject.audience,
                jti=claims.jti,
                by=caller.label,
            )
        )
        return token, claims

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

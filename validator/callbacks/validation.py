"""The only place that decides: a presentation becomes a verdict.

Prove before you throttle: the source of these requests is the cloud, and anybody can make the cloud send
one, so that strangers could switch the callbacks off by a limit on sources or on presented names. After the
check of the source the token's signature puts a request into one of three classes, each with separate limits:

- *foreign*: the body is unreadable, or the token was not signed here for this audience. Counted per source;
  beyond the limit neither the database nor the trail is touched.
- *ours, not good*: signed here, but expired, not yet valid, presented with another tenant, subject or name,
  or ended (`tokens.subject_state`: tenant, account, epoch, revocations). Counted per token, never against its
  subject or tenant.
- *good*: counted per token, then per subject, then per tenant and audience, all by what the token claims.

Within each class the first check that fails is the reason. The verdict is recorded, then returned.
"""

from collections.abc import Callable
from dataclasses import dataclass

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.callbacks.wire import CallbackPolicy, Presentation
from validator.errors import ProblemType, PublicError, Reason, Refusal
from validator.exchange import Exchange
from validator.limits.rate_limits import RateLimits, source_bucket
from validator.networks import is_in
from validator.tokens.claims import Claims
from validator.tokens.subject_state import SubjectStates
from validator.tokens.verifier import TokenVerifier


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision: accepted when there is no reason against it."""

    reason: Reason | None = None

    @property
    def shape(self) -> ProblemType | None:
        """What the cloud sees of a refusal: the same for every reason."""
        return None if self.reason is None else PublicError.VALIDATION_REFUSED.value


class Validation:
    """Judges presentations."""

    def __init__(
        self,
        verifier: TokenVerifier,
        subject_states: SubjectStates,
        rate_limits: RateLimits,
        trail: AuditTrail,
        policy: CallbackPolicy,
    ) -> None:
        self._verifier, self._subject_states, self._policy = verifier, subject_states, policy
        self._rate_limits, self._trail = rate_limits, trail

    def validate(self, exchange: Exchange, read: Callable[[], Presentation]) -> Verdict:
        """Return the verdict on the presentation that *read* returns from the request of *exchange*.

        Raises Refusal when the source may not send requests, when *read* refuses what it reads (both are
        recorded), or THROTTLED, and Fault when the verdict cannot be known or recorded.
        """
        try:
            self.check_source(exchange)
            presentation = read()
        except Refusal as refusal:
            raise self.record_unread(exchange, refusal) from None
        return self.judge(exchange, presentation)

    def check_source(self, exchange: Exchange) -> None:
        """Raise Refusal unless the source of *exchange* may send requests at all."""
        if self._policy.networks and not is_in(exchange.source, self._policy.networks):
            raise Refusal(Reason.SOURCE_DENIED)
        if self._policy.client_certificate and not exchange.is_certified:
            raise Refusal(Reason.CERTIFICATE_MISSING)

    def judge(self, exchange: Exchange, presentation: Presentation) -> Verdict:
        """Return the verdict on *presentation*, which came with *exchange*.

        Raises Refusal(THROTTLED), recording nothing, when a limit of its class is reached, and Fault when the
        verdict cannot be known or recorded.
        """
        try:
            claims = self._verifier.read(presentation.presented_token, presentation.audience)
        except Refusal as refusal:
            self._rate_limits.hit("callbacks_foreign", source_bucket(exchange))
            return self._recorded(presentation, None, refusal.reason)
        try:
            self._verifier.check_time(claims)
            _check_match(claims, presentation)
            self._subject_states.check(claims)
        except Refusal as refusal:
            self._rate_limits.hit("callbacks_refused", claims.jti)
            return self._recorded(presentation, claims.jti, refusal.reason)
        self._rate_limits.hit_all(*limits_of_good(claims))
        return self._recorded(presentation, claims.jti)

    def record_unread(self, exchange: Exchange, refusal: Refusal) -> Refusal:
        """Record that a request could not be read; return the refusal to give: *refusal*, or THROTTLED.

        A throttled source does not fill the trail. Raises Fault when the refusal cannot be recorded.
        """
        try:
            self._rate_limits.hit("callbacks_foreign", source_bucket(exchange))
        except Refusal as throttled:
            return throttled
        self._trail.append(Event(EventName.VERDICT, Outcome.REFUSED, refusal.reason, detail=refusal.detail))
        return refusal

    def _recorded(self, presentation: Presentation, jti: str | None, reason: Reason | None = None) -> Verdict:
        """Return the verdict with *reason* once it is in the trail; *jti* is that of a token signed here."""
        self._trail.append(
            Event(
                EventName.VERDICT,
                Outcome.of(reason),
                reason,
                tenant=presentation.presented_tenant,
                subject=presentation.presented_subject,
                audience=presentation.audience,
                jti=jti,
            )
        )
        return Verdict(reason)


def limits_of_good(claims: Claims) -> tuple[tuple[str, str], ...]:
    """Return the limits that an accepted request counts against, the narrowest first, each with its key.

    Every key contains the audience or the jti, so that agents and customers never share a limit.
    """
    subject = claims.subject
    tenant = f"{subject.audience}:{subject.tenant}"  # no tenant's id has a colon
    return (
        ("callbacks_token", claims.jti),
        ("callbacks_subject", f"{tenant}:{subject.id}"),
        ("callbacks_tenant", tenant),
    )


def _check_match(claims: Claims, presentation: Presentation) -> None:
    """Raise Refusal unless the token has exactly the tenant, subject and name that are presented."""
    subject = claims.subject
    if subject.tenant != presentation.presented_tenant:
        raise Refusal(Reason.TENANT_MISMATCH)
    if subject.id != presentation.presented_subject:
        raise Refusal(Reason.SUBJECT_MISMATCH)
    if subject.name != presentation.presented_name:
        raise Refusal(Reason.NAME_MISMATCH)

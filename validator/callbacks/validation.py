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

Within each class the first check that fails is the reason. A request is decided and counted, then recorded,
then its verdict is returned.
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


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict, or the refusal of an unreadable request, and the event to record before it is returned."""

    event: Event
    verdict: Verdict | Refusal


class Validation:
    """Judges presentations: `decide` up to and including the count, then `record`."""

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

        Raises like `decide` and `record`.
        """
        return self.record(self.decide(exchange, read))

    def decide(self, exchange: Exchange, read: Callable[[], Presentation]) -> Decision:
        """Return what to record about the presentation that *read* returns from the request of *exchange*.

        The source may be denied, and *read* may raise Refusal: both are decisions. The count is the last
        step, so that only a counted request can be recorded. Raises Refusal(THROTTLED), for which nothing is
        recorded, when a limit of its class is reached, and Fault when the verdict cannot be known.
        """
        try:
            self._check_source(exchange)
            presentation = read()
        except Refusal as refusal:
            return self.decide_unread(exchange, refusal)
        return self.judge(exchange, presentation)

    def judge(self, exchange: Exchange, presentation: Presentation) -> Decision:
        """Return the decision on *presentation*, which came with *exchange*; raises like `decide`."""
        try:
            claims = self._verifier.read(presentation.presented_token, presentation.audience)
        except Refusal as refusal:
            self._rate_limits.hit("callbacks_foreign", source_bucket(exchange))
            return _decision(presentation, None, refusal.reason)
        try:
            self._verifier.check_time(claims)
            _check_match(claims, presentation)
            self._subject_states.check(claims)
        except Refusal as refusal:
            self._rate_limits.hit("callbacks_refused", claims.jti)
            return _decision(presentation, claims.jti, refusal.reason)
        self._rate_limits.hit_all(*limits_of_good(claims))
        return _decision(presentation, claims.jti)

    def decide_unread(self, exchange: Exchange, refusal: Refusal) -> Decision:
        """Return the decision on a request that could not be read, because of *refusal*.

        Raises like `decide`: a throttled source does not fill the trail.
        """
        self._rate_limits.hit("callbacks_foreign", source_bucket(exchange))
        event = Event(EventName.VERDICT, Outcome.REFUSED, refusal.reason, detail=refusal.detail)
        return Decision(event, refusal)

    def record(self, decision: Decision) -> Verdict:
        """Record *decision*, then return its verdict or raise its refusal; raises Fault when it cannot."""
        self._trail.append(decision.event)
        if isinstance(decision.verdict, Refusal):
            raise decision.verdict
        return decision.verdict

    def _check_source(self, exchange: Exchange) -> None:
        """Raise Refusal unless the source of *exchange* may send requests at all."""
        if self._policy.networks and not is_in(exchange.source, self._policy.networks):
            raise Refusal(Reason.SOURCE_DENIED)
        if self._policy.client_certificate and not exchange.is_certified:
            raise Refusal(Reason.CERTIFICATE_MISSING)


def _decision(presentation: Presentation, jti: str | None, reason: Reason | None = None) -> Decision:
    """Return the decision with *reason*; *jti* is that of a token signed here."""
    event = Event(
        EventName.VERDICT,
        Outcome.of(reason),
        reason,
        tenant=presentation.presented_tenant,
        subject=presentation.presented_subject,
        audience=presentation.audience,
        jti=jti,
    )
    return Decision(event, Verdict(reason))


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

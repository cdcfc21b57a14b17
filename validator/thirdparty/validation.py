"""The only place that decides: a presentation becomes a verdict.

In this order, and the first that fails is the reason: the limits let the question pass, the token is proven
(`tokens.verifier`), its tenant, its subject and, for customers, its name are the presented ones, and it still
stands (`standing`: tenant and account in use, epoch the same, not revoked). The verdict is written down, then
given.
"""

from dataclasses import dataclass

from validator.audit.events import Event, EventName, Outcome, current_exchange
from validator.audit.trail import AuditTrail
from validator.errors import Answer, Reason, Refusal, Shape
from validator.limits.counters import Counters, source_bucket
from validator.networks import is_in
from validator.standing import Standings
from validator.thirdparty.wire import CallbackPolicy, Presentation
from validator.tokens.claims import Claims
from validator.tokens.verifier import TokenVerifier


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision: accepted when there is no reason against it."""

    reason: Reason | None = None

    @property
    def shape(self) -> Shape | None:
        """What the cloud sees of a refusal: the same for every reason there is."""
        return None if self.reason is None else Answer.VALIDATION_REFUSED.value


class Validation:
    """Judges presentations."""

    def __init__(
        self,
        verifier: TokenVerifier,
        standings: Standings,
        counters: Counters,
        trail: AuditTrail,
        policy: CallbackPolicy,
    ) -> None:
        self._verifier, self._standings, self._policy = verifier, standings, policy
        self._counters, self._trail = counters, trail

    def check_source(self) -> None:
        """Raise Refusal unless this source may ask at all."""
        exchange = current_exchange.get()
        if self._policy.networks and not is_in(exchange.source, self._policy.networks):
            raise Refusal(Reason.SOURCE_DENIED)
        if self._policy.client_certificate and not exchange.is_certified:
            raise Refusal(Reason.CERTIFICATE_MISSING)

    def judge(self, presentation: Presentation) -> Verdict:
        """Return the verdict on *presentation*.

        Raises Refusal(THROTTLED) when its source was refused, or its tenant is asked about, too often, and
        Fault when the verdict cannot be known or written down.
        """
        self._counters.admit(
            counted=("callbacks_tenant", presentation.presented_tenant),
            checked=("callbacks_failures", source_bucket()),
        )
        claims, reason = None, None
        try:
            claims = self._verifier.verify(presentation.presented_token, presentation.audience)
            _check_match(claims, presentation)
            self._standings.check(claims)
        except Refusal as refusal:
            reason = refusal.reason
            self._count_failure()
        self._trail.append(
            Event(
                EventName.VERDICT,
                Outcome.of(reason),
                reason,
                tenant=presentation.presented_tenant,
                subject=presentation.presented_subject,
                audience=presentation.audience,
                jti=claims.jti if claims else None,
            )
        )
        return Verdict(reason)

    def record_unread(self, refusal: Refusal) -> Refusal:
        """Write down that a question could not be read, and return what to answer: that, or "too many".

        Raises Fault when it cannot be written down.
        """
        if refusal.answer is Answer.THROTTLED:
            return refusal  # whoever is throttled already must not fill the trail
        try:
            self._counters.check("callbacks_failures", source_bucket())
        except Refusal as throttled:
            return throttled
        self._count_failure()
        self._trail.append(Event(EventName.VERDICT, Outcome.REFUSED, refusal.reason, detail=refusal.detail))
        return refusal

    def _count_failure(self) -> None:
        self._counters.count("callbacks_failures", source_bucket())


def _check_match(claims: Claims, presentation: Presentation) -> None:
    """Raise Refusal unless the token speaks of exactly the tenant, subject and name that are presented."""
    subject = claims.subject
    if subject.tenant != presentation.presented_tenant:
        raise Refusal(Reason.TENANT_MISMATCH)
    if subject.id != presentation.presented_subject:
        raise Refusal(Reason.SUBJECT_MISMATCH)
    if subject.name != presentation.presented_name:
        raise Refusal(Reason.NAME_MISMATCH)

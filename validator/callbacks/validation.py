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

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.callbacks.wire import CallbackPolicy, Presentation
from validator.errors import ProblemType, PublicError, Reason, Refusal
from validator.exchange import Exchange
from validator.keys.signing import PurposeSigner
from validator.limits.rate_limits import Counted, RateLimits, source_bucket
from validator.routeguard import check_place
from validator.store.known import Known
from validator.tokens.claims import Audience, Claims
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

    exchange: Exchange
    event: Event
    verdict: Verdict | Refusal


class Asked(NamedTuple):
    """A request: its exchange, and a function that returns what it presents, or raises Refusal."""

    exchange: Exchange
    read: Callable[[], Presentation]


class Validation:
    """Judges presentations: `decide` up to and including the count, then `record`.

    Both take requests that arrived together, because their turns at the counters and at the trail cost more
    than what is done there. Each request is decided as if it came alone, after those before it, and whatever
    one of them raises is the outcome of that one only.
    """

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

        Raises the Refusal of an unreadable or a throttled request, and Fault when the verdict cannot be known
        or recorded.
        """
        (outcome,) = self.record(self.decide((Asked(exchange, read),)))
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def decide(self, requests: Sequence[Asked]) -> list[Decision | Exception]:
        """Return what to record about each of *requests*, or why nothing is.

        A denied source and an unreadable request are decisions too. The count is the last step, so that only
        a counted request can be recorded. Nothing is recorded of a throttled request, whose Refusal is
        returned, and of one whose verdict cannot be known, whose Fault is.
        """
        look = _Look(self._verifier, self._subject_states)
        cases = [self._judged(exchange, read, look) for exchange, read in requests]
        decided = [case for case in cases if case.error is None]
        errors = self._rate_limits.hit_each([case.limits for case in decided])
        for case, error in zip(decided, errors, strict=True):
            case.error = error
        return [case.error or case.decision for case in cases]

    def record(self, decided: Sequence[Decision | Exception]) -> list[Verdict | Exception]:
        """Record the decisions in *decided*; return the verdict, the refusal or the error of each.

        When they cannot be recorded, that is the error of all of them.
        """
        decisions = [each for each in decided if isinstance(each, Decision)]
        try:
            self._trail.append_all([(each.event, each.exchange) for each in decisions])
        except Exception as error:  # noqa: BLE001 - it is returned
            return [error if isinstance(each, Decision) else each for each in decided]
        return [each.verdict if isinstance(each, Decision) else each for each in decided]

    def _judged(self, exchange: Exchange, read: Callable[[], Presentation], look: "_Look") -> "_Case":
        """Return the case of a request after every check but the count."""
        case, policy = _Case(exchange), self._policy
        try:
            check_place(exchange, policy.networks, client_certificate=policy.client_certificate)
            case.presentation = presentation = read()
            token, audience = presentation.presented_token, presentation.audience
            case.claims = claims = self._verifier.read(token, audience, look.signer(audience))
            self._verifier.check_time(claims)
            _check_match(claims, presentation)
            self._subject_states.check(claims, look.known())
        except Refusal as refusal:
            case.refusal = refusal.without_frames()
        except Exception as error:  # noqa: BLE001 - it is returned, as the outcome of this request
            case.error = error
        return case


class _Look:
    """One look at the keys, and at the changes that this node knows, for all requests of a batch.

    It is later than the arrival of each of them. What it raises is not kept.
    """

    __slots__ = ("_known", "_signers", "_states", "_verifier")

    def __init__(self, verifier: TokenVerifier, states: SubjectStates) -> None:
        self._verifier, self._states = verifier, states
        self._signers: dict[Audience, PurposeSigner] = {}
        self._known: Known | None = None

    def signer(self, audience: Audience) -> PurposeSigner:
        """Return what verifies tokens for *audience*; raises Fault."""
        if audience not in self._signers:
            self._signers[audience] = self._verifier.signer(audience)
        return self._signers[audience]

    def known(self) -> Known:
        """Return which changes this node knows; raises Fault."""
        if self._known is None:
            self._known = self._states.known()
        return self._known


@dataclass(slots=True)
class _Case:
    """A request on its way to a decision: what is proven of it, and the refusal or error that ended that."""

    exchange: Exchange
    presentation: Presentation | None = None
    claims: Claims | None = None
    refusal: Refusal | None = None
    error: Exception | None = None

    @property
    def limits(self) -> Counted:
        """The limits of its class, each with its key."""
        if self.claims is None:
            return (("callbacks_foreign", source_bucket(self.exchange)),)
        if self.refusal is not None:
            return (("callbacks_refused", self.claims.jti),)
        return limits_of_good(self.claims)

    @property
    def decision(self) -> Decision:
        """The decision on it, unless there is an error."""
        if self.presentation is not None:
            reason = None if self.refusal is None else self.refusal.reason
            return Decision(self.exchange, self._event(self.presentation, reason), Verdict(reason))
        if self.refusal is None:
            raise ValueError("it was neither read nor refused")
        detail = self.refusal.detail
        event = Event(EventName.VERDICT, Outcome.REFUSED, self.refusal.reason, detail=detail)
        return Decision(self.exchange, event, self.refusal)

    def _event(self, presentation: Presentation, reason: Reason | None) -> Event:
        """Return the event of a verdict with *reason*; its jti is that of a token signed here."""
        return Event(
            EventName.VERDICT,
            Outcome.of(reason),
            reason,
            tenant=presentation.presented_tenant,
            subject=presentation.presented_subject,
            audience=presentation.audience,
            jti=None if self.claims is None else self.claims.jti,
        )


def limits_of_good(claims: Claims) -> Counted:
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

"""The order of older versions, as a positive control: throttle first, prove afterwards."""

from collections.abc import Sequence
from dataclasses import replace

from tests.support.fakes import Enterprise
from validator.audit.events import Event, EventName, Outcome
from validator.callbacks.validation import Asked, Decision, Validation, Verdict
from validator.callbacks.wire import Presentation
from validator.errors import Reason, Refusal
from validator.exchange import Exchange
from validator.limits.rate_limits import source_bucket


class ThrottleFirst(Validation):
    """Holds every refusal against its source, and every question against the tenant it names."""

    def decide(self, requests: Sequence[Asked]) -> list[Decision | Exception]:
        """Return the decision on each of *requests*, or the refusal of a throttled one."""
        decided: list[Decision | Exception] = []
        for exchange, read in requests:
            try:
                decided.append(self._decide(exchange, read()))
            except Refusal as refusal:
                decided.append(refusal)
        return decided

    def _decide(self, exchange: Exchange, presentation: Presentation) -> Decision:
        """Return the decision, unless the source or the named tenant has used its limit up."""
        failures = ("callbacks_foreign", source_bucket(exchange))
        self._rate_limits.test(*failures)
        self._rate_limits.hit("callbacks_tenant", presentation.presented_tenant)
        try:
            self._subject_states.check(
                self._verifier.verify(presentation.presented_token, presentation.audience)
            )
        except Refusal as refusal:
            self._rate_limits.hit(*failures)
            return decision(exchange, refusal.reason)
        return decision(exchange, None)


def decision(exchange: Exchange, reason: Reason | None) -> Decision:
    """Return the decision with *reason*, and an entry for the trail without anything else."""
    return Decision(exchange, Event(EventName.VERDICT, Outcome.of(reason), reason), Verdict(reason))


def throttling_first(enterprise: Enterprise) -> Enterprise:
    """Return *enterprise* with the order of older versions."""
    services = enterprise.services
    validation = ThrottleFirst(
        services.verifier,
        services.subject_states,
        services.rate_limits,
        services.trail,
        services.settings.callbacks,
    )
    return replace(enterprise, services=replace(services, validation=validation))

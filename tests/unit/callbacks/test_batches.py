"""Requests that are decided together: each has the outcome that it has alone."""

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.support.broken_verifier import with_broken_verifier
from tests.support.callback_requests import AGENT_SIDE, issued
from tests.support.fakes import OTHER_TENANT, Enterprise
from validator.audit.trail import AuditTrail
from validator.callbacks.validation import Asked, Decision, Validation, Verdict
from validator.callbacks.wire import Presentation
from validator.errors import Fault, Reason, Refusal
from validator.exchange import Exchange
from validator.keys.signing import PurposeSigner
from validator.limits.rate_limits import source_bucket
from validator.tokens.claims import Audience
from validator.tokens.verifier import TokenVerifier

Found = Callable[..., Enterprise]


def presented(enterprise: Enterprise, *, ending: str = "", **others: str) -> Presentation:
    """Return the presentation of a new token whose end is *ending*, with *others* changed."""
    subject = AGENT_SIDE.subject
    token, _ = issued(enterprise, subject)
    token = token[: len(token) - len(ending)] + ending
    whole = Presentation(Audience.AGENT, token, subject.tenant, subject.id)
    return replace(whole, **others)  # type: ignore[arg-type]


def asked(number: int, presentation: Presentation | Exception) -> Asked:
    """Return request *number*, from its own address, which presents *presentation* or fails with it."""

    def read() -> Presentation:
        if isinstance(presentation, Exception):
            raise presentation
        return presentation

    return Asked(Exchange(f"request-{number}", f"192.0.2.{number}"), read)


def outcomes(validation: Validation, requests: list[Asked]) -> list[Any]:
    """Return what becomes of *requests* together: the reason of each, None for yes, or the error's type."""
    found = validation.record(validation.decide(requests))
    return [_outcome(each) for each in found]


def _outcome(each: Verdict | Exception) -> Any:
    if isinstance(each, Verdict):
        return each.reason
    return each.reason if isinstance(each, Refusal | Fault) else type(each)


def mixed(enterprise: Enterprise) -> list[Presentation | Exception]:
    """Return one of each kind; some of them fail in a way that nobody foresaw."""
    return [
        presented(enterprise),
        presented(enterprise, ending="AA"),
        Refusal(Reason.BODY_UNREADABLE, "cut off"),
        presented(enterprise),
        presented(enterprise, presented_tenant=OTHER_TENANT),
        RuntimeError("of a body"),
        presented(enterprise, ending="broken"),
        Fault(Reason.STORE_UNAVAILABLE),
        presented(enterprise),
    ]


MIXED = [
    None,
    Reason.TOKEN_FORGED,
    Reason.BODY_UNREADABLE,
    None,
    Reason.TENANT_MISMATCH,
    RuntimeError,
    RuntimeError,
    Reason.STORE_UNAVAILABLE,
    None,
]


def test_each_of_a_mixed_batch_has_its_own_outcome(enterprise: Enterprise) -> None:
    """Refusals, faults and unforeseen errors of some change nothing for the others; so it is one by one."""
    broken = with_broken_verifier(enterprise, ending="broken")
    validation, presentations = broken.services.validation, mixed(enterprise)
    requests = [asked(number, each) for number, each in enumerate(presentations)]
    before = len(enterprise.trail())

    together = outcomes(validation, requests)
    batch = enterprise.trail()[before:]
    alone = [outcomes(validation, [each])[0] for each in requests]
    recorded = enterprise.trail()[before + len(batch) :]

    assert together == alone == MIXED
    names = ("request_id", "source", "outcome", "reason", "jti")
    assert [[entry.get(name) for name in names] for entry in batch] == [
        [entry.get(name) for name in names] for entry in recorded
    ]
    assert [entry["request_id"] for entry in batch] == [f"request-{number}" for number in (0, 1, 2, 3, 4, 8)]


@pytest.mark.parametrize("limit", ["token", "subject", "tenant"])
def test_limit_is_exact_within_a_batch(found_enterprise: Found, limit: str) -> None:
    """Of five more than a limit exactly as many are accepted, the first ones; the others are not recorded."""
    enterprise = found_enterprise({f"limits.callbacks_{limit}": "10/1h"})
    presentation, before = presented(enterprise), len(enterprise.trail())
    requests = [asked(number, presentation) for number in range(15)]

    found = outcomes(enterprise.services.validation, requests)

    assert found == [None] * 10 + [Reason.THROTTLED] * 5
    assert len(enterprise.trail()) == before + 10


def test_throttled_class_leaves_the_others_alone(found_enterprise: Found) -> None:
    """A source with forged tokens reaches its limit; good tokens of the same batch and source pass."""
    enterprise = found_enterprise({"limits.callbacks_foreign": "2/1h"})
    forged, good = presented(enterprise, ending="AA"), presented(enterprise)
    requests = [asked(7, each) for each in (forged, good, forged, good, forged, good)]

    assert outcomes(enterprise.services.validation, requests) == [
        *(Reason.TOKEN_FORGED, None) * 2,
        *(Reason.THROTTLED, None),
    ]
    assert source_bucket(requests[0].exchange) == "192.0.2.7"


class BrokenTrail(AuditTrail):
    """A trail that cannot be written."""

    def __init__(self) -> None:
        pass

    def append_all(self, events: Any) -> None:
        """Raise as a trail does whose lock is not released."""
        raise Fault(Reason.TRAIL_UNAVAILABLE)


def test_nothing_is_accepted_without_the_trail(enterprise: Enterprise) -> None:
    """A fault of the trail is that of every decision of the batch; what was none keeps its error."""
    services = enterprise.services
    parts = (services.verifier, services.subject_states, services.rate_limits)
    validation = Validation(*parts, BrokenTrail(), services.settings.callbacks)
    requests = [asked(number, each) for number, each in enumerate(mixed(enterprise))]

    found = outcomes(validation, requests)

    expected = [
        each if each in (RuntimeError, Reason.STORE_UNAVAILABLE) else Reason.TRAIL_UNAVAILABLE
        for each in MIXED
    ]
    expected[6] = Reason.TRAIL_UNAVAILABLE  # this verifier is not broken
    assert found == expected


def test_decision_names_its_exchange(enterprise: Enterprise) -> None:
    """What is recorded carries the request that it is about: no variable says so beside it."""
    requests = [asked(number, presented(enterprise)) for number in range(3)]

    decided = enterprise.services.validation.decide(requests)

    assert [each.exchange for each in decided if isinstance(each, Decision)] == [
        each.exchange for each in requests
    ]


def test_one_look_serves_a_batch_and_the_next_one_looks_again(enterprise: Enterprise) -> None:
    """A key or a change that comes between two batches is noticed by the second."""
    services = enterprise.services
    requests = [asked(number, presented(enterprise)) for number in range(3)]
    looks: list[str] = []

    class Counting(TokenVerifier):
        def signer(self, audience: Audience) -> PurposeSigner:
            looks.append(audience)
            return super().signer(audience)

    verifier = Counting(services.keyring, services.settings.tokens, services.clock)
    parts = (services.subject_states, services.rate_limits, services.trail)
    validation = Validation(verifier, *parts, services.settings.callbacks)

    assert outcomes(validation, requests) == [None] * 3
    assert looks == [Audience.AGENT]
    former = services.keyring.list()[-1].id
    services.keyring.rotate()
    services.keyring.revoke(former)
    assert outcomes(validation, requests) == [Reason.TOKEN_FORGED] * 3


def test_unreadable_keys_are_the_fault_of_those_that_need_them(enterprise: Enterprise) -> None:
    """Without the keys every token of a batch has the fault; a body that is unreadable needs none."""
    requests = [
        asked(1, presented(enterprise)),
        asked(2, Refusal(Reason.BODY_UNREADABLE)),
        asked(3, presented(enterprise)),
    ]
    (enterprise.services.settings.keys.directory / "keyring.json").unlink()

    found = outcomes(enterprise.services.validation, requests)

    assert found == [Reason.KEYS_UNAVAILABLE, Reason.BODY_UNREADABLE, Reason.KEYS_UNAVAILABLE]


def test_refusals_leave_nothing_to_the_garbage_collector(
    found_enterprise: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused requests are freed at once; with the frames of their refusals (the control) they are not."""
    enterprise = found_enterprise({"limits.callbacks_foreign": "1/1m"})
    validation = enterprise.services.validation
    requests = [
        asked(number % 3, each)
        for number, each in enumerate(
            [
                presented(enterprise, ending="AA"),
                presented(enterprise, ending="AA"),
                presented(enterprise, presented_tenant=OTHER_TENANT),
                presented(enterprise),
            ]
            * 3
        )
    ]
    assert Reason.THROTTLED in outcomes(validation, requests)

    assert garbage(validation, requests) == 0
    monkeypatch.setattr(Refusal, "without_frames", lambda refusal: refusal)
    assert garbage(validation, requests) > 10


def garbage(validation: Validation, requests: list[Asked]) -> int:
    """Return how many objects only the garbage collector can free after *requests* were decided."""
    gc.collect()
    gc.disable()
    try:
        outcomes(validation, requests)
        return gc.collect()
    finally:
        gc.enable()

"""The background thread: batches, rests, dead letters in the trail, its start and end."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.fakes import TENANT, FakeClock
from tests.support.faulty_crm import FakeCrm
from tests.support.fixed_trails import Place, place_in
from tests.support.webhook_parts import LEASE, MAX_MESSAGES, policy_of
from validator.audit.trail import AuditTrail
from validator.errors import Fault, Reason
from validator.keys.encryption import SecretEncryption
from validator.webhooks.claims import Claims
from validator.webhooks.delivery import BATCH, Delivery
from validator.webhooks.messages import DEAD, WAITING, Messages
from validator.webhooks.sending import Sender

Add = Callable[[int], None]
PATIENCE_SECONDS = 20  # for a thread that needs milliseconds, on a machine with a load of 15
QUICK = timedelta(milliseconds=10)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return the place of a trail."""
    return place_in(tmp_path / "audit")


@pytest.fixture
def delivery(
    crm: FakeCrm, claims: Claims, encryption: SecretEncryption, place: Place, clock: FakeClock
) -> Iterator[Delivery]:
    """Yield a delivery to the CRM."""
    trail = place.open(clock)
    delivery = Delivery(claims, Sender(policy_of(crm.url), encryption, clock), trail, interval=QUICK)
    yield delivery
    delivery.close()
    trail.close()


def recorded(place: Place) -> list[tuple[Any, ...]]:
    """Return the entries about webhooks."""
    names = ("event", "outcome", "tenant", "subject", "detail")
    entries = [tuple(entry.get(name) for name in names) for entry in place.entries()]
    return [entry for entry in entries if entry[0] == "webhook"]


def test_receiver_that_works_gets_batches(
    delivery: Delivery, crm: FakeCrm, add: Add, stored: Messages
) -> None:
    """The first message is a trial; then batches follow at once, and nothing is sent twice."""
    add(BATCH + 4)
    sizes = []
    for _ in range(3):
        before = len(crm.requests)
        assert delivery.step() == timedelta(0)
        sizes.append(len(crm.requests) - before)

    assert sizes == [1, BATCH, 3]
    assert len({request.headers["webhook-id"] for request in crm.requests}) == BATCH + 4
    assert stored.summary().waiting == 0
    assert delivery.step() >= QUICK


def test_failing_receiver_gets_single_messages_and_rests(delivery: Delivery, crm: FakeCrm, add: Add) -> None:
    """While nothing is delivered one message is tried, after rests that double up to a minute."""
    crm.status = 500
    add(BATCH)

    rests = [delivery.step().total_seconds() for _ in range(8)]

    assert len(crm.requests) == 8
    assert all(
        least <= rest <= least * 1.2 for least, rest in zip([1, 2, 4, 8, 16, 32, 60, 60], rests, strict=True)
    )
    crm.status = 200
    assert delivery.step() == timedelta(0)  # the control: the receiver is back, and so are batches
    add(2)
    crm.requests.clear()
    delivery.step()
    assert len(crm.requests) == 3  # the tenth of the first messages, and two new ones


def test_outage_uses_up_few_attempts(delivery: Delivery, crm: FakeCrm, add: Add, stored: Messages) -> None:
    """A message that waits behind an outage keeps its attempts."""
    crm.status = 503
    add(BATCH)
    for _ in range(3):
        delivery.step()

    assert sorted(each.attempts for each in stored.list(WAITING, 20)) == [0] * (BATCH - 3) + [1] * 3


@pytest.mark.parametrize(("status", "seconds"), [(429, 1800), (410, 3600)])
def test_receiver_may_ask_for_a_rest(
    delivery: Delivery, crm: FakeCrm, add: Add, status: int, seconds: int
) -> None:
    """Retry-After and 410 stop every message of this worker for their time."""
    crm.status, crm.headers = status, {"Retry-After": "1800"}
    add(1)

    assert delivery.step() == timedelta(seconds=seconds)


def test_last_attempt_makes_a_dead_letter(
    delivery: Delivery, crm: FakeCrm, add: Add, clock: FakeClock, stored: Messages, place: Place
) -> None:
    """Ten failed attempts within 91 hours make a dead letter, with an entry in the trail."""
    crm.status = 500
    add(1)
    for attempt in range(1, 11):
        assert stored.list(DEAD, 10) == []
        delivery.step()
        assert len(crm.requests) == attempt
        clock.advance(hours=24 * 1.2)

    (dead,) = stored.list(DEAD, 10)
    assert (dead.attempts, dead.error) == (10, "the status is 500")
    assert recorded(place) == [("webhook", "refused", TENANT, dead.id, "dead after 10: the status is 500")]


def test_gone_receiver_makes_a_dead_letter_at_once(
    delivery: Delivery, crm: FakeCrm, add: Add, stored: Messages, place: Place
) -> None:
    """410 ends a message with its first attempt."""
    crm.status = 410
    add(1)

    delivery.step()

    assert [each.attempts for each in stored.list(DEAD, 10)] == [1]
    assert [entry[4] for entry in recorded(place)] == ["dead after 1: the status is 410"]


def test_no_dead_letter_without_the_trail(
    delivery: Delivery,
    crm: FakeCrm,
    add: Add,
    stored: Messages,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the trail cannot be written a message does not end; it is sent again after its lease."""
    crm.status = 410
    add(1)

    def fail(*_: object) -> None:
        raise Fault(Reason.TRAIL_UNAVAILABLE)

    with monkeypatch.context() as patch:
        patch.setattr(AuditTrail, "append_all", fail)
        with pytest.raises(Fault):
            delivery.step()
    assert stored.list(DEAD, 10) == []

    clock.advance(seconds=LEASE.total_seconds())
    delivery.step()

    assert len(stored.list(DEAD, 10)) == 1


def test_dropped_messages_are_recorded(delivery: Delivery, add: Add, place: Place, stored: Messages) -> None:
    """A full table is in the trail: what the receiver will not get is never lost silently."""
    add(MAX_MESSAGES + 2)

    delivery.step()

    assert [entry[4] for entry in recorded(place)] == ["2 dropped: see webhooks.max_messages"]


@pytest.mark.slow
def test_thread_delivers_until_it_is_closed(
    delivery: Delivery, crm: FakeCrm, add: Add, stored: Messages
) -> None:
    """The thread sends what is added while it runs, is no reason to stay alive, and stops at `close`."""
    add(1)
    assert not crm.received.acquire(timeout=0.1)  # nothing runs before the start
    delivery.start("integrations")
    assert crm.received.acquire(timeout=PATIENCE_SECONDS)
    add(2)
    assert crm.received.acquire(timeout=PATIENCE_SECONDS)
    thread = delivery._thread
    assert thread is not None
    assert thread.daemon

    delivery.close()

    assert not thread.is_alive()


@pytest.mark.slow
def test_thread_outlives_a_broken_database(
    delivery: Delivery, crm: FakeCrm, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of what the delivery needs ends no thread: it goes on once that is over."""
    faults = iter(
        [Fault(Reason.STORE_UNAVAILABLE), OSError(5, "Input/output error"), ValueError("unforeseen")]
    )
    claim = Claims.claim

    def faulty(self: Claims, maximum: int) -> object:
        for fault in faults:
            raise fault
        return claim(self, maximum)

    monkeypatch.setattr(Claims, "claim", faulty)
    monkeypatch.setattr("validator.webhooks.delivery.BROKEN_REST", QUICK)
    add(1)

    delivery.start("integrations")

    assert crm.received.acquire(timeout=PATIENCE_SECONDS)
    assert next(faults, None) is None

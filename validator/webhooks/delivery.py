"""Delivers messages from a background thread of each worker that serves the role `integrations`.

The thread claims a few messages, sends them at the same time, and stores how that ended. While nothing is
delivered it rests between attempts, longer each time, and tries one message only: a stalled receiver occupies
this thread and nothing else, and a long outage does not use up the attempts of the messages that wait.

A message is sent at least once: it is sent again, with the same `webhook-id`, when its worker is killed
between the receiver's response and the deletion.
"""

from collections.abc import Sequence
from datetime import timedelta
from threading import Event as ThreadEvent
from threading import Lock, Thread

import structlog

from validator.audit.events import Event, EventName, Outcome
from validator.audit.trail import AuditTrail
from validator.causes import cause_name
from validator.clock import stopwatch
from validator.errors import Reason
from validator.exchange import Exchange
from validator.metrics.instruments import WEBHOOKS, child
from validator.webhooks.claims import Claimed, Claims, Failure
from validator.webhooks.schedule import delay_after, prolonged
from validator.webhooks.sending import Attempt, Sender

BATCH = 10
INTERVAL = timedelta(seconds=1)  # between two looks for new messages
MAX_REST = timedelta(minutes=1)
_TRIM_EVERY = 60.0  # seconds
BROKEN_REST = timedelta(seconds=5)  # after the database, the keys or the trail could not be used
_END = 5.0  # seconds that a worker which stops waits for an attempt

log = structlog.get_logger("validator.webhooks")


class Delivery:
    """The background thread."""

    def __init__(
        self, claims: Claims, sender: Sender, trail: AuditTrail, *, interval: timedelta = INTERVAL
    ) -> None:
        """Deliver the messages of *claims* by *sender*; look for new ones after each *interval*."""
        self._claims, self._sender, self._trail = claims, sender, trail
        self._interval, self._stop, self._lock = interval, ThreadEvent(), Lock()
        self._thread: Thread | None = None
        self._works, self._rest = False, timedelta(0)  # whether the receiver took the last messages
        self._trimmed_at: float | None = None
        self._exchange = Exchange()

    def start(self, role: str) -> None:
        """Start the thread, in the process that serves *role*: a thread does not outlive a fork."""
        with self._lock:
            self._exchange = Exchange(role=role)
            self._thread = Thread(target=self._run, name="webhooks", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop the thread; what is being sent has a few seconds, and is sent again later otherwise."""
        self._stop.set()
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.join(_END)

    def step(self) -> timedelta:
        """Send what is due, at most a batch, and return how long to rest before the next step.

        Raises Fault or OSError when something that the delivery needs cannot be used.
        """
        self._trim()
        self._sender.check()
        claimed = self._claims.claim(BATCH if self._works else 1)
        if not claimed:
            return prolonged(self._interval)
        attempts = self._sender.send(claimed)
        self._settle(claimed, attempts)
        self._works = not all(attempt.error for attempt in attempts)
        self._rest = timedelta(0) if self._works else min(2 * self._rest or INTERVAL, MAX_REST)
        if self._works:
            return timedelta(0)  # a message that failed beside others has its own delay
        return max(prolonged(self._rest), *(attempt.retry_after for attempt in attempts))

    def _run(self) -> None:
        rest = timedelta(0)
        while not self._stop.wait(rest.total_seconds()):
            try:
                rest = self.step()
            except Exception as error:  # noqa: BLE001 - whatever it is, no later message may wait for a restart
                log.error(
                    "webhooks cannot be sent for now", error=type(error).__name__, cause=cause_name(error)
                )
                rest = prolonged(BROKEN_REST)

    def _settle(self, claimed: Sequence[Claimed], attempts: Sequence[Attempt]) -> None:
        """Store how the attempts ended; a dead letter is recorded in the trail first."""
        failed: list[Failure] = []
        for message, attempt in zip(claimed, attempts, strict=True):
            child(WEBHOOKS, "failed" if attempt.error else "delivered").inc()
            if attempt.error:
                log.warning("a webhook was not delivered", message=message.id, error=attempt.error)
                delay = None if attempt.is_gone else delay_after(message.attempt, attempt.retry_after)
                failed.append(Failure(message, attempt.error, delay))
        delivered = {message.id for message in claimed} - {each.message.id for each in failed}
        dead = [each for each in failed if each.delay is None]
        self._claims.settle(sorted(delivered), [each for each in failed if each.delay is not None])
        for failure in dead:
            self._record_dead(failure)
        self._claims.settle([], dead)

    def _record_dead(self, failure: Failure) -> None:
        message = failure.message
        self._record(message.tenant, message.id, f"dead after {message.attempt}: {failure.error}")
        child(WEBHOOKS, "dead").inc()

    def _trim(self) -> None:
        now = stopwatch()
        if self._trimmed_at is not None and now - self._trimmed_at < _TRIM_EVERY:
            return
        self._trimmed_at = now
        dropped = self._claims.trim()
        if dropped:
            child(WEBHOOKS, "dropped").inc(dropped)
            self._record(None, None, f"{dropped} dropped: see webhooks.max_messages")

    def _record(self, tenant: str | None, message: str | None, detail: str) -> None:
        event = Event(EventName.WEBHOOK, Outcome.REFUSED, Reason.SYSTEM_FAILED)
        event = event._replace(tenant=tenant, subject=message, detail=detail)
        self._trail.append_all([(event, self._exchange)])

"""Opens the parts of webhooks."""

from dataclasses import dataclass
from datetime import datetime

from validator.audit.trail import AuditTrail
from validator.clock import Clock
from validator.keys.encryption import SecretEncryption
from validator.store.database import Database
from validator.webhooks.claims import Claimed, Claims
from validator.webhooks.delivery import Delivery
from validator.webhooks.messages import Messages
from validator.webhooks.outbox import Outbox
from validator.webhooks.policy import WebhooksPolicy
from validator.webhooks.sending import Attempt, Sender


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The parts of webhooks."""

    outbox: Outbox
    messages: Messages
    sender: Sender
    delivery: Delivery

    def send_test(self, at: datetime) -> Attempt:
        """Send a message *at* an instant that is not stored, and has no data; return how that ended."""
        message = self.outbox.sealed("", "webhooks.test", {}, at)
        (attempt,) = self.sender.send([Claimed(message["id"], "", message["type"], 1, message["sealed"])])
        return attempt


def open_webhooks(
    policy: WebhooksPolicy, database: Database, encryption: SecretEncryption, trail: AuditTrail, clock: Clock
) -> Webhooks:
    """Return the parts of webhooks, according to *policy*; *clock* is the one that all nodes share."""
    sender = Sender(policy, encryption, clock)
    return Webhooks(
        Outbox(encryption, is_on=bool(policy.url)),
        Messages(database),
        sender,
        Delivery(Claims(database, clock, policy), sender, trail),
    )

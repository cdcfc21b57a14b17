"""Parts of webhooks for tests: their settings, and a receiver that verifies as the documentation shows."""

from datetime import timedelta

from validator.webhooks.policy import WebhooksPolicy

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD_SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
TYPE = "callrecord.created"
KEEP = timedelta(days=30)
LEASE = timedelta(seconds=15 + 60)  # of a message, with the policy's timeout
MAX_MESSAGES = 20


def policy_of(
    url: str = "https://crm.example.com/hooks", *, seconds: float = 15, secret: str | None = SECRET
) -> WebhooksPolicy:
    """Return the settings of sending messages to *url*, each attempt within *seconds*."""
    return WebhooksPolicy(url, timedelta(seconds=seconds), KEEP, MAX_MESSAGES, secret=secret)

"""The settings of webhooks."""

from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path

from validator.webhooks.signing import parse_secrets


@dataclass(frozen=True)
class WebhooksPolicy:
    """Where messages are sent ("" is nowhere), for how long one attempt may take, and what is stored.

    The signature is made with each secret in `secret`; the certificate of `url` is of an authority in
    `ca_file`, or of the system's. Dead letters are stored for `keep`, and at most `max_messages` in all.
    """

    url: str
    timeout: timedelta
    keep: timedelta
    max_messages: int
    ca_file: Path | None = None
    secret: str | None = field(default=None, repr=False)

    @cached_property
    def secrets(self) -> tuple[bytes, ...]:
        """The keys of the signatures, the newest first; raises ValueError, which quotes nothing of them."""
        return parse_secrets(self.secret or "")

    @property
    def problems(self) -> list[str]:
        """What is missing for sending messages, in words without a secret; nothing while they are off."""
        if not self.url:
            return []
        if not self.secret:
            return ['webhooks.secret_file: is missing; or use the credential "webhooks.secret"']
        try:
            parse_secrets(self.secret)
        except ValueError as error:
            return [f"webhooks.secret_file: {error}"]
        return []

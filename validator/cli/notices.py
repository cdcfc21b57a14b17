"""Notices on standard error: what is allowed, works, and should be looked at all the same."""

from validator.cli.output import say
from validator.settings import Settings

OPEN = (
    "anybody may ask the callbacks: name the cloud's networks in callbacks.networks, or demand the cloud's "
    "certificate with door.client_ca"
)


def notice_open_callbacks(settings: Settings) -> None:
    """Print a notice when the callbacks are served to anybody: no network and no certificate is named."""
    if settings.server.role != "people" and settings.callbacks.is_open:
        say(f"notice: {OPEN}", err=True)

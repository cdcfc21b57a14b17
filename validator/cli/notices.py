"""Notices on standard error: what is allowed, works, and should be looked at all the same."""

from validator.cli.output import say
from validator.settings.loading import Settings

OPEN = (
    "anybody may ask the callbacks: name the cloud's networks in callbacks.networks, or demand the cloud's "
    "certificate with proxy.client_ca"
)


def open_to_anybody(settings: Settings) -> str | None:
    """Return a warning when the callbacks are served to anybody: no network and no certificate is named."""
    return OPEN if settings.server.role != "people" and settings.callbacks.is_open else None


def notice_open_callbacks(settings: Settings) -> None:
    """Print that warning."""
    words = open_to_anybody(settings)
    if words:
        say(f"notice: {words}", err=True)

"""Notices on standard error about settings that are allowed and work, but deserve a second look."""

from validator.cli.output import say
from validator.settings.loading import Settings
from validator.web.policy import CALLBACKS, ServerPolicy

OPEN = (
    "anybody may call the callbacks: name the cloud's networks in callbacks.networks, or require the cloud's "
    "certificate with proxy.client_ca"
)
UNPROTECTED = (
    'the worker "asgi" belongs behind nginx, which buffers requests and limits connections: see '
    'server.trusted_proxies, or use the worker "gthread"'
)


def open_to_anybody(settings: Settings) -> str | None:
    """Return a warning when neither a network nor a client certificate restricts the callbacks."""
    return OPEN if settings.server.serves(CALLBACKS) and settings.callbacks.is_open else None


def loop_without_proxy(server: ServerPolicy) -> str | None:
    """Return a warning when no proxy is in front of an ASGI worker, which does less by itself."""
    return UNPROTECTED if server.worker == "asgi" and not server.trusted_proxies else None


def notice_open_callbacks(settings: Settings) -> None:
    """Print the warning of `open_to_anybody`, if there is one."""
    words = open_to_anybody(settings)
    if words:
        say(f"notice: {words}", err=True)

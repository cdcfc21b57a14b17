"""Which credentials are missing for what is switched on; `check` and `doctor` show it.

What is missing here makes nothing unavailable: logins, tokens and the callbacks need none of these. What the
server's own routes need is the part `integrations` of `check`.
"""

from collections.abc import Iterator

from validator.services import Services
from validator.settings.loading import Settings
from validator.tenants import RecordStatus
from validator.tokens.clients import Service


def missing_in(settings: Settings) -> list[str]:
    """Return what *settings* need and lack, in words without a secret."""
    return [*settings.cloud.problems, *settings.integration_problems]


def missing_here(services: Services) -> list[str]:
    """Return what commands and pages of this home need and lack, in words without a secret."""
    settings = services.settings
    return [*settings.cloud.problems, *_channel(services), *_clients(services), *_links(services)]


def _channel(services: Services) -> Iterator[str]:
    """Yield whether the guests' page has no channel to be signed in to."""
    portal = services.settings.portal
    if portal.enabled and portal.channel and services.channels.find(portal.channel) is None:
        yield f"portal.channel: {portal.channel} is not there: `validator channels add`, with the cloud's key"


def _clients(services: Services) -> Iterator[str]:
    """Yield each kind of an IVR flow's route that no client may use."""
    settings = services.settings
    needed = {
        Service.VERIFICATION: bool(settings.verification.routes),
        Service.IVR: bool(settings.ivr.queries),
    }
    active = [each for each in services.clients.list() if each.status is RecordStatus.ACTIVE]
    for audience, is_on in needed.items():
        if is_on and not any(audience in client.audiences for client in active):
            yield f"no client may use the routes of {audience}: `validator clients add --audience {audience}`"


def _links(services: Services) -> Iterator[str]:
    """Yield whether the other call centre is on, and no account can log in there."""
    if services.settings.ctibar.is_on and not services.ctibar.links.list():
        yield "no account is linked to the other call centre: `validator ctibar link`"

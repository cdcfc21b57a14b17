"""The requirements for proving a server's limits, and a request that checks them."""

from validator.audit.reading import entries
from validator.errors import OperatorError
from validator.networks import address_of
from validator.operations.limitproof.sending import Sender
from validator.services import Services
from validator.settings.loading import Settings

NEEDED = (
    'the server at URL needs the home and settings of this command, server.role = "all", '
    'server.trusted_proxies = 1, on a TCP port server.proxy_networks = ["127.0.0.1"] too (as a variable: '
    "VALIDATOR_SERVER_PROXY_NETWORKS='[\"127.0.0.1\"]'), callbacks.networks = [], "
    'callbacks.always_200 = false, proxy.client_ca = "", and no other callers; '
    "without URL a scratch server is started that has all of this"
)


def check(services: Services, sender: Sender) -> None:
    """Raise OperatorError with all requirements unless *sender* reaches a server that meets them."""
    if not (_is_ready(services.settings) and _is_reached(services, sender)):
        raise OperatorError(NEEDED)


def _is_ready(settings: Settings) -> bool:
    """Return whether requests may come from any address, and refusals have another status."""
    callbacks = settings.callbacks
    is_open = not callbacks.networks and not callbacks.client_certificate and not callbacks.always_200
    return is_open and settings.server.trusted_proxies == 1 and settings.server.role == "all"


def _is_reached(services: Services, sender: Sender) -> bool:
    """Return whether this home's trail records a login with the address that was sent."""
    address = sender.spread()
    request_id = sender.guess(sender.mark, address).headers.get("X-Request-ID")
    return any(
        entry.get("request_id") == request_id and address_of(entry["source"]) == address_of(address)
        for entry in entries(services.settings.audit.directory)
    )

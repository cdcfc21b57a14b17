"""What a server needs so that its limits can be proven, and a request that shows whether it has that."""

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
    """Raise OperatorError, with all that is needed, unless *sender* reaches a server that can be proven."""
    if not (_is_ready(services.settings) and _is_reached(services, sender)):
        raise OperatorError(NEEDED)


def _is_ready(settings: Settings) -> bool:
    """Return whether requests may come from any address, and refusals differ from answers."""
    callbacks = settings.callbacks
    is_open = not callbacks.networks and not callbacks.client_certificate and not callbacks.always_200
    return is_open and settings.server.trusted_proxies == 1 and settings.server.role == "all"


def _is_reached(services: Services, sender: Sender) -> bool:
    """Return whether a login has an entry in this home's trail, with the address that was sent."""
    address = sender.spread()
    request_id = sender.guess(sender.mark, address).headers.get("X-Request-ID")
    return any(
        entry.get("request_id") == request_id and address_of(entry["source"]) == address_of(address)
        for entry in entries(services.settings.audit.directory)
    )

"""How this server listens, which proxies it trusts, and how it logs."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from validator.networks import Network

CALLBACKS, PEOPLE, INTEGRATIONS = "callbacks", "people", "integrations"
ROLES = ("all", CALLBACKS, PEOPLE, INTEGRATIONS)
WORKERS = ("gthread", "asgi")
LOG_FORMATS = ("json", "console")


class ErrorShape(StrEnum):
    """The body of a failed request on a route of the role `integrations`: one that its caller can parse."""

    PROBLEM = "problem"  # RFC 9457
    EMPTY = "empty"  # a list
    VERIFICATION = "verification"
    IVR = "ivr"
    CTIBAR = "ctibar"
    AICC = "aicc"


@dataclass(frozen=True, slots=True)
class IntegrationRoute:
    """A route of the role `integrations` that is switched on; logs name it by its `path`.

    With `has_secret_segment` the requests have a secret as one more segment, which no log may show. Its
    `networks` are those that may use it; without any every network may. A failed request gets a body of the
    `error_shape`. A route for pages names its limit on source addresses, `page_limit`, which the proxy counts
    too; the routes without one are the cloud's.
    """

    path: str
    has_secret_segment: bool = False
    networks: tuple[Network, ...] = ()
    error_shape: ErrorShape = ErrorShape.PROBLEM
    page_limit: str = ""

    def is_above(self, path: str) -> bool:
        """Return whether *path* lies below this route, and so may end with its secret."""
        return self.has_secret_segment and path.startswith(f"{self.path}/")


# Of an agent's card. They wait for the directory, which may be another system.
CARD_LOOK_UP, CARD_UNMASK = "/api/v1/customers/lookup", "/api/v1/customers/unmask"
CARD_ROUTES = tuple(
    IntegrationRoute(path, page_limit="lookup_address") for path in (CARD_LOOK_UP, CARD_UNMASK)
)


@dataclass(frozen=True, slots=True)
class ServerPolicy:
    """Where gunicorn listens, which routes it serves, and its sizes; `max_body` is in bytes."""

    bind: str
    role: str
    workers: int
    threads: int
    graceful_timeout: timedelta
    keep_alive: timedelta
    trusted_proxies: int
    proxy_networks: tuple[Network, ...]
    public_origins: tuple[str, ...]
    max_body: int
    hosts: tuple[str, ...] = ()
    worker: str = WORKERS[0]
    integrations: tuple[IntegrationRoute, ...] = ()
    has_pop: bool = False
    has_softphone: bool = False

    def serves(self, role: str) -> bool:
        """Return whether the routes of *role* are served here."""
        return self.role in ("all", role)

    @property
    def is_unix(self) -> bool:
        """Whether it listens on a unix socket, which only its user and group may open."""
        return self.bind.startswith("unix:")


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """The lowest level that is logged, and the format of a line."""

    level: str
    format: str

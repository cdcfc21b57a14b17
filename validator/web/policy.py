"""How this server listens, which proxies it trusts, and how it logs."""

from dataclasses import dataclass
from datetime import timedelta

from validator.networks import Network

CALLBACKS, PEOPLE, INTEGRATIONS = "callbacks", "people", "integrations"
ROLES = ("all", CALLBACKS, PEOPLE, INTEGRATIONS)
WORKERS = ("gthread", "asgi")
LOG_FORMATS = ("json", "console")


@dataclass(frozen=True, slots=True)
class IntegrationRoute:
    """A route of the role `integrations` that is switched on; logs name it by its `path`.

    With `has_secret_segment` the requests have a secret as one more segment, which no log may show. Its
    `networks` are those that may use it; without any every network may.
    """

    path: str
    has_secret_segment: bool
    networks: tuple[Network, ...] = ()

    def is_above(self, path: str) -> bool:
        """Return whether *path* lies below this route, and so may end with its secret."""
        return self.has_secret_segment and path.startswith(f"{self.path}/")


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

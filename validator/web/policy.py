"""How this server listens, which proxies it trusts, and how it logs."""

from dataclasses import dataclass
from datetime import timedelta

from validator.networks import Network

ROLES = ("all", "callbacks", "people")
WORKERS = ("gthread", "asgi")
LOG_FORMATS = ("json", "console")


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

    @property
    def is_unix(self) -> bool:
        """Whether it listens on a unix socket, which only its user and group may open."""
        return self.bind.startswith("unix:")


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """The lowest level that is logged, and the format of a line."""

    level: str
    format: str

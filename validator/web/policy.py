"""How this server listens, whom it trusts in front of it, and how it logs."""

from dataclasses import dataclass
from datetime import timedelta

ROLES = ("all", "callbacks", "people")


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
    public_origins: tuple[str, ...]
    max_body: int


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """The least level that is logged, and the form of a line."""

    level: str
    format: str

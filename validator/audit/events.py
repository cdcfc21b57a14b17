"""What the audit trail tells: the events, their outcomes, and where a request came from."""

from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum

from validator.errors import Reason


class EventName(StrEnum):
    """What happened."""

    VERDICT = "verdict"
    LOGIN = "login"
    LOGOUT = "logout"
    PASSWORD = "password"  # noqa: S105 - the name of an event
    TOKEN_ISSUED = "token_issued"  # noqa: S105
    REVOKED = "revoked"
    INTROSPECTED = "introspected"
    CLIENT = "client"
    GUEST = "guest"
    SIGNED = "signed"
    SECRET_DISCLOSED = "secret_disclosed"  # noqa: S105
    SCHEMA = "schema"
    TENANT = "tenant"
    ACCOUNT = "account"
    CHANNEL = "channel"
    KEY = "key"


class Outcome(StrEnum):
    """How it ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"

    @classmethod
    def of(cls, reason: Reason | None) -> "Outcome":
        """Return the outcome that *reason* means: without one, accepted."""
        return cls.ACCEPTED if reason is None else cls.REFUSED


@dataclass(frozen=True, slots=True)
class Event:
    """One entry's content. Never a token, a password, a secret, a canonical request or a signature."""

    name: EventName
    outcome: Outcome
    reason: Reason | None = None
    tenant: str | None = None
    subject: str | None = None
    audience: str | None = None
    jti: str | None = None
    by: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """Which request is being answered: its id, the address it came from, the role of this server."""

    request_id: str = "-"
    source: str = "-"
    role: str = "-"


_NONE = Exchange()
current_exchange: ContextVar[Exchange] = ContextVar("current_exchange", default=_NONE)

"""The events of the audit trail, their outcomes, and the members of an entry."""

from enum import StrEnum
from typing import Any, NamedTuple

from validator.errors import Reason
from validator.exchange import Exchange


class EventName(StrEnum):
    """What happened."""

    TRAIL_CONTINUED = "trail_continued"
    TRAIL_REPAIRED = "trail_repaired"
    TRAIL_BROKEN = "trail_broken"
    TRAIL_RESERVE = "trail_reserve"
    LOSS_ACCEPTED = "loss_accepted"
    WITHHELD = "withheld"
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
    AGENTS = "agents"
    CLOUD_CALL = "cloud_call"
    LINK = "link"
    PASSWORD_LIST = "password_list"  # noqa: S105
    KEY = "key"
    CUSTOMERS = "customers"
    CUSTOMER_QUERY = "customer_query"
    CUSTOMER_LOOKUP = "customer_lookup"
    CUSTOMER_UNMASKED = "customer_unmasked"
    POP_LOGIN = "pop_login"
    VERIFICATION = "verification"
    IVR_QUERY = "ivr_query"
    CTIBAR_LINK = "ctibar_link"
    CTIBAR_SESSION = "ctibar_session"
    CALL_OUT = "call_out"
    WEBHOOK = "webhook"
    SOFTPHONE_REVEALED = "softphone_revealed"
    CALL_RECORD = "call_record"
    CALL_RECORDS = "call_records"


# Changes that a crash must not undo: synced to disk before the response is sent.
STATE_CHANGES = frozenset(EventName) - {
    EventName.VERDICT,
    EventName.LOGIN,
    EventName.LOGOUT,
    EventName.INTROSPECTED,
    EventName.GUEST,
    EventName.SIGNED,
    EventName.WITHHELD,
    EventName.CUSTOMER_QUERY,
    EventName.CUSTOMER_LOOKUP,
    EventName.POP_LOGIN,
    EventName.VERIFICATION,
    EventName.IVR_QUERY,
    EventName.CALL_RECORD,
}


class Outcome(StrEnum):
    """How the event ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"

    @classmethod
    def of(cls, reason: Reason | None) -> "Outcome":
        """Return the outcome for *reason*: accepted without one, otherwise refused."""
        return cls.ACCEPTED if reason is None else cls.REFUSED


class Event(NamedTuple):
    """The content of one entry. Never a token, a password, a secret, a canonical request or a signature.

    *lost* is what an operator accepted as lost: a tuple with a mapping for each break, with the numbers of
    its missing entries.
    """

    name: EventName
    outcome: Outcome
    reason: Reason | None = None
    tenant: str | None = None
    subject: str | None = None
    audience: str | None = None
    jti: str | None = None
    by: str | None = None
    detail: str | None = None
    lost: Any = None


_OPTIONAL = Event._fields[2:]


def members_of(event: Event, exchange: Exchange, at: str, number: int) -> dict[str, Any]:
    """Return the members of entry *number*: *event*, which happened in *exchange* at the time *at*."""
    return {
        "number": number,
        "time": at,
        "event": event.name,
        "request_id": exchange.request_id,
        "source": exchange.source,
        "role": exchange.role,
        "outcome": event.outcome,
        **{name: value for name, value in zip(_OPTIONAL, event[2:], strict=True) if value is not None},
    }

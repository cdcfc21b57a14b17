"""The exchange that is being answered: its request id, its source, the role of this server."""

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exchange:
    """Which request is being answered: its id, the address it came from, the role of this server.

    It `is_certified` when the caller showed a client certificate that the proxy verified.
    """

    request_id: str = "-"
    source: str = "-"
    role: str = "-"
    is_certified: bool = False


_NONE = Exchange()
# For the trail only: whatever decides gets its exchange as an argument.
current_exchange: ContextVar[Exchange] = ContextVar("current_exchange", default=_NONE)

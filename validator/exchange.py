"""One HTTP request and its response: the request id, the source, the role of this server."""

from contextvars import ContextVar
from typing import NamedTuple


class Exchange(NamedTuple):
    """A request's id, its source address, and the role of this server.

    It `is_certified` when the caller presented a client certificate that the proxy verified.
    """

    request_id: str = "-"
    source: str = "-"
    role: str = "-"
    is_certified: bool = False


_NONE = Exchange()
# For the trail only: every decision gets its exchange as an argument.
current_exchange: ContextVar[Exchange] = ContextVar("current_exchange", default=_NONE)

"""Who is logged in to the stand-in: cookies that were set, and whose they are.

Kept in memory, the newest few hundred: this is for trying things out, not for serving anybody.
"""

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from validator.clock import to_milliseconds

AGENT_COOKIE = "sum_token"
CHAT_COOKIE = "ccmessaging-token"
_MAX_VISITORS = 500
_TOKEN_BYTES = 24


@dataclass(frozen=True, slots=True)
class Visitor:
    """An agent (*id* is the account), a customer or a guest, in a tenant."""

    tenant: str
    id: str
    name: str


class Visits:
    """The visitors that have cookies."""

    def __init__(self) -> None:
        self._visitors: OrderedDict[tuple[str, str], Visitor] = OrderedDict()
        self._lock = Lock()

    def begin_agent(self, visitor: Visitor, at: datetime) -> dict[str, str]:
        """Return the four cookies of an agent who was let in *at* that time."""
        token = self._remember(AGENT_COOKIE, visitor)
        return {
            "sum_atime": str(to_milliseconds(at)),
            "sum_refresh_token": secrets.token_urlsafe(_TOKEN_BYTES),
            "sum_sid": secrets.token_urlsafe(_TOKEN_BYTES),
            AGENT_COOKIE: token,
        }

    def begin_chat(self, visitor: Visitor) -> dict[str, str]:
        """Return the cookie of a visitor of the web chat who was let in."""
        return {CHAT_COOKIE: self._remember(CHAT_COOKIE, visitor)}

    def find(self, presented_cookies: Mapping[str, str], name: str) -> Visitor | None:
        """Return whose cookie *name* is, or None."""
        with self._lock:
            return self._visitors.get((name, presented_cookies.get(name, "")))

    def _remember(self, cookie: str, visitor: Visitor) -> str:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._lock:
            self._visitors[cookie, token] = visitor
            while len(self._visitors) > _MAX_VISITORS:
                self._visitors.popitem(last=False)
        return token

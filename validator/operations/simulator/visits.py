"""The simulator's sessions: cookies, and the visitors that they belong to.

Only the newest few hundred are stored, in memory: the simulator is for trials, not for production.
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
        """Begin an agent's session *at* a time; return its four cookies."""
        token = self._remember(AGENT_COOKIE, visitor)
        return {
            "sum_atime": str(to_milliseconds(at)),
            "sum_refresh_token": secrets.token_urlsafe(_TOKEN_BYTES),
            "sum_sid": secrets.token_urlsafe(_TOKEN_BYTES),
            AGENT_COOKIE: token,
        }

    def begin_chat(self, visitor: Visitor) -> dict[str, str]:
        """Begin the session of a visitor of the web chat; return its cookie."""
        return {CHAT_COOKIE: self._remember(CHAT_COOKIE, visitor)}

    def find(self, presented_cookies: Mapping[str, str], name: str) -> Visitor | None:
        """Return the visitor that the cookie *name* belongs to, or None."""
        with self._lock:
            return self._visitors.get((name, presented_cookies.get(name, "")))

    def _remember(self, cookie: str, visitor: Visitor) -> str:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._lock:
            self._visitors[cookie, token] = visitor
            while len(self._visitors) > _MAX_VISITORS:
                self._visitors.popitem(last=False)
        return token

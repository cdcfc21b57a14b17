"""Shares of the simulated co-browsing: an agent makes a link, and the page behind it is shared or not."""

import secrets
from collections import deque
from dataclasses import dataclass, replace
from threading import Lock
from urllib.parse import urlsplit, urlunsplit

from validator.clock import Clock, iso_milliseconds

PARAMETER = "cobrowse_share_url"
MAX_SHARES = 50
MAX_ADDRESS = 2048


@dataclass(frozen=True, slots=True)
class Share:
    """A share: its id, when it was made, the *link* for the customer, and what the page reported."""

    id: str
    time: str
    link: str
    is_shared: bool = False
    title: str = ""
    address: str = ""


class Shares:
    """The last shares, in memory."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._lock = clock, Lock()
        self._shares: deque[Share] = deque(maxlen=MAX_SHARES)

    def newest(self) -> list[Share]:
        """Return the shares, newest first."""
        with self._lock:
            return list(reversed(self._shares))

    def make(self, address: str) -> Share:
        """Return a share of the page at *address*; raises ValueError unless that is one of HTTPS."""
        parts = urlsplit(address)
        if parts.scheme != "https" or not parts.hostname or len(address) > MAX_ADDRESS:
            raise ValueError("not an address of HTTPS")
        share_id = secrets.token_urlsafe(12)
        query = "&".join(filter(None, (parts.query, f"{PARAMETER}={share_id}")))
        link = urlunsplit(parts._replace(query=query))
        share = Share(share_id, iso_milliseconds(self._clock.now()), link)
        with self._lock:
            self._shares.append(share)
        return share

    def begin(self, share_id: str, title: str, address: str) -> bool:
        """Record that the page reported itself; return whether there is such a share."""
        return self._change(share_id, is_shared=True, title=title, address=address)

    def end(self, share_id: str) -> bool:
        """Record that the page was left."""
        return self._change(share_id, is_shared=False)

    def _change(self, share_id: str, **changes: object) -> bool:
        with self._lock:
            for index, share in enumerate(self._shares):
                if share.id == share_id:
                    self._shares[index] = replace(share, **changes)  # type: ignore[arg-type]
                    return True
        return False

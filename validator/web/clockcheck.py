"""Whether this host's clock can be right: by the clock of the database's server, and by what was recorded.

An instant in the future was recorded by a clock that was ahead, or shows that this one is behind. One in the
past, however long ago, shows nothing: there may have been a holiday. A suspicious clock makes this node
*degraded*, never unavailable: a revocation, a logout or a disabled account is never refused for it.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from validator.audit import reading
from validator.clock import Clock
from validator.errors import Fault
from validator.keys.keyring import Keyring, KeyState
from validator.store.database import Database
from validator.tokens.revocation import last_made

MAX_AHEAD = timedelta(minutes=5)
MIN_DIFFERENCE = timedelta(seconds=5)  # the answer of the server may be as old as the wait for it
_HINT = "`timedatectl` shows whether it is synchronised"


class ClockCheck:
    """Compares the clock with others."""

    def __init__(
        self, clock: Clock, database: Database, keyring: Keyring, trail: Path, leeway: timedelta
    ) -> None:
        """Let the clocks of two hosts differ by *leeway* at most; *trail* is the folder of the trail."""
        self._clock, self._database = clock, database
        self._keyring, self._trail = keyring, trail
        self._max_difference = max(leeway, MIN_DIFFERENCE)

    def check(self) -> str | None:
        """Return why the clock is suspicious, or None. What cannot be read is left to other checks."""
        return next((f"{words}: {_HINT}" for words in self._suspicions()), None)

    def _suspicions(self) -> Iterator[str]:
        now = self._clock.now()
        with suppress(Fault):
            server = self._server_time()
            if server is not None and abs(now - server) > self._max_difference:
                yield f"this clock is {_difference(now, server)} PostgreSQL's"
        for what, instant in self._recorded():
            if instant > now + MAX_AHEAD:
                yield f"this clock is {_difference(now, instant)} {what}, or another one was ahead then"

    def _server_time(self) -> datetime | None:
        with self._database.read() as connection:
            return self._database.server_time(connection)

    def _recorded(self) -> Iterator[tuple[str, datetime]]:
        with suppress(Fault):
            signing = next(key for key in self._keyring.list() if key.state is KeyState.SIGNING)
            yield "the making of the signing key", signing.created_at
        with suppress(Fault), self._database.read() as connection:
            made_at = last_made(connection)
            if made_at is not None:
                yield "the last revocation", made_at
        with suppress(OSError):
            written = reading.last_written(self._trail)
            if written is not None:
                yield "the last entry of the trail", written


def _difference(now: datetime, other: datetime) -> str:
    span = timedelta(seconds=round(abs((now - other).total_seconds())))
    return f"{span} {'behind' if now < other else 'ahead of'}"

"""The undocumented parts of psycopg that this project relies on; no other module uses them.

`tests/architecture/test_library_internals.py` checks them, and fails for a version outside `TESTED`.
"""

from typing import Any

import psycopg
from psycopg import errors

TESTED = ">=3.3.6,<3.4"  # before 3.3.6 a connection could not wait with a timeout


class Silence(psycopg.OperationalError):
    """The server did not respond in time; the connection is closed."""


class DeadlineConnection(psycopg.Connection[Any]):
    """A connection whose every wait for the server has a deadline."""

    seconds = 1.0  # that deadline

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        """Return the server's response; raises Silence, and closes, when there is none in time."""
        try:
            return super().wait(gen, interval, timeout if timeout is not None else self.seconds)
        except errors._WaitTimeout:
            self.pgconn.finish()
            raise Silence("the server does not answer") from None

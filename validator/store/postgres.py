"""PostgreSQL, with deadlines of our own: a server that is stopped must not stop this one.

`statement_timeout` is the server's, and a stopped server does not keep it; `connect_timeout` is at least two
seconds. So every wait for an answer has a deadline here, after which the connection is given up.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from datetime import timedelta
from typing import Any

import psycopg
from psycopg import errors
from sqlalchemy import URL, Engine, create_engine, event

from validator.rest import Rest

_CONNECTING_AT_ONCE = 4
_SILENT = "the server did not answer a moment ago"
_REST = timedelta(seconds=1)


def engine(url: URL, timeout: timedelta) -> Engine:
    """Return an engine for the server that *url* names; whatever is asked takes up to *timeout*."""
    seconds = timeout.total_seconds()
    # A server that is alive ends a slow statement before the deadline here; only a stopped one meets that.
    milliseconds = int(seconds * 800)
    options = f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"
    made = create_engine(url, pool_timeout=seconds, connect_args={"options": options}, hide_parameters=True)
    event.listen(made, "do_connect", _connector(seconds))
    return made


def _connector(seconds: float) -> Callable[..., psycopg.Connection]:
    """Return what makes connections that give up after so many *seconds*."""
    rest = Rest(_REST)

    class Prompt(psycopg.Connection):
        """A connection whose every wait has a deadline."""

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            """Return the server's answer; raises OperationalError, and closes, when there is none in time."""
            if rest.is_on:
                self.pgconn.finish()
                raise psycopg.OperationalError(_SILENT)
            try:
                return super().wait(gen, interval, timeout if timeout is not None else seconds)
            except errors._WaitTimeout:
                rest.begin()
                self.pgconn.finish()
                raise psycopg.OperationalError("the server does not answer") from None

    connecting = ThreadPoolExecutor(_CONNECTING_AT_ONCE, thread_name_prefix="connecting")

    def connect(
        _dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]
    ) -> psycopg.Connection:
        if rest.is_on:
            raise psycopg.OperationalError(_SILENT)
        pending = connecting.submit(Prompt.connect, *arguments, connect_timeout=2, **options)
        try:
            return pending.result(seconds)
        except FutureTimeoutError:
            rest.begin()
            if not pending.cancel():
                pending.add_done_callback(_close)
            raise psycopg.OperationalError("the server does not answer") from None

    return connect


def _close(late: Future[Any]) -> None:
    """Close a connection that came too late."""
    if not late.cancelled() and late.exception() is None:
        late.result().close()

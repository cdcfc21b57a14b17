"""The undocumented parts of gunicorn that this project relies on; no other module uses them.

`tests/architecture/test_library_internals.py` checks them, and fails for a version outside `TESTED`.
"""

import errno
import selectors
import signal
import socket
import struct
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from gunicorn import systemd
from gunicorn.http import errors as parse_errors
from gunicorn.util import write_nonblock
from gunicorn.workers import gthread

from validator.errors import ConfigurationError

__all__ = [
    "TESTED",
    "MetricsWorker",
    "ServingWorker",
    "check_before_reload",
    "end_on_sigterm",
    "parse_errors",
    "systemd",
]

TESTED = ">=27.0.1,<28"
_NO_FILES_PAUSE = 0.1  # seconds
_SCRAPE_TIMEOUT = struct.pack("ll", 2, 0)  # seconds, microseconds: two slow callers hold both threads


class ServingWorker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker that silent or malformed connections neither block nor end.

    Gunicorn echoes part of a malformed request in its response and its log; this worker does not, because
    that part may contain a secret.
    """

    response_to: Callable[[Exception], bytes]
    """Return the whole HTTP response to a request that raised this exception; set by a subclass."""

    def accept(self, listener: socket.socket) -> None:
        """Leave a connection in the queue for a moment when no more files may be open; gunicorn would end."""
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self.log.warning("No more connections for now: %s", error.strerror)
            time.sleep(_NO_FILES_PAUSE)

    def enqueue_req(self, conn: gthread.TConn) -> None:
        """Give a thread only to a connection that has sent something: silent ones would take all of them.

        The others wait in the poller, also when the worker stops: `finish_request` would close them then,
        and a client that has just connected would get no response.
        """
        if conn.initialized or conn.data_ready or _has_sent(conn.sock):
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Send the documented response to a malformed request, and log only the kind of its mistake."""
        self.log.warning("Unreadable request: %s", type(exc).__name__)
        try:
            write_nonblock(client, self.response_to(exc))
        except OSError:
            self.log.debug("The client of an unreadable request did not wait for the response")


class MetricsWorker(gthread.ThreadWorker):  # type: ignore[misc]
    """A worker that does not wait for the rest of a request for ever, and logs nothing of a malformed one."""

    def handle(self, conn: gthread.TConn) -> Any:
        """Serve a request, with a timeout for its next part and for its reader."""
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            conn.sock.setsockopt(socket.SOL_SOCKET, option, _SCRAPE_TIMEOUT)
        return super().handle(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """Log the kind of the mistake, and send no response."""
        self.log.warning("A request failed: %s", type(exc).__name__)


def end_on_sigterm() -> None:
    """End this new worker on SIGTERM until it sets its own handlers; call it first in `post_fork`.

    It inherits the master's handler, which puts the signal into a queue that no worker reads: a stop at that
    moment would wait for `graceful_timeout`.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def check_before_reload(server: Any, check: Callable[[], object]) -> None:
    """Have *server* keep its workers when *check* raises ConfigurationError at a reload; else it ends."""
    take_over = server.handle_hup

    def reload() -> None:
        try:
            check()
        except ConfigurationError as error:
            server.log.error("not reloaded: %s", "; ".join(error.problems))
        else:
            take_over()

    server.handle_hup = reload


def _has_sent(sock: socket.socket) -> bool:
    """Return whether the client sent something, or ended: a thread can go on with it at once."""
    try:
        sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True  # the thread meets the same error, and closes the connection
    return True

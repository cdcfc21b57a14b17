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
from concurrent.futures import Future
from email.utils import formatdate
from functools import lru_cache, partial
from typing import Any

from gunicorn import systemd
from gunicorn.http import errors as parse_errors
from gunicorn.http import wsgi
from gunicorn.http.body import LengthReader
from gunicorn.util import is_hoppish, write_nonblock
from gunicorn.workers import gthread

from validator.errors import ConfigurationError
from validator.web.threads import Threads

__all__ = [
    "TESTED",
    "MetricsWorker",
    "ServingResponse",
    "ServingWorker",
    "check_before_reload",
    "end_on_sigterm",
    "parse_errors",
    "systemd",
]

TESTED = ">=27.0.1,<28"
_NO_FILES_PAUSE = 0.1  # seconds
_NOTIFY_EVERY = 0.5  # seconds; the master waits for `timeout`, half a minute
_KEPT_HEADERS = 256
_SCRAPE_TIMEOUT = struct.pack("ll", 2, 0)  # seconds, microseconds: two slow callers hold both threads


class ServingResponse(wsgi.Response):  # type: ignore[misc]  # gunicorn has no types
    """A response whose head and body are sent at once, if it is whole; gunicorn sends two packets."""

    headers_sent: bool

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Check *headers*; those of every response are checked once."""
        for pair in headers:
            if _is_plain(*pair):
                self.headers.append(pair)
            else:
                super().process_headers([pair])

    def default_headers(self) -> list[str]:
        """Return the first lines of the head, with a date that is formatted once a second."""
        if self.upgrade or self.chunked:
            lines: list[str] = super().default_headers()
            return lines
        major, minor = self.req.version
        connection = "close" if self.should_close() else "keep-alive"
        return [
            f"HTTP/{major}.{minor} {self.status}\r\nServer: {self.version}\r\n",
            f"Date: {_date(int(time.time()))}\r\nConnection: {connection}\r\n",
        ]

    def write(self, arg: bytes) -> None:
        """Send *arg*, with the head if that was not sent."""
        if self.headers_sent or self._omits_body or self.response_length != len(arg):
            super().write(arg)
            return
        self.headers_sent = True
        self.sent = len(arg)
        head = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers), "\r\n"]
        self.sock.sendall("".join(head).encode("latin-1") + arg)


@lru_cache(_KEPT_HEADERS)
def _is_plain(name: str, value: str) -> bool:
    """Return whether gunicorn sends this header as it is, and learns nothing from it."""
    is_valid = wsgi.TOKEN_RE.fullmatch(name) and wsgi.HEADER_VALUE_RE.fullmatch(value)
    return bool(is_valid and value == value.strip(" \t")) and not (
        name.lower() == "content-length" or is_hoppish(name)
    )


@lru_cache(1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


wsgi.Response = ServingResponse  # the worker has no other place for it


class ServingWorker(gthread.ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A worker that silent or malformed connections neither block nor end.

    Gunicorn echoes part of a malformed request in its response and its log; this worker does not, because
    that part may contain a secret.

    The thread that served a request gives the connection back to the poller by itself. Gunicorn wakes the
    main thread for that, through a future, a queue and a pipe.
    """

    response_to: Callable[[Exception], bytes]
    """Return the whole HTTP response to a request that raised this exception; set by a subclass."""
    _next_notice = 0.0

    def init_process(self) -> None:
        """Serve; gunicorn looks up two dozen settings a request, by a function unless they are attributes."""
        of_class, attributes = dir(type(self.cfg)), self.cfg.__dict__
        attributes |= {
            name: setting.get() for name, setting in self.cfg.settings.items() if name not in of_class
        }
        super().init_process()

    def get_thread_pool(self) -> Threads:
        """Return the threads, which take less for each request than those of `concurrent.futures`."""
        return Threads(self.cfg.threads)

    def notify(self) -> None:
        """Show the master that this process is alive, not for each of thousands of requests a second."""
        now = time.monotonic()
        if now >= self._next_notice:
            self._next_notice = now + _NOTIFY_EVERY
            super().notify()

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
            self.tpool.submit(self._serve, conn)
            return
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _serve(self, conn: gthread.TConn) -> None:
        """Serve a request in a thread; the main thread ends a connection that is not kept."""
        outcome: Future[Any] = Future()
        try:
            result = self.handle(conn)
            if result is True and self.alive and not conn.parser.unreader.buf.getvalue():
                self._await_next(conn)
                return
            outcome.set_result(result)
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            outcome.set_exception(error)
        self.method_queue.defer(self.finish_request, conn, outcome)

    def _await_next(self, conn: gthread.TConn) -> None:
        """Let the poller wait for the next request, as `finish_request` does."""
        conn.set_timeout()
        self.keepalived_conns.append(conn)  # before the poller, which removes it
        if not self.alive:  # `_cap_keepalive` may have been before
            conn.timeout = min(conn.timeout, time.monotonic() + gthread.STOP_KEEPALIVE_LINGER)
        try:
            self.poller.register(
                conn.sock, selectors.EVENT_READ, partial(self.on_client_socket_readable, conn)
            )
        except BaseException:
            self.keepalived_conns.remove(conn)
            raise

    def _keepalive_after(self, conn: gthread.TConn, keepalive: bool) -> bool:
        """Return whether the connection stays; a body that was read to its end needs no time limit."""
        body = conn.parser.mesg.body
        if keepalive and isinstance(body.reader, LengthReader) and not (body.reader.length or body.failed):
            conn.parser.mesg = None  # or the parser looks for its rest before the next request
            return True
        return bool(super()._keepalive_after(conn, keepalive))

    def _cap_keepalive(self, deadline: float) -> None:
        """Close kept-alive connections by *deadline*; threads may append to them meanwhile."""
        for conn in self.keepalived_conns.copy():
            conn.timeout = min(conn.timeout, deadline)

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

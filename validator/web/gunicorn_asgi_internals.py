"""The undocumented parts of gunicorn's ASGI worker that this project relies on; no other module uses them.

`tests/architecture/test_library_internals.py` checks them, and fails for a version outside `TESTED`.
"""

import asyncio
import signal
import sys
from asyncio import TimerHandle, Transport
from collections.abc import Callable
from typing import Any

from gunicorn.asgi.protocol import ASGIProtocol
from gunicorn.workers import gasgi

from validator.web.gunicorn_internals import TESTED

__all__ = ["TESTED", "AsgiServingWorker"]
_ANNOUNCEMENT = (
    0.1  # seconds, many turns of the loop: from the decision to close until the connection is closed
)


class ServingProtocol(ASGIProtocol):  # type: ignore[misc]  # gunicorn has no types
    """A connection of HTTP/1.1 that waits for no part of a request or response longer than `keepalive`.

    gunicorn itself limits only the wait for the next request. No request opens a WebSocket.
    """

    _body_timer: TimerHandle | None = None
    _write_timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:
        """Close one connection too many; limit the wait for the first head like that for the others."""
        if self.worker.nr_conns >= self.worker.worker_connections:
            self._conn_lost_handled = self._closed = True
            transport.abort()
            return
        super().connection_made(transport)
        self._arm_keepalive_timer()

    def data_received(self, data: bytes) -> None:
        """Limit the wait for the rest of a body."""
        super().data_received(data)
        receiver = self._body_receiver
        if receiver is not None and not receiver._complete and self._body_timer is None:
            self._body_timer = self.worker.loop.call_later(self._keepalive, self._end_body, receiver)

    def _on_message_complete(self) -> None:
        super()._on_message_complete()
        self._cancel_body_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the timers."""
        self._cancel_body_timer()
        self._cancel_write_timer()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Limit the wait for a client that does not read."""
        super().pause_writing()
        self._write_timer = self.worker.loop.call_later(self._keepalive, self.transport.abort)

    def resume_writing(self) -> None:
        """Continue: the client reads."""
        self._cancel_write_timer()
        super().resume_writing()

    def _end_body(self, receiver: Any) -> None:
        self._body_timer = None
        receiver._body_wait_expired = True
        receiver._wake_waiter()

    def _cancel_body_timer(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _cancel_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def _close_transport(self) -> None:
        """Close the connection; end it without the rest of a response that the client does not read."""
        was_closed = self._closed
        super()._close_transport()
        if not was_closed and self.transport.get_write_buffer_size():
            self.worker.loop.call_later(self._keepalive, self.transport.abort)

    def _will_close(self, request: Any, response_requires_close: bool) -> bool:
        """Announce the end of the connection before the worker stops, which closes it without a word."""
        return bool(self.worker.is_stopping or super()._will_close(request, response_requires_close))

    def _is_websocket_upgrade(self, request: Any) -> bool:
        return False

    def _send_error_response(self, status: int, message: str, extra_headers: Any = ()) -> None:
        """Send the documented response to a malformed request, and log only the kind of its mistake."""
        self.log.warning("Unreadable request: %s", type(sys.exception()).__name__)
        self._safe_write(self.worker.response_with(status))


class AsgiServingWorker(gasgi.ASGIWorker):  # type: ignore[misc]
    """An ASGI worker with the connections above.

    Gunicorn echoes part of a malformed request in its response; this worker does not, because that part may
    contain a secret.
    """

    response_with: Callable[[int], bytes]
    """Return the whole HTTP response with this status to a malformed request; set by a subclass."""
    is_stopping = False

    def init_signals(self) -> None:
        """At SIGTERM announce the end of each connection, before the worker closes it."""
        super().init_signals()
        self.loop.add_signal_handler(signal.SIGTERM, self._announce_stop)

    def _announce_stop(self) -> None:
        self.is_stopping = True
        self.loop.call_later(_ANNOUNCEMENT, self.handle_exit_signal)

    async def _shutdown(self) -> None:
        """Serve what was accepted: the server would drop a connection that has no protocol yet."""
        for listener in (each for server in self.servers for each in server.sockets):
            self.loop.remove_reader(listener.fileno())
        await asyncio.sleep(_ANNOUNCEMENT)
        await super()._shutdown()


gasgi.ASGIProtocol = ServingProtocol  # the worker has no other place for a protocol

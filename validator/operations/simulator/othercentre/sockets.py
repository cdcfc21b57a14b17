"""A bar's WebSocket, over the connection that gunicorn hands to the application (`gunicorn.socket`).

One thread reads and writes: OpenSSL does not allow two threads in one TLS connection. Other threads queue
what they send, and wake it.
"""

import selectors
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

ENDED = 4001  # a close code for applications (RFC 6455, 7.4.2): the token is not good, or not any more
_MAX_MESSAGE = 65_536
_AT_ONCE = 65_536
_IDLE = 20.0  # seconds without a message, then a ping
_TIMEOUT = 5.0  # seconds to write, and to read the rest of a TLS record


class BarSocket:
    """One connection, from its handshake to its end."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._protocol = connection, ServerProtocol(max_size=_MAX_MESSAGE)
        self._queue = SimpleQueue[str | int | None]()
        self._woken, self._waker = socket.socketpair()
        connection.settimeout(_TIMEOUT)

    def accept(self, target: str, headers: Mapping[str, str]) -> bool:
        """Respond to the handshake; return whether it is one."""
        lines = [f"GET {target} HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items()), "", ""]
        self._protocol.receive_data("\r\n".join(lines).encode("latin-1"))
        request = cast(Request, self._protocol.events_received()[0])  # a handshake's first event
        self._protocol.send_response(self._protocol.accept(request))
        self._flush()
        return self._protocol.state is State.OPEN

    def send(self, message: str) -> None:
        """Send *message*; any thread may call this."""
        self._put(message)

    def close(self, code: int = ENDED) -> None:
        """Close with *code*; any thread may call this."""
        self._put(code)

    def cut(self) -> None:
        """End the connection as a network does, without a word; any thread may call this."""
        self._put(None)

    def messages(self) -> Iterator[str]:
        """Yield what the bar sends, until the connection ends."""
        with self._woken, self._waker, self._connection, selectors.DefaultSelector() as selector:
            selector.register(self._connection, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            with suppress(OSError):  # of TLS, too: the connection has ended
                yield from self._served(selector)

    def _served(self, selector: selectors.BaseSelector) -> Iterator[str]:
        while self._protocol.state is State.OPEN:
            ready = {key.fileobj for key, _ in selector.select(_IDLE)}
            if not ready:
                self._protocol.send_ping(b"")
            if self._woken in ready:
                self._woken.recv(_AT_ONCE)
                self._send_queued()
            if self._connection in ready:
                yield from self._received()
            self._flush()

    def _received(self) -> Iterator[str]:
        is_more = True
        while is_more:
            content = self._connection.recv(_AT_ONCE)
            if content:
                self._protocol.receive_data(content)
            else:
                self._protocol.receive_eof()
            is_more = bool(content) and _has_more(self._connection)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                yield bytes(event.data).decode()

    def _send_queued(self) -> None:
        with suppress(Empty):
            while self._protocol.state is State.OPEN:
                item = self._queue.get_nowait()
                if item is None:
                    raise ConnectionAbortedError
                if isinstance(item, int):
                    self._protocol.send_close(item)
                else:
                    self._protocol.send_text(item.encode())

    def _flush(self) -> None:
        for content in self._protocol.data_to_send():
            if content:
                self._connection.sendall(content)

    def _put(self, item: str | int | None) -> None:
        self._queue.put(item)
        with suppress(OSError):  # it has ended
            self._waker.send(b"\0")


def _has_more(connection: socket.socket) -> bool:
    """Return whether TLS has decrypted more than was read, which a selector does not see."""
    return isinstance(connection, ssl.SSLSocket) and connection.pending() > 0

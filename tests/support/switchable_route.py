"""A way to a server that can be turned to another one, or forget its connections as a firewall does."""

import selectors
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.postgres import SUPERUSER, PostgresServer

SOCKET = ".s.PGSQL.5432"
_OFTEN = 0.05  # seconds
_GOODBYE = b"X"  # the type of the message Terminate


class Way:
    """A socket whose connections are passed on, each to the server that it led to when it was made."""

    def __init__(self, folder: Path, server: PostgresServer) -> None:
        self._folder, self._server = folder, server
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._lost: list[socket.socket] = []
        self._selector, self._ended = selectors.DefaultSelector(), threading.Event()
        self._forgetting, self._cutting = threading.Event(), threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / SOCKET))
        self._listener.listen()
        self._selector.register(self._listener, selectors.EVENT_READ)

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL of *database* by this way."""
        return f"postgresql+psycopg://{SUPERUSER}@/{database}?host={self._folder}"

    def lead_to(self, server: PostgresServer) -> None:
        """Lead new connections to *server*; those that are there stay where they are."""
        self._server = server

    def forget(self) -> None:
        """Pass nothing more of the connections that are there, without a word to either side."""
        self._forgetting.set()
        while self._forgetting.is_set():
            self._ended.wait(_OFTEN / 10)

    def lost_queries(self) -> int:
        """Return on how many forgotten connections something was sent, beside a goodbye."""
        return sum(_is_query(_waiting(each)) for each in self._lost)

    def cut(self) -> None:
        """End the connections that are there, as a switchover does."""
        self._cutting.set()
        while self._cutting.is_set():
            self._ended.wait(_OFTEN / 10)

    def run(self) -> None:
        """Pass on until the end."""
        while not self._ended.is_set():
            if self._forgetting.is_set():
                self._lose_all()
            if self._cutting.is_set():
                self._cut_all()
            for key, _ in self._selector.select(_OFTEN):
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._pass_on(key.fileobj)  # type: ignore[arg-type]
        for each in (*self._pairs, *self._lost, self._listener):
            each.close()

    def end(self) -> None:
        """End `run`."""
        self._ended.set()

    def _lose_all(self) -> None:
        for each in self._pairs:
            self._selector.unregister(each)
        self._lost += self._pairs
        self._pairs.clear()
        self._forgetting.clear()

    def _cut_all(self) -> None:
        for each in tuple(self._pairs):
            if each in self._pairs:
                self._close(each)
        self._cutting.clear()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self._server.socket_folder / SOCKET))
        except OSError:  # nobody listens there: so it is for the client
            client.close()
            server.close()
            return
        self._pairs |= {client: server, server: client}
        for each in (client, server):
            self._selector.register(each, selectors.EVENT_READ)

    def _pass_on(self, side: socket.socket) -> None:
        if side not in self._pairs:
            return
        data = b""
        with suppress(OSError):
            data = side.recv(65536)
        if data:
            with suppress(OSError):
                self._pairs[side].sendall(data)
        else:
            self._close(side)

    def _close(self, side: socket.socket) -> None:
        """End a connection on both sides."""
        for each in (side, self._pairs[side]):
            self._selector.unregister(each)
            self._pairs.pop(each)
            each.close()


def _waiting(side: socket.socket) -> bytes:
    """Return the first byte that was sent to *side* and not read, or nothing."""
    try:
        return side.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except BlockingIOError:
        return b""


def _is_query(first: bytes) -> bool:
    return first not in (b"", _GOODBYE)


@contextmanager
def open_way(server: PostgresServer) -> Iterator[Way]:
    """Yield a way that leads to *server*."""
    with tempfile.TemporaryDirectory(prefix="w", dir="/tmp") as folder:
        way = Way(Path(folder), server)
        thread = threading.Thread(target=way.run)
        thread.start()
        try:
            yield way
        finally:
            way.end()
            thread.join()

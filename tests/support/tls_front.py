"""TLS in front of a server that speaks none, as nginx would be: one request a connection, then closed."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

from tests.support.server_process import TIMEOUT


@contextmanager
def tls_front(bind: str, context: ssl.SSLContext) -> Iterator[str]:
    """Give the authority that speaks TLS by *context* and hands on to the server at *bind*."""
    host, _, port = bind.rpartition(":")

    class Connection(BaseRequestHandler):
        """One connection: the question goes through, then the answer comes back."""

        def handle(self) -> None:
            """Hand on, or let a handshake fail that must."""
            with suppress(OSError), context.wrap_socket(self.request, server_side=True) as outside:
                outside.settimeout(TIMEOUT)
                with socket.create_connection((host, int(port)), TIMEOUT) as inside:
                    inside.sendall(_question(outside))
                    while part := inside.recv(65536):
                        outside.sendall(part)

    with ThreadingTCPServer(("127.0.0.1", 0), Connection) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def _question(connection: ssl.SSLSocket) -> bytes:
    """Return one whole request, of which the connection is not kept."""
    content = b""
    while b"\r\n\r\n" not in content:
        content += connection.recv(65536)
    head, _, body = content.partition(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    length = int(lengths[0].partition(b":")[2]) if lengths else 0
    while len(body) < length:
        body += connection.recv(65536)
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close", b"", b""]) + body

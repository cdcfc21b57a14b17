"""The web servers of other enterprises: pages from a folder over TLS, under whatever name is asked for."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme


class _Page(SimpleHTTPRequestHandler):
    """Gives a file, and says nothing about it on standard error."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    """Does the TLS handshake in the connection's own thread, where a slow one holds up nobody."""

    daemon_threads = True
    context: ssl.SSLContext

    def finish_request(self, request: object, client_address: object) -> None:
        """Answer one connection; a browser that hangs up is not an error."""
        try:
            with self.context.wrap_socket(request, server_side=True) as connection:  # type: ignore[arg-type]
                super().finish_request(connection, client_address)
        except (OSError, ValueError):
            return


@contextmanager
def serving_pages(folder: Path, certificate: trustme.LeafCert) -> Iterator[int]:
    """Serve the files in *folder* with *certificate*; give the port."""
    with serving(partial(_Page, directory=str(folder)), certificate) as port:
        yield port


@contextmanager
def serving(handler: Callable[..., BaseHTTPRequestHandler], certificate: trustme.LeafCert) -> Iterator[int]:
    """Serve what *handler* answers with *certificate*; give the port."""
    server = _Server(("127.0.0.1", 0), handler)
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(server.context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A forwarder that shows 403 where the server says 401, for a tool that gives up at the first 401."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.support.server_process import TIMEOUT

SOURCE = "127.0.0.2"  # what the server sees, so that the failures of other tests' address do not count


@contextmanager
def forwarding(bind: str) -> Iterator[int]:
    """Give the port of a forwarder to the server at *bind*."""

    class Forwarder(BaseHTTPRequestHandler):
        """Sends one request on."""

        def do_POST(self) -> None:
            """Ask the server, and give its answer with another status."""
            status, content = _ask(bind, self.path, self._body(), self.headers["Content-Type"])
            self.send_response(403 if status == 401 else status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers["Content-Length"]))

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Forwarder) as forwarder:
        thread = Thread(target=forwarder.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield forwarder.server_address[1]
        finally:
            forwarder.shutdown()
            thread.join()


def _ask(bind: str, path: str, body: bytes, content_type: str) -> tuple[int, bytes]:
    host, _, port = bind.rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=TIMEOUT, source_address=(SOURCE, 0))
    try:
        connection.request("POST", path, body, {"Content-Type": content_type})
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()

"""One HTTP request over a dedicated connection, byte by byte if wanted, with one timeout for all of it.

The doctor and the simulator send with it. No HTTP library sends half a body, waits, and sends the rest, or
connects to one address with another name in TLS; and a library's timeout begins anew with every byte. The
cloud gives up after a total time, however busy the server looks.
"""

import re
import socket
import ssl
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from http.client import HTTPException, HTTPResponse, IncompleteRead, RemoteDisconnected
from io import BytesIO
from time import sleep
from typing import cast
from urllib.parse import urlsplit

from validator.clock import stopwatch
from validator.origins import DEFAULT_PORTS, authority

_MAX_BYTES = 1_048_576  # of a response; what follows is not read
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding:[ \t]*chunked[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


class NoResponse(Exception):  # noqa: N818 - an outcome
    """No response came that could be read; the text says what happened instead."""


def basic(user: str, password: str) -> dict[str, str]:
    """Return the header that authenticates a client (RFC 7617)."""
    pair = b64encode(f"{user}:{password}".encode()).decode("ascii")
    return {"Authorization": f"Basic {pair}"}


@dataclass(frozen=True, slots=True)
class Place:
    """A server, how its certificate is verified when it speaks TLS, and where it is if not at *host*."""

    host: str
    port: int
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    address: tuple[str, int] | None = None

    @classmethod
    def at(cls, url: str, tls: ssl.SSLContext) -> "Place":
        """Return the server that *url* names, asked over *tls* when the URL is https."""
        parts = urlsplit(url)
        is_tls = parts.scheme == "https"
        return cls(parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme], tls if is_tls else None)

    @property
    def authority(self) -> str:
        """The server as the header `Host` names it."""
        return authority(self.host, self.port, "https" if self.tls else "http")


@dataclass(frozen=True, slots=True)
class Response:
    """A response, after how many seconds it was there; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    seconds: float

    @property
    def is_redirect(self) -> bool:
        """Whether it sends the client elsewhere."""
        return 300 <= self.status < 400

    @property
    def is_html(self) -> bool:
        """Whether it is a page for people, as proxies make them."""
        return "html" in self.headers.get("content-type", "") or self.body.lstrip()[:1] == b"<"


def written(
    place: Place,
    target: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    method: str = "POST",
    version: str = "1.1",
) -> tuple[bytes, bytes]:
    """Return the head and the body of a request for *target*, as they go over the wire."""
    length = {"Content-Length": str(len(body))} if body or method == "POST" else {}
    lines = {"Host": place.authority, **length, "Connection": "close", **headers}
    head = [f"{method} {target} HTTP/{version}", *(f"{name}: {text}" for name, text in lines.items()), "", ""]
    return "\r\n".join(head).encode("latin-1"), body


def send(
    place: Place, pieces: Sequence[bytes], *, give_up_after: timedelta, pause: timedelta = timedelta()
) -> Response:
    """Send *pieces* with a *pause* between them and return the response; raises NoResponse."""
    began = stopwatch()
    deadline = began + give_up_after.total_seconds()
    try:
        with _connected(place, deadline) as connection:
            _write(connection, pieces, pause, deadline)
            content = _received(connection, deadline)
        return _parsed(content, stopwatch() - began)
    except TimeoutError:
        raise NoResponse(f"no whole answer within {give_up_after.total_seconds():g} s") from None
    except ssl.SSLCertVerificationError as error:
        raise NoResponse(f"the certificate is not trusted: {error.verify_message}") from None
    except ssl.SSLError as error:
        raise NoResponse(f"TLS failed: {error.reason}") from None
    except RemoteDisconnected:
        raise NoResponse("the connection was closed without an answer") from None
    except OSError as error:
        raise NoResponse(f"no connection: {error.strerror or type(error).__name__}") from None
    except HTTPException as error:
        raise NoResponse(f"what came is no HTTP answer ({type(error).__name__})") from None


def hang_up(place: Place, message: bytes, *, after: timedelta, give_up_after: timedelta) -> None:
    """Send *message* and close the connection *after* a time, reading nothing; raises NoResponse."""
    deadline = stopwatch() + give_up_after.total_seconds()
    try:
        with _connected(place, deadline) as connection:
            connection.sendall(message)
            sleep(after.total_seconds())
    except OSError as error:
        raise NoResponse(f"no connection: {error.strerror or type(error).__name__}") from None


def _reached(place: Place, deadline: float) -> socket.socket:
    try:
        return socket.create_connection(place.address or (place.host, place.port), _left(deadline))
    except socket.gaierror:
        # "localhost" is this host, also where no file of the system says so (RFC 6761, section 6.3).
        if place.host != "localhost":
            raise
        return socket.create_connection(("127.0.0.1", place.port), _left(deadline))


def _connected(place: Place, deadline: float) -> socket.socket:
    connection = _reached(place, deadline)
    if place.tls is None:
        return connection
    try:
        connection.settimeout(_left(deadline))
        return place.tls.wrap_socket(connection, server_hostname=place.host)
    except BaseException:
        connection.close()
        raise


def _write(connection: socket.socket, pieces: Sequence[bytes], pause: timedelta, deadline: float) -> None:
    # A server may respond and close before it has the whole request: that response is still read.
    with suppress(BrokenPipeError, ConnectionResetError):
        for number, piece in enumerate(pieces):
            if number:
                sleep(pause.total_seconds())
            connection.settimeout(_left(deadline))
            connection.sendall(piece)


def _received(connection: socket.socket, deadline: float) -> bytes:
    content = bytearray()
    while not _is_whole(content) and len(content) < _MAX_BYTES:
        connection.settimeout(_left(deadline))
        part = connection.recv(65536)
        if not part:
            break
        content += part
    return bytes(content)


def _is_whole(content: bytearray) -> bool:
    """Return whether *content* is a whole response; one without a length ends with the connection."""
    head, end, body = content.partition(b"\r\n\r\n")
    if not end:
        return False
    if _CHUNKED.search(head):
        return body.endswith(b"0\r\n\r\n")
    length = _LENGTH.search(head)
    return length is not None and len(body) >= int(length[1])


def _left(deadline: float) -> float:
    left = deadline - stopwatch()
    if left <= 0:
        raise TimeoutError
    return left


class _Replay:
    """The bytes of a response, in place of the connection they came from."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def makefile(self, _mode: str) -> BytesIO:
        """Return what can be read of it."""
        return BytesIO(self._content)


def _parsed(content: bytes, seconds: float) -> Response:
    response = HTTPResponse(cast(socket.socket, _Replay(content)), method="POST")
    response.begin()
    try:
        body = response.read()
    except IncompleteRead as error:
        if len(content) < _MAX_BYTES:
            raise
        body = error.partial
    headers: dict[str, str] = {}
    for name, value in response.getheaders():
        headers.setdefault(name.lower(), value)
    return Response(response.status, headers, body, seconds)

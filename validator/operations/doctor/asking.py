"""Asks a server one thing over HTTP and follows nothing: what came back, and how long it took."""

import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass

from validator.escaping import escaped
from validator.operations.doctor.looking import TIMEOUT, Endpoint, connected, context_for

LARGEST = 65536  # bytes of an answer that are read
_SHOWN = 120

Stopwatch = Callable[[], float]


class NoAnswer(Exception):  # noqa: N818 - an outcome, not an error
    """A server gave no answer of HTTP; the text says what happened instead."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, its headers by lower-case name, its body, and how many seconds it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def is_redirect(self) -> bool:
        """Whether it sends the caller elsewhere."""
        return 300 <= self.status < 400

    @property
    def is_html(self) -> bool:
        """Whether it is a page for people, as proxies make them."""
        return "html" in self.headers.get("content-type", "") or self.body.lstrip()[:1] == b"<"


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked: never anything secret."""

    method: str
    path: str
    body: bytes = b""
    content_type: str = "application/json"


def ask(target: Endpoint, request: Request, stopwatch: Stopwatch) -> Reply:
    """Return the answer over TLS, on a connection of its own; raises NoAnswer."""
    began = stopwatch()
    try:
        with connected(target, context_for(target)) as connection:
            return _exchange(target, connection, request, began, stopwatch)
    except OSError as error:
        raise NoAnswer(in_words(error)) from None


def ask_plainly(target: Endpoint, request: Request, stopwatch: Stopwatch) -> Reply:
    """Return the answer without TLS; raises NoAnswer."""
    began = stopwatch()
    try:
        with socket.create_connection(target.address, TIMEOUT) as connection:
            return _exchange(target, connection, request, began, stopwatch)
    except OSError as error:
        raise NoAnswer(in_words(error)) from None


def in_words(error: OSError) -> str:
    """Return what happened to a connection, in a few words."""
    if isinstance(error, TimeoutError):
        return f"nothing within {TIMEOUT:g} s"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "the connection was cut"
    if isinstance(error, ssl.SSLError):
        return printable((error.reason or "TLS failed").replace("_", " ").lower())
    return printable(error.strerror or type(error).__name__)


def printable(text: str, longest: int = _SHOWN) -> str:
    """Return *text* of a server as it may be shown: short, and without what moves a terminal's cursor."""
    return escaped(text[:longest]) + ("…" if len(text) > longest else "")


def _exchange(
    target: Endpoint, connection: socket.socket, request: Request, began: float, stopwatch: Stopwatch
) -> Reply:
    talk = http.client.HTTPConnection(target.host, target.port)
    talk.sock = connection
    headers = {"Host": target.authority, "Connection": "close", "User-Agent": "validator-doctor"}
    if request.method == "POST":
        headers |= {"Content-Type": request.content_type, "Content-Length": str(len(request.body))}
    with closing(talk):
        # Refused before all of it was sent: the answer may be there nevertheless.
        with suppress(BrokenPipeError, ConnectionResetError):
            talk.request(request.method, request.path, request.body or None, headers)
        try:
            response = talk.getresponse()
            body = response.read(LARGEST)
        except http.client.HTTPException as error:
            raise NoAnswer(f"no answer of HTTP ({type(error).__name__})") from None
    headers_got = {name.lower(): value for name, value in response.getheaders()}
    return Reply(response.status, headers_got, body, stopwatch() - began)

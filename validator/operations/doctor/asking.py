"""The doctor's requests: they follow no redirect, and have no secret unless the certificate is verified."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial

from validator.escaping import escaped
from validator.operations.doctor.tls_client import TIMEOUT, Endpoint, context_for, verified_context_for
from validator.operations.http_client import NoResponse, Place, Response, send, written

_SHOWN = 120

Stopwatch = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Request:
    """A request. `path` and `authorization` may have a secret only where `ask_verified` sends it."""

    method: str
    path: str = field(repr=False)
    body: bytes = b""
    content_type: str = "application/json"
    authorization: str = field(default="", repr=False)


def ask(target: Endpoint, request: Request, stopwatch: Stopwatch) -> Response:
    """Return the response over TLS with any certificate; raises NoResponse."""
    return _asked(target, request, partial(context_for, target), stopwatch)


def ask_verified(
    target: Endpoint, request: Request, *, anchor: bytes | None, stopwatch: Stopwatch
) -> Response:
    """Return the response of a server that *anchor* (DER), or the system, vouches for; raises NoResponse."""
    return _asked(target, request, partial(verified_context_for, target, anchor), stopwatch)


def ask_plainly(target: Endpoint, request: Request, stopwatch: Stopwatch) -> Response:
    """Return the response without TLS; raises NoResponse."""
    return _sent(target, request, None, stopwatch)


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


def _asked(
    target: Endpoint, request: Request, context: Callable[[], ssl.SSLContext], stopwatch: Stopwatch
) -> Response:
    try:
        return _sent(target, request, context(), stopwatch)
    except OSError as error:  # the client certificate cannot be read any more
        raise NoResponse(in_words(error)) from None


def _sent(target: Endpoint, request: Request, tls: ssl.SSLContext | None, stopwatch: Stopwatch) -> Response:
    place = Place(target.host, target.port, tls, target.address)
    headers = {"Accept-Encoding": "identity", "User-Agent": "validator-doctor", "Host": place.authority}
    if request.method == "POST":
        headers["Content-Type"] = request.content_type
    if request.authorization:
        headers["Authorization"] = request.authorization
    pieces = written(place, request.path, request.body, headers, method=request.method)
    began = stopwatch()
    response = send(place, pieces, give_up_after=timedelta(seconds=TIMEOUT))
    return replace(response, seconds=stopwatch() - began)

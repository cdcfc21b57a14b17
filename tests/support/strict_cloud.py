"""A strict stand-in of the cloud, over TLS: it refuses what the real one refuses, and keeps what it was sent.

It insists, in this order, on TLS 1.2 or newer, on its own name in the handshake (SNI), on its own name and
port in `Host`, on a path below /service-cloud/ and there on an `Origin`. A test puts into `says` what it
answers at a path instead, however hostile, and reads in `received` what really arrived.
"""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from socket import SHUT_RDWR, create_server, socket
from threading import Event, Thread
from typing import BinaryIO

import trustme

from tests.support import raw_http
from tests.support.raw_http import Headers, Request

NAME = "cloud.example.com"
CHAT_SCRIPT = "/service-cloud/webclient/chat_client/js/thirdPartyClient.js"
GUEST_SCRIPT = "/service-cloud/webclient/chat_client/js/newThirdPartyClient.js"
AGENT_SCRIPT = "/service-cloud/ccdesktop/pages/cc-bar/js/ccbarclient.js"
LOGIN = "/apigovernance/api/oauth/tokenByAkSk"
COOKIES = {  # the names of the cookies that prove success, by the folder whose scripts set them
    "/service-cloud/webclient/": ("ccmessaging-token",),
    "/service-cloud/ccdesktop/": ("sum_atime", "sum_refresh_token", "sum_sid", "sum_token"),
}
SCRIPT = b"/* the cloud's script */\n" + b"window.cloud = (window.cloud || 0) + 1;\n" * 200
_TIMEOUT = 20  # seconds


@dataclass(frozen=True, slots=True)
class Says:
    """What the cloud answers; *after* is waited for, once the first *early* bytes of the body are sent."""

    body: bytes = b""
    status: int = 200
    headers: Headers = ()
    after: Event | None = None
    early: int = 0


_OTHER_HOST = Says(b"another virtual host", 404)
_NO_PAGE = Says(b"the cloud has no such page", 404)
_NO_ORIGIN = Says(b'{"errorMessage": null}', 500, [("Content-Type", "application/json")])


@dataclass
class Cloud:
    """The stand-in: where it listens, what it is to answer, and what it has seen."""

    listener: socket
    certificate: trustme.LeafCert
    says: dict[str, Says] = field(default_factory=dict)
    received: list[Request] = field(default_factory=list)
    begun: list[Request] = field(default_factory=list)  # their heads have arrived, their bodies perhaps not
    refused: list[str] = field(default_factory=list)  # why a handshake failed
    callers: list[int] = field(default_factory=list)  # the numbers of all connections
    _open: dict[int, socket] = field(default_factory=dict)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.listener.getsockname()[1])

    @property
    def authority(self) -> str:
        """What `Host` must be."""
        return f"{NAME}:{self.port}"

    def forget(self) -> None:
        """Answer as at first, and know nothing of what was received."""
        for known in (self.says, self.received, self.begun, self.refused, self.callers):
            known.clear()

    def last(self) -> Request:
        """Return the newest request."""
        return self.received[-1]

    def serve(self) -> None:
        """Accept connections until the listener is closed; each has its own thread."""
        numbers = count()
        with suppress(OSError):
            while True:
                raw, _ = self.listener.accept()
                self.callers.append(number := next(numbers))
                Thread(target=self._converse, args=(raw, number), daemon=True).start()

    def close(self) -> None:
        """Stop listening and end every connection."""
        for connection in [self.listener, *self._open.values()]:
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)
        self.listener.close()

    def _converse(self, raw: socket, number: int) -> None:
        raw.settimeout(_TIMEOUT)
        try:
            with raw, _context(self.certificate).wrap_socket(raw, server_side=True) as connection:
                self._open[number] = connection
                with connection.makefile("rb") as stream:
                    while self._exchange(connection, stream, number):
                        pass
        except ssl.SSLError as error:
            self.refused.append(error.reason or type(error).__name__)
        except OSError:
            pass  # the other side went away, as it may
        finally:
            self._open.pop(number, None)

    def _exchange(self, connection: ssl.SSLSocket, stream: BinaryIO, number: int) -> bool:
        """Read a request and respond; return whether another may follow on this connection."""
        head = raw_http.read_head(stream, number)
        if head is None:
            return False
        self.begun.append(head)
        request = Request(number, head.line, head.headers, raw_http.read_body(stream, head))
        self.received.append(request)
        if request.is_http_1_1 and request.value("Upgrade") == "websocket":
            _echo(connection, stream, request)
            return False
        answer = self._answer(request)
        whole = raw_http.answer_bytes(answer.status, answer.headers, answer.body)
        begin = len(whole) - len(answer.body) + answer.early if answer.early else 0
        connection.sendall(whole[:begin])
        if answer.after is not None:
            answer.after.wait(_TIMEOUT)
        connection.sendall(whole[begin:])
        return request.is_http_1_1 and request.value("Connection") != "close"

    def _answer(self, request: Request) -> Says:
        if request.values("Host") != [self.authority]:
            return _OTHER_HOST
        if request.path in self.says:
            return self.says[request.path]
        if not request.path.startswith("/service-cloud/"):
            return _NO_PAGE
        if not request.value("Origin"):
            return _NO_ORIGIN
        names = next((COOKIES[folder] for folder in COOKIES if request.path.startswith(folder)), ())
        return Says(SCRIPT, 200, [("Content-Type", "application/javascript"), *cookies(names)])


def cookies(names: Sequence[str], value: str = "of-the-cloud", path: str = "/") -> Headers:
    """Return the headers that set cookies as the cloud does, for its own name."""
    return [("Set-Cookie", f"{name}={value}; Domain={NAME}; Path={path}; Secure") for name in names]


@contextmanager
def standing(
    authority: trustme.CA, *, address: str = "127.0.0.1", port: int = 0, name: str = NAME
) -> Iterator[Cloud]:
    """Give a cloud at *address* that answers already, with a certificate of *authority* for *name*."""
    certificate = authority.issue_cert(name)
    with closing(Cloud(create_server((address, port)), certificate)) as cloud:
        thread = Thread(target=cloud.serve)
        thread.start()
        yield cloud
    thread.join(_TIMEOUT)


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """Return the TLS context of one connection: a separate one, so that no session is resumed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sni_callback = _refuse_other_names
    certificate.configure_cert(context)
    return context


def _refuse_other_names(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> int | None:
    return None if name == NAME else int(ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME)


def _echo(connection: ssl.SSLSocket, stream: BinaryIO, request: Request) -> None:
    """Take a WebSocket, and give back every text until it is closed."""
    connection.sendall(raw_http.websocket_answer(request))
    while (text := raw_http.read_text_frame(stream)) is not None:
        connection.sendall(raw_http.text_frame(text, masked=False))

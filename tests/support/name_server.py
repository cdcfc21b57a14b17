"""A name server on loopback that answers from a table; a test moves a name, or switches the server off."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from socket import AF_INET, SOCK_DGRAM, socket
from struct import pack
from threading import Thread

_A, _CLASS_IN = 1, 1
_GOOD, _FAILURE, _NO_SUCH_NAME = 0, 2, 3  # RFC 1035, section 4.1.1
_RESPONSE = 0x8180  # an answer, recursion desired and available
_POINTER_TO_QUESTION = 0xC00C
_SECONDS_TO_KEEP = 1
_HEADER, _TYPE_AND_CLASS = 12, 4
_LARGEST = 512
_TIMEOUT = 20  # seconds


@dataclass
class Nameserver:
    """The server: which names it knows, whether it is on, and what it was asked."""

    socket: socket
    names: dict[str, str]
    is_on: bool = True
    asked: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where it is asked, as ADDRESS:PORT."""
        host, port = self.socket.getsockname()
        return f"{host}:{port}"

    def serve(self) -> None:
        """Answer until an empty message comes."""
        with suppress(OSError):
            while True:
                question, sender = self.socket.recvfrom(_LARGEST)
                if not question:
                    return
                self.socket.sendto(self._answer(question), sender)

    def _answer(self, question: bytes) -> bytes:
        name, end = _read_name(question)
        asked = question[_HEADER : end + _TYPE_AND_CLASS]
        self.asked.append(name)
        if not self.is_on:
            return _message(question, _FAILURE, asked)
        if name not in self.names:
            return _message(question, _NO_SUCH_NAME, asked)
        if asked[-_TYPE_AND_CLASS:] != pack("!2H", _A, _CLASS_IN):
            return _message(question, _GOOD, asked)
        address = IPv4Address(self.names[name]).packed
        head = pack("!3HIH", _POINTER_TO_QUESTION, _A, _CLASS_IN, _SECONDS_TO_KEEP, len(address))
        return _message(question, _GOOD, asked, head + address)


@contextmanager
def answering(names: Mapping[str, str]) -> Iterator[Nameserver]:
    """Give a name server that knows *names*, each with its address."""
    with socket(AF_INET, SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        server = Nameserver(listener, dict(names))
        thread = Thread(target=server.serve)
        thread.start()
        try:
            yield server
        finally:
            with socket(AF_INET, SOCK_DGRAM) as waker:
                waker.sendto(b"", listener.getsockname())
            thread.join(_TIMEOUT)


def _message(question: bytes, code: int, asked: bytes, record: bytes = b"") -> bytes:
    """Return the answer to *question*: its number, the code, what was asked, and a record or none."""
    return question[:2] + pack("!5H", _RESPONSE | code, 1, 1 if record else 0, 0, 0) + asked + record


def _read_name(question: bytes) -> tuple[str, int]:
    """Return the name that is asked for, and where it ends."""
    labels, place = [], _HEADER
    while length := question[place]:
        labels.append(question[place + 1 : place + 1 + length].decode("ascii").lower())
        place += 1 + length
    return ".".join(labels), place + 1

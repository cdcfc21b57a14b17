"""A proxy and a server that agree on nothing, to show that the vectors of smuggling smuggle something.

Each reads a request in its own careless way: one goes by Content-Length, the other by the chunks. The proxy
passes on exactly the bytes that it took for one request, and sends back whatever comes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO

from tests.support import raw_http
from tests.support.raw_http import Headers, Request
from tests.support.smuggling import Arrived, Case, Counted, Seen, statuses

BodyReader = Callable[[BytesIO, Headers], None]
_ANSWER = raw_http.answer_bytes(200, [], b"yes")


class UnreadableError(Exception):
    """Even a careless reader can make nothing of it."""


def by_length(stream: BytesIO, headers: Headers) -> None:
    """Read over a body as long as the last Content-Length says, whatever else is said of it."""
    lengths = _values(headers, "content-length")
    if lengths:
        _read_over(stream, _number(lengths[-1], 10))


def by_chunks(stream: BytesIO, headers: Headers) -> None:
    """Read over chunks where Transfer-Encoding has anything to do with them, else go by the length."""
    if not any("chunked" in value.lower() for value in _values(headers, "transfer-encoding")):
        return by_length(stream, headers)
    while size := _number(stream.readline().partition(b";")[0].decode("latin-1"), 16):
        _read_over(stream, size)
        stream.readline()
    while stream.readline().strip():
        pass
    return None


@dataclass
class NaivePair:
    """The proxy, which reads bodies as *front* does, and the server behind, which does as *back*."""

    front: BodyReader
    back: BodyReader
    _arrived: list[Arrived] = field(default_factory=list)

    def exchange(self, case: Case) -> Seen:
        """Return what becomes of *case* between the two."""
        sent = case.attack("naive.example.com")
        stream, counted, received = BytesIO(sent), list[Counted](), b""
        self._arrived.clear()
        while (begin := stream.tell()) < len(sent):
            try:
                head = _read_head(stream)
                self.front(stream, head.headers)
            except UnreadableError:
                break
            line, _, rest = sent[begin : stream.tell()].partition(b"\n")
            own = f"X-Request-ID: {len(counted)}\r\nX-Forwarded-For: {case.source}\r\n".encode()
            received += self._serve(line + b"\n" + own + rest)
            counted.append(Counted(str(len(counted)), 200, is_answered=True, is_passed_on=True))
        return Seen(statuses(received), counted, list(self._arrived))

    def _serve(self, passed_on: bytes) -> bytes:
        """Return the server's answers to everything that it takes for a request."""
        stream, answers = BytesIO(passed_on), b""
        while stream.tell() < len(passed_on):
            try:
                head = _read_head(stream)
                self.back(stream, head.headers)
            except UnreadableError:
                return answers + raw_http.answer_bytes(400, [], b"")
            told = [value[-1] if value else "" for value in _told(head)]
            self._arrived.append(Arrived(told[0], told[1], head.target))
            answers += _ANSWER
        return answers


def _told(head: Request) -> list[list[str]]:
    return [_values(head.headers, name) for name in ("x-request-id", "x-forwarded-for")]


def _read_head(stream: BytesIO) -> Request:
    head = raw_http.read_head(stream, 0)
    if head is None or head.line.count(" ") < 2:
        raise UnreadableError
    return head


def _values(headers: Headers, name: str) -> list[str]:
    """Return the values of a header whose name is *name*, or nearly."""
    return [value for own, value in headers if own.strip().lower().replace("_", "-") == name]


def _read_over(stream: BytesIO, size: int) -> None:
    # As many bytes as there are: a size may be said that no file has.
    stream.seek(min(max(size, 0), len(stream.getbuffer()) - stream.tell()), 1)


def _number(text: str, base: int) -> int:
    try:
        return int(text, base)
    except ValueError:
        raise UnreadableError from None

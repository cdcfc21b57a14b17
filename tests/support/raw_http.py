"""HTTP/1.1 and WebSocket as bytes, for a server and a client that must see exactly what is on the wire."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from http import HTTPStatus
from typing import BinaryIO

Headers = Sequence[tuple[str, str]]
_KEY_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_TEXT, _MASKED, _SHORT = 0x81, 0x80, 0x7F


@dataclass(frozen=True, slots=True)
class Request:
    """One request exactly as it arrived, and the number of the connection it came on."""

    connection: int
    line: str
    headers: Headers
    body: bytes = b""

    @property
    def target(self) -> str:
        """What stands between the method and the version."""
        return self.line.split(" ")[1]

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def is_http_1_1(self) -> bool:
        """Whether the connection may be used again."""
        return self.line.endswith(" HTTP/1.1")

    def values(self, name: str) -> list[str]:
        """Return every value of the header *name*."""
        return [value for own, value in self.headers if own.lower() == name.lower()]

    def value(self, name: str) -> str:
        """Return the values of the header *name* as one text; "" when it was not sent."""
        return ", ".join(self.values(name))


def read_head(stream: BinaryIO, connection: int) -> Request | None:
    """Read a request up to its body; None at the end of the connection."""
    line, *rest = read_lines(stream) or [""]
    parts = (text.partition(":") for text in rest)
    return Request(connection, line, [(name, value.strip()) for name, _, value in parts]) if line else None


def read_body(stream: BinaryIO, head: Request) -> bytes:
    """Read the body that follows *head*; raises ConnectionError when it ends too early."""
    if head.value("Transfer-Encoding").lower() != "chunked":
        length = int(head.value("Content-Length") or 0)
        body = stream.read(length)
        if len(body) < length:
            raise ConnectionError("a part of a body")
        return body
    chunks = []
    while size := int(_read_line(stream) or "0", 16):
        chunks.append(stream.read(size))
        _read_line(stream)
    _read_line(stream)
    return b"".join(chunks)


def read_lines(stream: BinaryIO) -> list[str]:
    """Read lines up to an empty one."""
    lines = []
    while line := _read_line(stream):
        lines.append(line)
    return lines


def answer_bytes(status: int, headers: Headers, body: bytes) -> bytes:
    """Return an answer as it is sent; its length is added where it has one."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {text}" for name, text in headers)]
    if status >= HTTPStatus.OK and status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def websocket_answer(request: Request) -> bytes:
    """Return the answer that takes *request* as the beginning of a WebSocket."""
    key = request.value("Sec-WebSocket-Key").encode("ascii")
    accepted = b64encode(sha1(key + _KEY_SUFFIX).digest()).decode("ascii")
    headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", accepted)]
    return answer_bytes(101, headers, b"")


def text_frame(text: str, *, masked: bool) -> bytes:
    """Return a short text as a frame; what a client sends is masked, here with zeros."""
    content = text.encode()
    assert len(content) <= 125, "longer frames have another form"
    return bytes([_TEXT, len(content) | (_MASKED if masked else 0)]) + bytes(4 if masked else 0) + content


def read_text_frame(stream: BinaryIO) -> str | None:
    """Return the text of the next frame; None at the end of the connection or for anything else."""
    head = stream.read(2)
    if len(head) < 2 or head[0] != _TEXT:
        return None
    mask = stream.read(4) if head[1] & _MASKED else bytes(4)
    content = stream.read(head[1] & _SHORT)
    return bytes(byte ^ mask[index % 4] for index, byte in enumerate(content)).decode()


def _read_line(stream: BinaryIO) -> str:
    return stream.readline().decode("latin-1").rstrip("\r\n")

"""HTTP/2 as bytes, for a client that says in it what nobody may say (RFC 9113, RFC 7541).

One request on one connection, its header fields written out letter by letter, and the statuses of what comes.
"""

import ssl
from collections.abc import Iterator, Sequence
from io import BytesIO
from socket import create_connection

from tests.support.nginx_process import NAME, Door

Fields = Sequence[Sequence[str]]
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _SETTINGS = 0, 1, 4
_END_STREAM, _END_HEADERS = 1, 4
_STREAM = 1
_STATUSES = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}  # RFC 7541, appendix A
_STATUS_BY_NAME = (0x08, 0x48)  # a literal whose name is that of entry 8, not kept or kept


def connect(door: Door, timeout: float) -> ssl.SSLSocket:
    """Return a connection to *door* that speaks HTTP/2, from the door's own client address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    door.authority.configure_trust(context)
    context.set_alpn_protocols(["h2"])
    raw = create_connection(("127.0.0.1", door.port), timeout, (door.source, 0))
    try:
        connection = context.wrap_socket(raw, server_hostname=NAME)
    except OSError:
        raw.close()
        raise
    assert connection.selected_alpn_protocol() == "h2"
    return connection


def request(fields: Fields, body: bytes) -> bytes:
    """Return a connection's beginning and one request of *fields* (Latin-1) and *body*."""
    block = b"".join(b"\x00" + _text(name) + _text(value) for name, value in fields)
    ends = 0 if body else _END_STREAM
    head = _frame(_SETTINGS, 0, 0, b"") + _frame(_HEADERS, _END_HEADERS | ends, _STREAM, block)
    return _PREFACE + head + (_frame(_DATA, _END_STREAM, _STREAM, body) if body else b"")


def statuses(received: bytes) -> Iterator[int]:
    """Yield the status of each answer in what was *received*."""
    stream = BytesIO(received)
    while len(head := stream.read(9)) == 9:
        content = stream.read(int.from_bytes(head[:3], "big"))
        if head[3] == _HEADERS and (found := _status(content)):
            yield found


def _status(block: bytes) -> int | None:
    """Return the status at the beginning of *block*; None when it is that of a trailer."""
    block = block.lstrip(bytes(range(0x20, 0x40)))  # sizes of the dynamic table
    if block[0] & 0x80:
        return _STATUSES.get(block[0] & 0x7F)
    return int(block[2:5]) if block[0] in _STATUS_BY_NAME else None


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + content


def _text(text: str) -> bytes:
    """Return *text* with its length before it, not compressed."""
    data = text.encode("latin-1")
    length, more = [min(len(data), 0x7F)], len(data) - 0x7F
    while more >= 0:
        length.append(more & 0x7F | (0x80 if more > 0x7F else 0))
        more = (more >> 7) if more > 0x7F else -1
    return bytes(length) + data

"""Requests of a benchmark over plain sockets: one by itself, and a flood of logins.

The flood sends the next request as soon as the last one is answered; it runs in a separate process
(`flood` and `guess` can be handed to one), so that it does not delay the process that measures meanwhile.
"""

import secrets
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable
from ipaddress import IPv4Address

import orjson

Address = tuple[str, int]
_TIMEOUT = 10  # seconds for one answer
_LOST = "lost"


def post(path: str, body: object, **headers: str) -> bytes:
    """Return the bytes of a POST with *body* as JSON; underscores in names of headers stand for hyphens."""
    content = orjson.dumps(body)
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


def source(number: int) -> str:
    """Return the address with this number, below 2**17, of the block for benchmarks (RFC 2544)."""
    return str(IPv4Address("198.18.0.0") + number)


def is_whole(answer: bytes) -> bool:
    """Return whether *answer* has its headers and the whole body that they announce."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        return body.endswith(b"0\r\n\r\n")
    _, _, rest = head.lower().partition(b"content-length:")
    return bool(end) and len(body) >= int(rest.split(b"\r\n")[0] or 0)


def ask(address: Address, request: bytes) -> bytes:
    """Return the response to one *request*, over a new connection; raises OSError when there is none."""
    with socket.create_connection(address, _TIMEOUT) as connection:
        connection.sendall(request)
        answer = b""
        while not is_whole(answer):
            part = connection.recv(65536)
            if not part:
                raise ConnectionResetError
            answer += part
        return answer


def flood(
    address: Address, make: Callable[[], bytes], connections: int, seconds: float, pause: float = 0
) -> dict[str, int]:
    """Send requests that *make* returns over *connections* at once; return how many had each status.

    After the first of each connection there are *pause* seconds between two requests.
    """
    statuses: Counter[str] = Counter()
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            _begin(selector, address, make)
        while time.monotonic() < end:
            for key, _ in selector.select(0.1):
                _go_on(selector, key, make, statuses, address)
                time.sleep(pause)
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    return dict(statuses)


def guess(path: str = "/api/v1/login") -> bytes:
    """Return a login with a guessed password.

    As a botnet behind a proxy does it: each guess is another account's, and comes from another address, so
    that neither the lockout nor a limit on addresses holds it back.
    """
    body = {"account": f"user-{secrets.token_hex(6)}", "password": secrets.token_hex(10)}
    return post(path, body, X_Forwarded_For=source(secrets.randbelow(2**17)))


def _begin(selector: selectors.BaseSelector, address: Address, make: Callable[[], bytes]) -> None:
    connection = socket.create_connection(address, _TIMEOUT)
    selector.register(connection, selectors.EVENT_READ, bytearray())
    connection.sendall(make())


def _go_on(
    selector: selectors.BaseSelector,
    key: selectors.SelectorKey,
    make: Callable[[], bytes],
    statuses: Counter[str],
    address: Address,
) -> None:
    """Take what came on one connection; when the answer is whole, count it and send the next request."""
    connection: socket.socket = key.fileobj  # type: ignore[assignment]
    try:
        part = connection.recv(65536)
        key.data.extend(part)
        if part and is_whole(bytes(key.data)):
            statuses[key.data[9:12].decode()] += 1
            key.data.clear()
            connection.sendall(make())
    except OSError:
        part = b""
    if not part:
        statuses[_LOST] += 1
        selector.unregister(connection)
        connection.close()
        _begin(selector, address, make)

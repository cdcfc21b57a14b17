"""Load for a benchmark: an open-loop probe and a closed-loop flood, over plain sockets.

The probe sends at instants that are fixed beforehand and measures from those instants, so that a server that
stalls is charged for every request it kept waiting. The flood sends the next request as soon as the last one
is answered; it runs in a process of its own (`flood` can be handed to one), so that it does not stop the
probe's clock.
"""

import secrets
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import count

import orjson

Address = tuple[str, int]
_PATIENCE = 10  # seconds for one answer
_LOST = "lost"
_FIRST_ADDRESS = int(IPv4Address("198.18.0.0"))  # of the block for benchmarks (RFC 2544)


@dataclass
class Measured:
    """What a probe saw: how long each answer took (seconds), and what was no right answer."""

    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)

    def milliseconds(self, share: float) -> float:
        """Return the latency that *share* of the answers did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def post(path: str, body: object, **headers: str) -> bytes:
    """Return the bytes of a POST with *body* as JSON; underscores in names of headers stand for hyphens."""
    content = orjson.dumps(body)
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, f"Content-Length: {len(content)}", "", ""]).encode() + content


def is_whole(answer: bytes) -> bool:
    """Tell whether *answer* has its headers and the whole body that they announce."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        return body.endswith(b"0\r\n\r\n")
    _, _, rest = head.lower().partition(b"content-length:")
    return bool(end) and len(body) >= int(rest.split(b"\r\n")[0] or 0)


def probe(
    address: Address,
    requests: list[bytes],
    is_right: Callable[[bytes], bool],
    *,
    rate: float,
    seconds: float,
    connections: int = 32,
) -> Measured:
    """Send *requests* in turn, *rate* of them a second, and measure each from the instant it is due."""
    measured, numbers, total = Measured(), count(), int(rate * seconds)
    began = time.monotonic() + 0.1

    def send() -> None:
        connection = socket.create_connection(address, _PATIENCE)
        while (number := next(numbers)) < total:
            due = began + number / rate
            time.sleep(max(0, due - time.monotonic()))
            try:
                answer = _exchange(connection, requests[number % len(requests)])
            except OSError as error:
                measured.errors[type(error).__name__] += 1
                connection.close()
                connection = socket.create_connection(address, _PATIENCE)
                continue
            measured.latencies.append(time.monotonic() - due)
            if not is_right(answer):
                measured.errors[answer[9:12].decode(errors="replace") or "empty"] += 1
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return measured


def ask(address: Address, request: bytes) -> bytes:
    """Return the answer to one *request*, over a connection of its own; raises OSError when there is none."""
    with socket.create_connection(address, _PATIENCE) as connection:
        return _exchange(connection, request)


def _exchange(connection: socket.socket, request: bytes) -> bytes:
    """Return the answer to *request*; raises OSError when there is none."""
    connection.sendall(request)
    answer = b""
    while not is_whole(answer):
        part = connection.recv(65536)
        if not part:
            raise ConnectionResetError
        answer += part
    return answer


def login_flood(address: Address, path: str, connections: int, seconds: float) -> dict[str, int]:
    """Guess passwords from *connections* at once; return how many answers there were of each status.

    As a botnet behind a proxy does it: each guess is another account's, and comes from another address, so
    that neither the lockout nor a limit on addresses holds it back.
    """
    statuses: Counter[str] = Counter()
    end = time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            _begin(selector, address, path)
        while time.monotonic() < end:
            for key, _ in selector.select(0.1):
                _go_on(selector, key, path, statuses, address)
        for key in list(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
    return dict(statuses)


def _begin(selector: selectors.BaseSelector, address: Address, path: str) -> None:
    connection = socket.create_connection(address, _PATIENCE)
    selector.register(connection, selectors.EVENT_READ, bytearray())
    connection.sendall(_guess(path))


def _go_on(
    selector: selectors.BaseSelector,
    key: selectors.SelectorKey,
    path: str,
    statuses: Counter[str],
    address: Address,
) -> None:
    """Take what came on one connection; when the answer is whole, count it and send the next guess."""
    connection: socket.socket = key.fileobj  # type: ignore[assignment]
    try:
        part = connection.recv(65536)
        key.data.extend(part)
        if part and is_whole(bytes(key.data)):
            statuses[key.data[9:12].decode()] += 1
            key.data.clear()
            connection.sendall(_guess(path))
    except OSError:
        part = b""
    if not part:
        statuses[_LOST] += 1
        selector.unregister(connection)
        connection.close()
        _begin(selector, address, path)


def _guess(path: str) -> bytes:
    body = {"account": f"user-{secrets.token_hex(6)}", "password": secrets.token_hex(10)}
    address = IPv4Address(_FIRST_ADDRESS + secrets.randbelow(2**17))
    return post(path, body, X_Forwarded_For=str(address))

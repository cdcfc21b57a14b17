"""Requests that two servers may read differently, and what became of each at the client, the door and behind.

A case is a vector of `tests/vectors/smuggling` sent to one target. It comes from a loopback address of its
own, by which its lines are found in the door's log and in what is behind. The second request, which hides in
the first, asks for a separate path that the front forwards to nobody: a server behind that received it was
sent it by the first.
"""

import re
import ssl
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import orjson

from tests.support import http2_bytes, raw_http
from tests.support.nginx_process import Door
from tests.support.server_process import Server
from tests.support.strict_cloud import Cloud

VECTORS = Path(__file__).parents[1] / "vectors" / "smuggling"
CLAIMED = "6.6.6.6"  # the address that an attacker says it has
# For nginx: a broken stream of HTTP/2 is reset, the rest never came, or one of the two ended the connection.
NOT_ANSWERED = (0, 408, 444, 499)
NEVER_ENDED = 0  # stands for an answer where the connection was kept open
_TIMEOUT = 12  # seconds; the door of these tests waits three
_LONG = "a" * 20_000
_CONTINUE = 100
_WITHOUT_BODY = (204, 304)


@dataclass(frozen=True, slots=True)
class Vector:
    """One ambiguous request; `raw` has places for what differs from case to case.

    With `fields` it is one of HTTP/2: these are the fields of its head, with places too; `raw` is its body.
    """

    name: str
    ambiguous: str
    source: str
    raw: str
    fields: http2_bytes.Fields = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A vector, the target it is sent to, and the address that it comes from."""

    vector: Vector
    target: str
    source: str

    @property
    def hidden_path(self) -> str:
        """The path that only the hidden request asks for."""
        return f"/hidden-{self.vector.name}-{self.source}"

    def attack(self, host: str, question: bytes = b"") -> bytes:
        """Return what is sent to *host*; *question* is the body of a vector that has an honest one."""
        hidden = f"GET {self.hidden_path} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {CLAIMED}\r\n\r\n"
        places = {"target": self.target, "host": host, "long": _LONG, "hidden_size": f"{len(hidden):x}"}
        places |= {"question": question.decode(), "size": str(len(question))}
        text = _filled(self.vector.raw, places)
        head, body = ("", text) if self.vector.fields else _parts(text)
        sizes = {"all": len(body.replace("{hidden}", hidden)), "before": len(body.partition("{hidden}")[0])}
        places |= {name: str(size) for name, size in sizes.items()} | {"hidden": hidden}
        if self.vector.fields:
            fields = [[_filled(part, places) for part in field] for field in self.vector.fields]
            return http2_bytes.request(fields, _filled(body, places).encode("latin-1"))
        return _filled(head + body, places).encode("latin-1")


@dataclass(frozen=True, slots=True)
class Counted:
    """A request that the front counted: its id there, its status, whether it was answered and passed on."""

    request_id: str
    status: int
    is_answered: bool
    is_passed_on: bool


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request that the server behind the front received; the id is None where it has none."""

    request_id: str | None
    source: str
    path: str

    def is_of(self, case: Case, counted: Sequence[Counted]) -> bool:
        """Return whether *case* made it: by its source, by what only it asks for, or by an id *counted*."""
        is_named = self.source == case.source or self.path.startswith(case.hidden_path)
        return is_named or self.request_id in {one.request_id for one in counted}


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one case: the answers' statuses, what the front counted, what came to those behind."""

    answers: Sequence[int]
    counted: Sequence[Counted]
    arrived: Sequence[Arrived]

    def complaints(self, case: Case) -> list[str]:
        """Return every way in which one request became two, or was taken for somebody else's."""
        answered = [one for one in self.counted if one.is_answered]
        silent = {one.status for one in self.counted if not one.is_answered}
        passed_on = {one.request_id for one in self.counted if one.is_passed_on}
        told = [one.request_id for one in self.arrived if one.request_id is not None]
        wrong = {
            "not one answer for each request": len(self.answers) != len(answered),
            "a request without an answer": not silent <= {*NOT_ANSWERED},
            "no request at all": not self.counted,
            "more arrived than was passed on": len(self.arrived) > len(passed_on),
            "a request that nobody counted": not passed_on >= {*told},
            "a request that arrived twice": len(told) > len({*told}),
            "another source": any(one.source != case.source for one in self.arrived),
            "the hidden request": any("hidden" in one.path for one in self.arrived),
        }
        return [words for words, is_so in wrong.items() if is_so]


def load_vectors(folder: Path = VECTORS) -> list[Vector]:
    """Return every vector of *folder*, with the file in its name; raises LookupError for an empty one."""
    read = {path: tomllib.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.toml"))}
    empty = [path.name for path, content in read.items() if not content.get("vector")]
    if not read or empty:
        raise LookupError(f"no vectors in {folder}: {empty}")
    return [
        Vector(**{**vector, "name": f"{path.stem}-{vector['name']}"})
        for path, content in read.items()
        for vector in content["vector"]
    ]


def cases(vectors: Sequence[Vector], targets: Sequence[str]) -> list[Case]:
    """Return each of *vectors* for each of *targets*, each with its own loopback address."""
    return [
        Case(vector, target, f"127.{20 + place}.{number // 250}.{number % 250 + 1}")
        for place, target in enumerate(targets)
        for number, vector in enumerate(vectors)
    ]


def converse(door: Door, case: Case, question: bytes) -> list[int]:
    """Send *case* to *door* over a new connection; return the statuses of all responses.

    The last is NEVER_ENDED when the door still held the connection long after everybody had spoken.
    """
    is_new, there = bool(case.vector.fields), door.coming_from(case.source)
    received, has_ended = bytearray(), True
    with http2_bytes.connect(there, _TIMEOUT) if is_new else there.connect() as connection:
        connection.settimeout(_TIMEOUT)
        # A refused request may end the connection before all of it is sent, or with a reset.
        with suppress(ConnectionError, ssl.SSLEOFError):
            connection.sendall(case.attack(door.origin.removeprefix("https://"), question))
        try:
            while part := connection.recv(65536):
                received += part
        except (ConnectionError, ssl.SSLEOFError):
            pass
        except TimeoutError:
            has_ended = False
    answers = http2_bytes.statuses(bytes(received)) if is_new else statuses(bytes(received))
    return [*answers, *([] if has_ended else [NEVER_ENDED])]


def statuses(received: bytes) -> list[int]:
    """Return the status of each answer in what was *received*, 9 for one without a head (HTTP/0.9)."""
    return list(_statuses(BytesIO(received), len(received)))


def _statuses(stream: BytesIO, size: int) -> Iterator[int]:
    while stream.tell() < size:
        line, *rest = raw_http.read_lines(stream) or [""]
        if not line.startswith("HTTP/"):
            yield 9
            return
        status = int(line.split(" ")[1])
        headers = [(name, value.strip()) for name, _, value in (text.partition(":") for text in rest)]
        head = raw_http.Request(0, line, headers)
        if status == _CONTINUE:
            continue
        yield status
        if head.value("Content-Length") or head.value("Transfer-Encoding"):
            raw_http.read_body(stream, head)
        elif status not in _WITHOUT_BODY:
            stream.read()


def counted(log: Path) -> dict[str, list[Counted]]:
    """Return what nginx has logged in *log*, by the address that it came from."""
    found: dict[str, list[Counted]] = {}
    for line in log.read_bytes().splitlines():
        # Whether every line is JSON is another promise, so that one that is not breaks only that one.
        entry = orjson.loads(
            re.sub(rb'"status":0+', b'"status":0', line).replace(b'"status":09', b'"status":9')
        )
        one = Counted(entry["request_id"], entry["status"], entry["bytes"] > 0, bool(entry["upstream"]))
        found.setdefault(entry["source"], []).append(one)
    return found


def arrived_at_application(server: Server) -> list[Arrived]:
    """Return the requests that gunicorn's workers have heard, from the application's own log."""
    entries = [entry for entry in server.entries() if _is_access(entry)]
    return [Arrived(entry["request_id"], entry["source"], entry["path"]) for entry in entries]


def arrived_at_cloud(cloud: Cloud) -> list[Arrived]:
    """Return the requests whose heads the cloud has heard, whatever came of them."""
    return [Arrived(None, one.value("X-Forwarded-For"), one.target) for one in cloud.begun]


def _is_access(entry: dict[str, Any]) -> bool:
    # The first one is of who looked whether the server answers already.
    return entry.get("event") == "request" and entry["path"] != "/healthz"


def _filled(text: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _parts(text: str) -> tuple[str, str]:
    """Return *text* up to the first empty line, with it, and what is behind; empty lines may stand before."""
    begin = len(text) - len(text.lstrip("\r\n"))
    ends = [(text.find(end, begin), end) for end in ("\r\n\r\n", "\r\n\n", "\n\n")]
    found = min((place + len(end) for place, end in ends if place >= 0), default=len(text))
    return text[:found], text[found:]

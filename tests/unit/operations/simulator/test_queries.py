"""Steps of scenarios at `queryCustomer`, against servers that respond in one way each."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.fakes import AGENT_PATH, CHAT_PATH, TENANT
from validator.errors import ConfigurationError
from validator.files import write_private
from validator.operations.simulator.asking import Got
from validator.operations.simulator.certificate import system_trust
from validator.operations.simulator.queries import Queries, QuerySide, load
from validator.operations.simulator.scenario import Step
from validator.operations.simulator.target import Known, Skipped, Target
from validator.routeguard import BASIC, PATH

SECRET = "q1w2E3r4T5y6U7i8O9p0-A1s2D3f4G5h6J7k8L9_0zX"
ONE = orjson.dumps([{"objectName": "Customer", "values": []}])
SIDE = QuerySide(TENANT, "/query", PATH, SECRET, {"one": "13606254580"})


class Server:
    """A server that gives every request the same response, and keeps what it got."""

    def __init__(self, status: int, body: bytes, version: str = "HTTP/1.1", **headers: str) -> None:
        self.seen: list[tuple[str, str, bytes, int]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = version

            def answer(self) -> None:
                body_sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.seen.append((self.command, self.path, body_sent, self.client_address[1]))
                self.send_response_only(status)
                fields = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
                for name, text in fields.items():
                    self.send_header(name.replace("_", "-"), text)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.answer()

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.target = Target.at(
            f"http://127.0.0.1:{self.http.server_port}",
            system_trust(),
            Known(TENANT),
            agent_path=AGENT_PATH,
            chat_path=CHAT_PATH,
        )


@contextmanager
def responding(
    status: int, body: bytes = b"[]", version: str = "HTTP/1.1", **headers: str
) -> Iterator[Server]:
    """Give a server that responds so."""
    server = Server(status, body, version, **headers)
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        thread.join()
        server.http.server_close()


def ask(server: Server, expect: str, **keys: Any) -> Got:
    return Queries(server.target, SIDE).ask(Step("a step", "query", expect, **keys))


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, ONE, {"one", "answered"}),
        (200, b"[]", {"none", "malformed", "answered"}),
        (200, ONE[:-1] + b"," + ONE[1:], {"several", "answered"}),
        (401, b"[]", {"refused"}),
        (403, b"[]", {"refused"}),
        (405, b"[]", {"malformed"}),
        (503, b"[]", {"answered"}),
        (429, b"[]", set()),
        (401, ONE, set()),
        (200, b"{}", set()),
    ],
)
def test_response_is_what_one_step_expects(status: int, body: bytes, expected: set[str]) -> None:
    """Each response is right for the steps that expect it, and wrong for all others."""
    expectations = ("one", "several", "none", "answered", "refused", "malformed")

    with responding(status, body) as server:
        fitting = {expect for expect in expectations if ask(server, expect).is_expected}

    assert fitting == expected


def test_refusal_shows_where_every_status_is_200() -> None:
    """With the challenge an empty list is a refusal, and nothing else."""
    with responding(200, WWW_Authenticate='Basic realm="x"') as server:
        results = {expect: ask(server, expect).is_expected for expect in ("refused", "none", "malformed")}

    assert results == {"refused": True, "none": False, "malformed": False}


def test_connection_is_used_again() -> None:
    """With `reuse` all requests come over one connection; a server that closes it does not pass."""
    with responding(200, ONE) as server:
        assert ask(server, "one", reuse=True, times=3).is_expected
        (client,) = {port for *_, port in server.seen}
        assert len(server.seen) == 3

    with responding(200, ONE, "HTTP/1.0") as closing:
        got = ask(closing, "one", reuse=True, times=3)
        assert ask(closing, "one", times=3).is_expected
    assert (got.is_expected, "closes the connection" in got.words) == (False, True), client


def test_requests_are_as_the_step_says() -> None:
    """The body has the number, the path has the right or a wrong secret; another body and method are sent."""
    with responding(200) as server:
        ask(server, "none")
        ask(server, "none", secret="wrong")
        ask(server, "none", method="GET", body="{")

    (right, wrong, other) = server.seen
    assert right[:3] == ("POST", f"/query/{SECRET}", b'{"param":"13606254580"}')
    assert wrong[1].startswith("/query/")
    assert SECRET not in wrong[1]
    assert (other[0], other[2]) == ("GET", b"{")


def test_missing_route_or_number_skips_the_step() -> None:
    """What cannot be asked is skipped, with the missing option."""
    with responding(200) as server:
        with pytest.raises(Skipped, match="give --query"):
            Queries(server.target).ask(Step("a step", "query", "one"))
        with pytest.raises(Skipped, match=r"numbers\.several"):
            ask(server, "several", number="several")


def test_file_is_read(tmp_path: Path) -> None:
    """The secret is the last one of the tenant space; numbers of the cloud's own forms need not be given."""
    file = tmp_path / "query.toml"
    write_private(tmp_path / "secrets", f"{TENANT} {'0123456789abcdef' * 2}\n{TENANT} {SECRET}\n".encode())
    file.write_text(
        f'tenant = "{TENANT}"\npath = "/q"\nsecrets_file = "secrets"\nproof = "basic"\n[numbers]\none = "1"\n'
    )

    side = load(file)

    assert (side.secret, side.path, side.proof, side.numbers["one"]) == (SECRET, "/q", BASIC, "1")
    assert side.numbers["masked"] == "152****1028"
    path, headers = side.place(SECRET)
    assert (path, headers["Authorization"].split()[0]) == ("/q", "Basic")
    assert SECRET not in repr(side)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tenant = 1",
        f'tenant = "{TENANT}"\npath = "/q"\nsecrets_file = "missing"',
        'tenant = "other"\npath = "/q"\nsecrets_file = "secrets"',
        f'tenant = "{TENANT}"\npath = "q"\nsecrets_file = "secrets"',
        f'tenant = "{TENANT}"\npath = "/q"\nsecrets_file = "secrets"\nproof = "none"',
        f'tenant = "{TENANT}"\npath = "/q"\nsecrets_file = "secrets"\n[numbers]\ntwo = "1"',
    ],
)
def test_wrong_file_is_refused(tmp_path: Path, text: str) -> None:
    """Whatever is wrong, the complaint names the file and quotes no secret."""
    write_private(tmp_path / "secrets", f"{TENANT} {SECRET}\n".encode())
    (tmp_path / "query.toml").write_text(text)

    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path / "query.toml")

    assert "query.toml: cannot be used" in str(refused.value)
    assert SECRET not in str(refused.value)

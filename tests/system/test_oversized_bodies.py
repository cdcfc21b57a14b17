"""A body beyond `server.max_body` is refused before all of it has arrived, over a socket to either worker.

The server would wait for a slow body longer than the client does here: an answer is no time-out.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from socket import SHUT_WR

import orjson
import pytest

from tests.support.fakes import AGENT_PATH, Credentials
from tests.support.server_process import TIMEOUT, Server, serving
from validator.web.policy import WORKERS

pytestmark = pytest.mark.slow

MAX_BODY = 1024
VARIABLES = {
    "VALIDATOR_SERVER_MAX_BODY": str(MAX_BODY),
    "VALIDATOR_SERVER_KEEP_ALIVE": f"{TIMEOUT + 10}s",
}
NEXT = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
# Both are closed in their middle.
ANNOUNCED = b"Content-Length: 1000000000", b" " * 10
GROWING = b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n" % (MAX_BODY + 1, b" " * (MAX_BODY + 1))


@pytest.fixture(scope="module", params=WORKERS)
def server(
    request: pytest.FixtureRequest,
    populated: tuple[Path, Credentials],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """Yield a server of the callbacks with a worker of each kind."""
    home = tmp_path_factory.mktemp("oversized") / "home"
    shutil.copytree(populated[0], home)
    words = ("--role", "callbacks", "--workers", "1", "--worker", request.param)
    with serving(home, *words, variables=VARIABLES) as running:
        yield running


def answers_to(server: Server, header: bytes, body: bytes, *, is_read: bool = False) -> list[bytes]:
    """Return the responses to a callback with *header* and *body*, until the server closes the connection.

    Unless the server reads all of *body*, it would then wait for the client's end, so this ends with the
    first response. An event loop takes that end for the end of the whole connection.
    """
    with server.connect() as connection:
        connection.sendall(
            b"POST %s HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n%s" % (AGENT_PATH.encode(), header, body)
        )
        with connection.makefile("rb") as stream:
            if not is_read:
                stream.peek(1)
                connection.shutdown(SHUT_WR)
            return [b"HTTP/1.1 " + each for each in stream.read().split(b"HTTP/1.1 ")[1:]]


@pytest.mark.parametrize(("header", "body"), [ANNOUNCED, GROWING], ids=["announced", "growing"])
def test_body_that_is_too_large_is_not_awaited(server: Server, header: bytes, body: bytes) -> None:
    """A body that announces too much, or that grows beyond it, is 413 at once, and the connection ends."""
    (answer,) = answers_to(server, header, body)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["retCode"] == 1


@pytest.mark.parametrize(("header", "body"), [ANNOUNCED, GROWING], ids=["announced", "growing"])
def test_rest_of_such_a_body_is_no_request(server: Server, header: bytes, body: bytes) -> None:
    """What follows on that connection is the rest of the body, and is not taken for a request."""
    statuses = {each[9:12] for each in answers_to(server, header, body + NEXT)}

    assert statuses
    assert statuses <= {b"413", b"400"}  # 400 where it is no chunk either


@pytest.mark.parametrize(
    ("header", "body"),
    [
        (b"Content-Length: %d" % MAX_BODY, b" " * MAX_BODY),
        (b"Transfer-Encoding: chunked", b"%x\r\n%s\r\n0\r\n\r\n" % (MAX_BODY, b" " * MAX_BODY)),
    ],
    ids=["announced", "chunked"],
)
def test_next_request_follows_a_body_that_is_not(server: Server, header: bytes, body: bytes) -> None:
    """A body of the maximum is read to its end, and the next request on its connection is answered."""
    answers = answers_to(server, header, body + NEXT, is_read=True)

    assert [each[9:12] for each in answers] == [b"400", b"200"]

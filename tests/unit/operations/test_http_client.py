"""One request over a dedicated connection: whole, in pieces, in time or not at all."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Event, Thread

import pytest

from validator.operations.http_client import NoResponse, Place, hang_up, send, written
from validator.operations.simulator.certificate import system_trust

TIMEOUT = timedelta(seconds=10)
SHORT = timedelta(milliseconds=200)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Name: a\r\n\r\nok"


@contextmanager
def peer(talk: Callable[[socket.socket], None]) -> Iterator[Place]:
    """Give the place of a server that does *talk* with one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                talk(connection)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield Place("127.0.0.1", listener.getsockname()[1])
        thread.join(10)


def answering(answer: bytes, *, keep: bool = False) -> Callable[[socket.socket], None]:
    """Return a talk that reads something, writes *answer*, and closes unless *keep*."""

    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)
        if keep:
            connection.recv(1)

    return talk


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (ANSWER, b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", b"ok"),
    ],
    ids=["length", "chunks"],
)
def test_whole_answer_is_read_from_an_open_connection(answer: bytes, body: bytes) -> None:
    """An answer that says where it ends is whole, also when the server keeps the connection."""
    with peer(answering(answer, keep=True)) as place:
        got = send(place, [b"x"], give_up_after=TIMEOUT)

    assert (got.status, got.body) == (200, body)


def test_answer_without_length_ends_with_the_connection() -> None:
    """An old server closes; headers are found whatever their case."""
    with peer(answering(b"HTTP/1.0 503 Away\r\nRETRY-AFTER: 1\r\n\r\nlater")) as place:
        got = send(place, [b"x"], give_up_after=TIMEOUT)

    assert (got.status, got.body, got.headers["retry-after"], got.headers.get("x", "")) == (
        503,
        b"later",
        "1",
        "",
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "closed without an answer"),
        (b"hello\r\n\r\n", "no HTTP answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "no HTTP answer"),
    ],
    ids=["nothing", "no HTTP", "cut off"],
)
def test_what_is_no_answer_is_told(answer: bytes, why: str) -> None:
    """Nothing, something else, and an answer that breaks off are no answer."""
    with peer(answering(answer)) as place, pytest.raises(NoResponse, match=why):
        send(place, [b"x"], give_up_after=TIMEOUT)


def test_only_the_beginning_of_a_large_response_is_read() -> None:
    """A page without end is a response all the same: its status and its beginning."""

    def flood(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n")
        with suppress(OSError):
            connection.sendall(b"x" * 2_000_000)

    with peer(flood) as place:
        got = send(place, [b"x"], give_up_after=TIMEOUT)

    assert got.status == 200
    assert 1_000_000 < len(got.body) < 2_000_000
    assert set(got.body) == {ord("x")}


def test_server_is_reached_at_another_address_than_its_name() -> None:
    """The address is where the connection goes; the name is in the request."""
    with peer(answering(ANSWER)) as place:
        elsewhere = Place("e.invalid", 80, address=("127.0.0.1", place.port))
        got = send(elsewhere, [b"x"], give_up_after=TIMEOUT)

    assert (got.body, elsewhere.authority) == (b"ok", "e.invalid")


def test_giving_up_counts_the_whole_answer() -> None:
    """A server that says a byte now and then is given up on all the same: the time is for all of it."""
    done = Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            while not done.wait(0.02):
                connection.sendall(b"x")
        except OSError:
            return

    with peer(drip) as place:
        with pytest.raises(NoResponse, match=r"within 0\.2 s"):
            send(place, [b"x"], give_up_after=SHORT)
        done.set()


def test_early_answer_is_read() -> None:
    """A server that answers and closes before it has the whole body has answered."""
    with peer(answering(ANSWER)) as place:
        got = send(place, [b"x", b"y", b"z"], give_up_after=TIMEOUT, pause=timedelta(milliseconds=20))

    assert got.body == b"ok"


def test_pieces_arrive_as_one() -> None:
    """The pieces are one message to the other end."""
    heard: list[bytes] = []

    def listen(connection: socket.socket) -> None:
        while b"three" not in b"".join(heard):
            heard.append(connection.recv(65536))
        connection.sendall(ANSWER)

    with peer(listen) as place:
        pieces = [b"one ", b"two ", b"three"]
        send(place, pieces, give_up_after=TIMEOUT, pause=timedelta(milliseconds=20))

    assert b"".join(heard) == b"one two three"
    assert len(heard) > 1


def test_hanging_up_reads_nothing() -> None:
    """The other end has the whole question, and then the connection is gone."""
    heard: list[bytes] = []

    def listen(connection: socket.socket) -> None:
        while part := connection.recv(65536):
            heard.append(part)

    with peer(listen) as place:
        hang_up(place, b"question", after=timedelta(), give_up_after=TIMEOUT)

    assert b"".join(heard) == b"question"


@pytest.mark.parametrize("act", ["send", "hang up"])
def test_nobody_there_is_told(act: str) -> None:
    """A port that nobody listens on is no answer, not a crash."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = Place("127.0.0.1", listener.getsockname()[1])

    acts: dict[str, Callable[[], object]] = {
        "send": lambda: send(place, [b"x"], give_up_after=TIMEOUT),
        "hang up": lambda: hang_up(place, b"x", after=timedelta(), give_up_after=TIMEOUT),
    }
    with pytest.raises(NoResponse, match="no connection"):
        acts[act]()


@pytest.mark.parametrize(
    ("url", "authority", "is_tls"),
    [
        ("http://127.0.0.1:8000/x", "127.0.0.1:8000", False),
        ("http://e.example/x", "e.example", False),
        ("http://e.example:443/x", "e.example:443", False),
        ("https://e.example:443", "e.example", True),
        ("https://e.example:80", "e.example:80", True),
        ("https://[::1]:8443/x?y", "[::1]:8443", True),
    ],
)
def test_place_of_a_url(url: str, authority: str, is_tls: bool) -> None:
    """A URL says who is asked, at which port, and whether over TLS."""
    place = Place.at(url, system_trust())

    assert (place.authority, place.tls is not None) == (authority, is_tls)


def test_question_as_it_is_written() -> None:
    """The head has the documented method and a length, in the version that is wanted; headers can differ."""
    head, body = written(Place("e.example", 80), "/a?b", b"{}", {"Content-Type": "text/plain"}, version="1.0")

    assert head.startswith(b"POST /a?b HTTP/1.0\r\nHost: e.example\r\nContent-Length: 2\r\n")
    assert b"Content-Type: text/plain\r\n" in head
    assert (head[-4:], body) == (b"\r\n\r\n", b"{}")


def test_get_has_no_length() -> None:
    """A GET has no body, and no length of one."""
    head, body = written(Place("e.example", 80), "/", b"", {}, method="GET")

    assert (head, body) == (b"GET / HTTP/1.1\r\nHost: e.example\r\nConnection: close\r\n\r\n", b"")

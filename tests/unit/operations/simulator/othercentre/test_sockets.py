"""The bars' WebSocket, with a client of the library at the other end of a pair of sockets."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from threading import Thread
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, ConnectionClosedError
from websockets.sync.client import ClientConnection, connect

from tests.support.fakes import FakeClock
from tests.unit.operations.simulator.othercentre.conftest import AGENT, PASSWORD
from validator.operations.simulator.othercentre.bars import Bars
from validator.operations.simulator.othercentre.logins import Logins
from validator.operations.simulator.othercentre.phones import Phones
from validator.operations.simulator.othercentre.registration import Centre
from validator.operations.simulator.othercentre.serving import attend
from validator.operations.simulator.othercentre.sockets import ENDED, BarSocket

LONG = 30.0  # seconds; each event comes within a few milliseconds


class Line:
    """The centre, and a client that is connected to it."""

    def __init__(self, centre: Centre, clock: FakeClock) -> None:
        self.phones, self.logins = Phones(centre.agents, clock), Logins(centre, clock)
        self.bars = Bars(self.logins.find, self.phones)
        self.logins.ended = self.bars.close
        ours, theirs = socket.socketpair()
        self._thread = Thread(target=self._serve, args=[ours])
        self._thread.start()
        self._ending = ExitStack()
        client = connect("ws://centre/ws", sock=theirs, proxy=None)
        self.client: ClientConnection = self._ending.enter_context(client)

    def token(self) -> str:
        """Log in; return the token."""
        login = self.logins.log_in(AGENT.username, PASSWORD)
        assert login is not None
        return login.token

    def send(self, **content: Any) -> None:
        """Send a message."""
        self.client.send(json.dumps(content))

    def event(self) -> str:
        """Return the name of the next event."""
        return str(json.loads(self.client.recv(LONG))["event"])

    def close(self) -> None:
        """End the connection, and wait for the other end."""
        self._ending.close()
        self._thread.join(LONG)
        assert not self._thread.is_alive()

    def _serve(self, connection: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):  # as gunicorn does
            head += connection.recv(65_536)
        _, *lines = head.decode().split("\r\n")[:-2]
        served = BarSocket(connection)
        assert served.accept("/ws", dict(line.split(": ", 1) for line in lines))
        attend(self.bars, served)


@pytest.fixture
def line(centre: Centre, clock: FakeClock) -> Iterator[Line]:
    """Yield a connection."""
    line = Line(centre, clock)
    yield line
    line.close()


def test_bar_gets_events(line: Line) -> None:
    """After the token methods and events work in both directions, and an agent who leaves is off."""
    line.send(token=line.token())
    assert line.event() == "onConnect"
    line.send(method="login", arguments=[])
    line.send(method="ready", arguments=[])
    assert [line.event(), line.event()] == ["onLogin", "onReady"]
    line.phones.ring(AGENT.username, "13606254580")
    assert line.event() == "onRing"

    line.close()

    assert line.phones.seen()[0]["state"] == "off"


def test_bad_token_is_closed(line: Line) -> None:
    """A bar with another token gets no event, and a code that says so."""
    line.send(token="forged")

    with pytest.raises(ConnectionClosed) as closed:
        line.event()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == ENDED


def test_second_login_closes_the_bar(line: Line) -> None:
    """Single login ends the connection of the first one."""
    line.send(token=line.token())
    assert line.event() == "onConnect"

    line.token()

    with pytest.raises(ConnectionClosed):
        line.event()


def test_cut_ends_without_a_word(line: Line) -> None:
    """As a broken network does: there is no closing handshake."""
    line.send(token=line.token())
    assert line.event() == "onConnect"

    line.bars.cut(AGENT.username)

    with pytest.raises(ConnectionClosedError) as closed:
        line.event()
    assert closed.value.rcvd is None


@pytest.mark.parametrize("message", ["[]", "{}", '{"method": 7}', '{"method": "hold"}', "nothing"])
def test_message_that_fits_nowhere_does_nothing(line: Line, message: str) -> None:
    """The connection stays."""
    line.send(token=line.token())
    assert line.event() == "onConnect"

    line.client.send(message)
    line.send(method="login")

    assert line.event() == "onLogin"

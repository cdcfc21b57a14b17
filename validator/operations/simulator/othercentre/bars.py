"""The agents' bars at `/ws`: who they are, what they ask for, and the events that they get.

The messages are this project's, since the vendor's are unknown: a bar sends `{"token"}` first and then
`{"method", "arguments"}`; it gets `{"event", "data"}`. No secret is in a URL.
"""

import itertools
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, Protocol

import orjson

from validator.errors import Refusal
from validator.operations.simulator.othercentre.logins import Login
from validator.operations.simulator.othercentre.phones import Phones
from validator.untrusted import read_object

_MAX_ARGUMENTS = 2


class Connection(Protocol):
    """What a bar's connection can do."""

    def send(self, message: str) -> None:
        """Send *message*."""

    def close(self) -> None:
        """Close with the code for a token that is not good."""

    def cut(self) -> None:
        """End without a word."""


class Bars:
    """The connections of the bars, by their tokens."""

    def __init__(self, find: Callable[[str], Login | None], phones: Phones) -> None:
        self._find, self._phones = find, phones
        self._connections: dict[str, tuple[Login, Connection]] = {}
        self._keys, self._lock = itertools.count(), Lock()

    def begin(self, connection: Connection, message: str) -> "Bar | None":
        """Return the bar of the token in its first *message*; None, and close, for one that is not good."""
        login = self._find(_text(_content(message), "token"))
        if login is None:
            connection.close()
            return None
        key = f"bar-{next(self._keys)}"
        with self._lock:
            self._connections[key] = (login, connection)
        send = _sender(connection)
        send("onConnect", {})
        self._phones.connect(login.agent, key, send)
        return Bar(login, key, self._phones)

    def end(self, bar: "Bar") -> None:
        """Forget *bar*, whose connection has ended."""
        with self._lock:
            del self._connections[bar.key]
        self._phones.disconnect(bar.login.agent, bar.key)

    def close(self, token: str) -> None:
        """Close the bars of *token*, which a later login has ended."""
        for _, connection in self._of(lambda login: login.token == token):
            connection.close()

    def cut(self, username: str) -> None:
        """End the connections of an agent's bars."""
        for _, connection in self._of(lambda login: login.agent.username == username):
            connection.cut()

    def _of(self, is_meant: Callable[[Login], bool]) -> list[tuple[Login, Connection]]:
        with self._lock:
            return [each for each in self._connections.values() if is_meant(each[0])]


class Bar:
    """One bar whose token was good."""

    def __init__(self, login: Login, key: str, phones: Phones) -> None:
        self.login, self.key, self._phones = login, key, phones

    def hear(self, message: str) -> None:
        """Do what *message* asks for; one that cannot be read does nothing."""
        content = _content(message)
        arguments = content.get("arguments")
        texts = [each for each in arguments if isinstance(each, str)] if isinstance(arguments, list) else []
        self._phones.act(self.login.agent, _text(content, "method"), texts[:_MAX_ARGUMENTS])


def _sender(connection: Connection) -> Callable[[str, Mapping[str, Any]], None]:
    def send(event: str, data: Mapping[str, Any]) -> None:
        connection.send(orjson.dumps({"event": event, "data": data}).decode())

    return send


def _content(message: str) -> dict[str, Any]:
    try:
        return read_object(message.encode())
    except Refusal:
        return {}


def _text(content: Mapping[str, Any], name: str) -> str:
    text = content.get(name)
    return text if isinstance(text, str) else ""

"""Load on a real server: a few connections that ask without a pause, and what each answer was and took."""

import http.client
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any

import orjson

_TIMEOUT = 10  # seconds; an answer that took longer is none


@dataclass(frozen=True)
class Question:
    """One thing to ask again and again; *kind* is what the test calls it."""

    kind: str
    path: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What came of a question: when it was asked, how long it took, and what was said, if anything was."""

    kind: str
    asked: float
    seconds: float
    status: int | None
    request_id: str | None
    content: Any

    @property
    def code(self) -> int | None:
        """The `retCode` of the answer, if it has one."""
        return self.content.get("retCode") if isinstance(self.content, dict) else None

    @property
    def given(self) -> float:
        """When it was answered."""
        return self.asked + self.seconds


class Load:
    """Connections to one server, each asking the questions in turn, until they are stopped."""

    def __init__(self, bind: str, questions: Sequence[Question], connections: int) -> None:
        self.answers: list[Answer] = []
        self._bind, self._questions = bind, questions
        self._is_over = Event()
        self._threads = [Thread(target=self._ask_on, args=(number,)) for number in range(connections)]

    def start(self) -> None:
        """Begin to ask."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask nothing more, and wait for what was asked."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def since(self, instant: float) -> list[Answer]:
        """Return the answers to what was asked since then."""
        return [answer for answer in self.answers.copy() if answer.asked >= instant]

    def _ask_on(self, number: int) -> None:
        connection = http.client.HTTPConnection(self._bind, timeout=_TIMEOUT)
        while not self._is_over.is_set():
            question = self._questions[number % len(self._questions)]
            number += 1
            answer = ask(connection, question)
            self.answers.append(answer)
            if answer.status is None:
                connection.close()
                self._is_over.wait(0.01)
        connection.close()


def ask(connection: http.client.HTTPConnection, question: Question) -> Answer:
    """Ask once; an answer that never came, or not whole, has no status."""
    asked = time.monotonic()
    headers = {"Content-Type": "application/json", **question.headers}
    try:
        connection.request("POST", question.path, question.body, headers)
        if connection.sock is not None:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reply = connection.getresponse()
        body = reply.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return Answer(question.kind, asked, time.monotonic() - asked, None, None, None)
    seconds = time.monotonic() - asked
    content = orjson.loads(body) if "json" in reply.headers.get("Content-Type", "") else None
    return Answer(question.kind, asked, seconds, reply.status, reply.headers["X-Request-ID"], content)


@contextmanager
def loaded(bind: str, questions: Sequence[Question], connections: int = 4) -> Iterator[Load]:
    """Ask *questions* of the server at *bind* while the block lasts."""
    load = Load(bind, questions, connections)
    load.start()
    try:
        yield load
    finally:
        load.stop()

"""The other call centre: it pushes the record of each call until it is acknowledged.

Some records are pushed twice, and some again with another content: those have a second revision.
"""

import http.client
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Lock, Thread
from typing import Any

from benchmarks.load import Address

SENDERS = 8
REPEATED_ONE_IN, REVISED_ONE_IN = 10, 20
_TIMEOUT = 10  # seconds
_PAUSE = 0.1  # seconds after a push that was not acknowledged
_ACKNOWLEDGED = b'{"code":0}'


def call_of(number: int) -> str:
    """Return the id of a call."""
    return f"call-{number:07}"


def record(number: int, version: int) -> dict[str, Any]:
    """Return the record of a call; its *version*, from 1, is in the duration."""
    return {
        "callId": call_of(number),
        "caller": str(13_600_000_000 + number),
        "callee": "1001",
        "direction": "INBOUND",
        "startTime": "2026-11-04T11:45:00+08:00",
        "endTime": "2026-11-04T11:45:05+08:00",
        "duration": version,
        "answered": True,
    }


def versions(number: int) -> int:
    """Return how many different records the call has."""
    return 2 if number % REVISED_ONE_IN == 0 else 1


def pushes(number: int) -> list[int]:
    """Return the versions of a call in the order in which they are pushed."""
    repeats = 2 if number % REPEATED_ONE_IN == 0 else 1
    return [version for version in range(1, versions(number) + 1) for _ in range(repeats)]


@dataclass
class Senders:
    """Threads that push the records of *calls* calls to *address*."""

    address: Address
    path: str
    calls: int
    acknowledged: int = 0  # calls, with all that was pushed about them
    refused: int = 0  # pushes without an acknowledgement, which are repeated
    _numbers: Iterator[int] = field(default_factory=count)
    _lock: Lock = field(default_factory=Lock)
    _is_over: Event = field(default_factory=Event)

    @contextmanager
    def pushing(self) -> Iterator[None]:
        """Push while the block lasts."""
        threads = [Thread(target=self._run) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def wait_for(self, share: float, seconds: float) -> None:
        """Return when that *share* of the calls is acknowledged; raises TimeoutError after *seconds*."""
        deadline = time.monotonic() + seconds
        while self.acknowledged < share * self.calls:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.acknowledged} of {self.calls} calls were acknowledged")
            time.sleep(0.02)

    def _run(self) -> None:
        connection = http.client.HTTPConnection(*self.address, timeout=_TIMEOUT)
        while not self._is_over.is_set():
            with self._lock:
                number = next(self._numbers)
            if number >= self.calls:
                break
            for version in pushes(number):
                self._push(connection, json.dumps(record(number, version)).encode())
            with self._lock:
                self.acknowledged += 1
        connection.close()

    def _push(self, connection: http.client.HTTPConnection, body: bytes) -> None:
        while not self._is_over.is_set():
            if self._is_acknowledged(connection, body):
                return
            with self._lock:
                self.refused += 1
            connection.close()
            self._is_over.wait(_PAUSE)

    def _is_acknowledged(self, connection: http.client.HTTPConnection, body: bytes) -> bool:
        try:
            connection.request("POST", self.path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.read() == _ACKNOWLEDGED and response.status == 200
        except (OSError, http.client.HTTPException):
            return False

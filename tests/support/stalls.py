"""An event loop whose disk stalls again and again, under callbacks, beside somebody who probes the process.

`python -m tests.support.stalls [NUMBER]` freezes the disk that often (5,000), for 10 ms and now and then
for 0.7 s, and prints what the probes and the callbacks got. It must be root. `test_asgi_worker` has a
short version.
"""

import fcntl
import http.client
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from tests.support.fakes import AGENT_PATH, populate
from tests.support.frozen_disk import frozen_disk
from tests.support.server_process import TIMEOUT, serving

NUMBER, CLIENTS = 5000, 6
SHORT, LONG, BETWEEN = 0.01, 0.7, 0.005  # seconds; a response may wait one
_EACH_LONG = 500
_FREEZE, _THAW = 0xC0045877, 0xC0045878  # FIFREEZE, FITHAW of linux/fs.h
_QUESTION = b'{"access_token": "nobody\'s", "tenantSpaceId": "202400000001", "userAccount": "agent-7"}'
_VARIABLES = {
    "VALIDATOR_LIMITS_CALLBACKS_FOREIGN": "off",
    "VALIDATOR_AUDIT_UNPROVEN_PER_SOURCE": "1000000",
    "VALIDATOR_AUDIT_UNPROVEN_IN_ALL": "1000000",
    "VALIDATOR_AUDIT_RESERVE": "0",
}


@dataclass
class Answers:
    """What one kind of client got: how often each status, and how long each response took."""

    statuses: "Counter[int]" = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        times = sorted(self.seconds)
        p99 = times[int(0.99 * len(times))]
        return f"{dict(self.statuses)}, p99 {p99 * 1000:.1f} ms, longest {times[-1] * 1000:.0f} ms"


def ask_until(over: Event, bind: str, method: str, path: str, body: bytes | None, answers: Answers) -> None:
    """Send one request after the other on one connection."""
    host, _, port = bind.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=TIMEOUT)
    while not over.is_set():
        began = time.monotonic()
        connection.request(method, path, body)
        response = connection.getresponse()
        response.read()
        answers.statuses[response.status] += 1
        answers.seconds.append(time.monotonic() - began)
    connection.close()


def stall(folder: Path, number: int) -> None:
    """Freeze the file system of *folder* that often."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        for each in range(1, number + 1):
            fcntl.ioctl(descriptor, _FREEZE, 0)
            try:
                time.sleep(SHORT if each % _EACH_LONG else LONG)
            finally:
                fcntl.ioctl(descriptor, _THAW, 0)
            time.sleep(BETWEEN)
    finally:
        os.close(descriptor)


def asked_through(bind: str, disturb: Callable[[], None]) -> tuple[Answers, Answers]:
    """Return what probes and callbacks got while *disturb* ran."""
    over, probes, callbacks = Event(), Answers(), Answers()
    threads = [Thread(target=ask_until, args=(over, bind, "GET", "/healthz", None, probes))]
    threads += [
        Thread(target=ask_until, args=(over, bind, "POST", AGENT_PATH, _QUESTION, callbacks))
        for _ in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    disturb()
    over.set()
    for thread in threads:
        thread.join()
    return probes, callbacks


def main() -> None:
    """Freeze the disk that often; exit 1 if a probe was not answered with 200."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no disk stays frozen
    number = int(sys.argv[1]) if len(sys.argv) > 1 else NUMBER
    words = ("--role", "callbacks", "--worker", "asgi", "--workers", "1")
    with (
        tempfile.TemporaryDirectory() as outside,
        tempfile.TemporaryDirectory(dir="/dev/shm") as memory,
        frozen_disk(Path(outside) / "disk") as disk,
    ):
        home = disk.folder / "home"
        populate(home)
        variables = {**_VARIABLES, "VALIDATOR_METRICS_DIRECTORY": f"{memory}/metrics"}
        with serving(home, *words, variables=variables, log=Path(outside) / "log") as server:
            probes, callbacks = asked_through(server.bind, lambda: stall(disk.folder, number))
    sys.stdout.write(f"{number} stalls\nprobes     {probes}\ncallbacks  {callbacks}\n")
    sys.exit(set(probes.statuses) != {200})


if __name__ == "__main__":
    main()

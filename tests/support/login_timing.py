"""Timing oracle: whether the time of a refused login reveals the reason.

`python -m tests.support.login_timing [SAMPLES]` asks a real server for 2,000 refusals of each class, in an
order drawn anew for every turn, and prints for each two classes the area under the ROC curve (AUC): 0.5 when
their times are indistinguishable, 0 or 1 when they always differ.
"""

import random
import sys
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from itertools import combinations
from pathlib import Path

import orjson

from tests.support.fakes import PASSWORD, TENANT, populate
from tests.support.parallel_guessers import FREE, variables
from tests.support.server_process import TIMEOUT, serving
from validator.accounts.identity import Identity
from validator.accounts.lockout import Attempt
from validator.clock import stopwatch
from validator.services import Services, open_services
from validator.settings.loading import load
from validator.tenants import RecordStatus

# Each class with the password that it is asked with: the right one where only that could show something.
CLASSES: Mapping[str, str] = {
    "unknown": "a wrong guess",
    "wrong": "a wrong guess",
    "disabled": PASSWORD,
    "closed": PASSWORD,
    "locked": PASSWORD,
    "locked-unknown": "a wrong guess",
}
BOUND = 0.03
SETTINGS = {
    "server.workers": "1",
    "lockout.first_delay": "1h",
    "lockout.address_failures": "999999999/1d",
    "limits.login_address": "999999999/1d",
}
_CLOSED_TENANT = "202400000009"

Ask = Callable[[str, str], int]


def arrange(services: Services, samples: int) -> None:
    """Make what *samples* of each class are asked of, no account more often than its free failures."""
    password_hash = services.passwords.hash(PASSWORD)
    services.tenants.add(_CLOSED_TENANT, "Closed")
    for number in range(-(-samples // FREE)):
        for kind in ("wrong", "disabled", "closed", "locked"):
            tenant = _CLOSED_TENANT if kind == "closed" else TENANT
            services.accounts.add(f"{kind}-{number}", tenant, password_hash, Identity())
        services.accounts.set_status(f"disabled-{number}", RecordStatus.DISABLED)
        for kind in ("locked", "locked-unknown"):
            for _ in range(FREE):
                services.lockout.reserve(Attempt(f"{kind}-{number}", "192.0.2.1"))
    services.tenants.set_status(_CLOSED_TENANT, RecordStatus.DISABLED)


def times(ask: Ask, samples: int, classes: tuple[str, ...] = tuple(CLASSES)) -> dict[str, list[float]]:
    """Return the seconds that each of *samples* refusals took, by class, asked in turns of random order."""
    order = random.Random(samples)
    measured: dict[str, list[float]] = {kind: [] for kind in classes}
    for number in range(samples):
        for kind in order.sample(classes, len(classes)):
            began = stopwatch()
            status = ask(f"{kind}-{number // FREE}", CLASSES[kind])
            measured[kind].append(stopwatch() - began)
            assert status == 401, (kind, status)
    return measured


def area(first: list[float], second: list[float]) -> float:
    """Return how often one of *first* is larger than one of *second* (the AUC, Mann-Whitney's U)."""
    ranked = sorted(second)
    wins = sum(bisect_left(ranked, each) + bisect_right(ranked, each) for each in first)
    return wins / 2 / len(first) / len(second)


def areas(measured: Mapping[str, list[float]]) -> dict[tuple[str, str], float]:
    """Return the area of every two classes."""
    return {(one, other): area(measured[one], measured[other]) for one, other in combinations(measured, 2)}


@contextmanager
def asking(bind: str) -> Iterator[Ask]:
    """Give what asks a server for a login, over one connection that stays open."""
    host, _, port = bind.rpartition(":")
    connection = HTTPConnection(host, int(port), timeout=TIMEOUT)

    def ask(login: str, password: str) -> int:
        body = orjson.dumps({"account": login, "password": password})
        connection.request("POST", "/api/v1/login", body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        reply.read()
        return reply.status

    try:
        yield ask
    finally:
        connection.close()


def main(samples: int = 2000) -> int:
    """Measure a real server and print what came of it; return the exit code, 0 when no class shows."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder, "home")
        populate(home)
        services = open_services(load(home, environment=variables(SETTINGS)))
        arrange(services, samples)
        services.close()
        with serving(home, variables=variables(SETTINGS)) as server, asking(server.bind) as ask:
            measured = times(ask, samples)
    for kind, seconds in measured.items():
        middle = sorted(seconds)[samples // 2] * 1000
        sys.stdout.write(f"{kind:16} median {middle:.2f} ms of {samples}\n")
    found = areas(measured)
    for (one, other), value in found.items():
        sys.stdout.write(f"{one:16} {other:16} AUC {value:.4f}\n")
    worst = max(abs(value - 0.5) for value in found.values())
    sys.stdout.write(f"worst: {worst:.4f} from 0.5, allowed {BOUND}\n")
    return 0 if worst <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

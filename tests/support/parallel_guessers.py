"""Guessers: processes, threads and addresses that try passwords at once, and a count of what they could try.

`python -m tests.support.parallel_guessers [ROUNDS [ROUNDS_OVER_HTTP]]` runs the races of the lockout, 200 and
20 rounds of each unless given, and prints how many guesses were admitted in how many rounds. A guess is
admitted when the lockout lets it reach a password. Over HTTP every refusal looks the same; there the audit
trail shows it, by the request's id.
"""

import http.client
import multiprocessing
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from itertools import count, repeat
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import orjson

from tests.support.fakes import PASSWORD, PLENTY, populate
from tests.support.postgres import program_folder, running_server
from tests.support.server_process import TIMEOUT, serving
from validator.accounts.lockout import Attempt, Lockout
from validator.audit.reading import entries
from validator.errors import Fault, Reason
from validator.services import open_services
from validator.settings.loading import load
from validator.settings.sources import environment_variable

PROCESSES, THREADS = 4, 32
CROWD = PROCESSES * THREADS
FREE, PER_ADDRESS = 5, 10  # what the default settings allow: at an account, from an address in five minutes
LOCKED = (Reason.ACCOUNT_LOCKED, Reason.ADDRESS_LOCKED)
# A crowd waits for its turn instead of giving up, and neither a lock nor a window ends while it does.
PATIENT = {
    "database.timeout": "30s",
    "passwords.hashing_slots": "64",
    "lockout.first_delay": "1h",
    "lockout.address_failures": f"{PER_ADDRESS}/1d",
}
UNLOCKED = {**PATIENT, "lockout.enabled": "false"}
MANY_HANDS = ("--workers", str(PROCESSES), "--threads", str(THREADS))
_BUSY, _STEP = 503, 0.05


def variables(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that makes *settings*, given by their dotted keys, with every guess recorded."""
    return {environment_variable(key): text for key, text in {**PLENTY, **settings}.items()}


def addresses(amount: int, first: str = "127.32.0.1") -> list[str]:
    """Return *amount* addresses of this host, from *first* on; sockets can be bound to them."""
    return [str(IPv4Address(first) + number) for number in range(amount)]


@dataclass(frozen=True)
class Contest:
    """Where a crowd guesses: a home, settings by their dotted keys, and the lockout that is to hold it."""

    home: Path
    settings: Mapping[str, str]
    lockout: type[Lockout] = Lockout


_numbers = count()  # of rounds, so that no two have an account or an address in common


def at_one_account(number: int) -> list[Attempt]:
    """Return 128 attempts at one account, each from another address."""
    return [Attempt(f"account-{number}", source) for source in _fresh_addresses(number)]


def by_one_device(number: int) -> list[Attempt]:
    """Return 128 attempts at one account by one device that it knows."""
    return [Attempt(f"account-{number}", source, "device") for source in _fresh_addresses(number)]


def from_one_address(number: int) -> list[Attempt]:
    """Return 128 attempts from one address, each at another account."""
    source = _fresh_addresses(number)[0]
    return [Attempt(f"account-{number}-{each}", source) for each in range(CROWD)]


def _fresh_addresses(number: int) -> list[str]:
    return addresses(CROWD, str(IPv4Address("127.32.0.1") + number * CROWD))


Attempts = Callable[[int], list[Attempt]]


class Crowd:
    """128 guessers in four processes, who reserve an attempt each at the same instant."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._connections = connections

    def race(self, contest: Contest, rounds: Sequence[Attempts]) -> list[int]:
        """Return how many of the 128 attempts of each round `Lockout.reserve` let through."""
        return [
            self._admitted(contest, attempts(number))
            for attempts, number in zip(rounds, _numbers, strict=False)
        ]

    def _admitted(self, contest: Contest, attempts: Sequence[Attempt]) -> int:
        """Return how many of the attempts were let through; each must have got an answer."""
        for place, connection in enumerate(self._connections):
            connection.send((contest, attempts[place::PROCESSES]))
        answers: list[Reason | str | None] = []
        for connection in self._connections:
            assert connection.poll(3 * TIMEOUT), "a process of the crowd has not answered"
            answers.extend(connection.recv())
        assert len(answers) == CROWD
        assert set(answers) <= {None, *LOCKED}
        return answers.count(None)


@contextmanager
def crowd() -> Iterator[Crowd]:
    """Give a crowd; its processes end with it."""
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(PROCESSES)
    pipes = [context.Pipe() for _ in range(PROCESSES)]
    processes = [context.Process(target=_take_part, args=(there, start)) for _, there in pipes]
    for process in processes:
        process.start()
    try:
        yield Crowd([here for here, _ in pipes])
    finally:
        for (here, there), process in zip(pipes, processes, strict=True):
            there.close()
            with suppress(OSError):
                here.send(None)
            process.join(TIMEOUT)
            process.kill()
            here.close()


def _take_part(orders: Connection, start: Barrier) -> None:
    """Be one process of a crowd: reserve what is ordered, with all threads, when the other processes do."""
    lockouts: dict[str, Lockout] = {}
    ready = threading.Barrier(THREADS + 1)

    def reserve(lockout: Lockout, attempt: Attempt) -> Reason | str | None:
        ready.wait(TIMEOUT)
        try:
            return lockout.reserve(attempt)
        except Fault as fault:
            return repr(fault.__cause__)

    with ThreadPoolExecutor(THREADS) as pool:
        while order := orders.recv():
            contest, attempts = order
            lockout = lockouts.get(repr(contest)) or lockouts.setdefault(repr(contest), _open(contest))
            pending = [pool.submit(reserve, lockout, attempt) for attempt in attempts]
            start.wait(TIMEOUT)
            ready.wait(TIMEOUT)
            orders.send([each.result() for each in pending])


def _open(contest: Contest) -> Lockout:
    services = open_services(load(contest.home, environment=variables(contest.settings)))
    return contest.lockout(services.database, services.settings.lockout, services.clock)


@dataclass(frozen=True)
class Guess:
    """A password tried at an account, from an address of this host, with the cookie of a browser, if any."""

    login: str
    source: str = "127.0.0.1"
    password: str = field(default="a wrong guess", repr=False)
    cookie: str = field(default="", repr=False)


@dataclass(frozen=True)
class Answered:
    """What a guess was answered."""

    status: int
    request_id: str
    headers: list[tuple[str, str]]
    body: bytes


def send(bind: str, guess: Guess) -> Answered:
    """Make a guess over a new connection from its address; retry when the server is busy."""
    deadline = time.monotonic() + 3 * TIMEOUT
    while (answered := _send_once(bind, guess)).status == _BUSY:
        assert time.monotonic() < deadline, "the server is busy for ever"
        time.sleep(_STEP)
    return answered


def _send_once(bind: str, guess: Guess) -> Answered:
    host, _, port = bind.rpartition(":")
    body = orjson.dumps({"account": guess.login, "password": guess.password})
    headers = {"Content-Type": "application/json", "Cookie": guess.cookie}
    connection = http.client.HTTPConnection(
        host, int(port), timeout=3 * TIMEOUT, source_address=(guess.source, 0)
    )
    try:
        connection.request("POST", "/api/v1/login", body, headers)
        reply = connection.getresponse()
        content = reply.read()
        return Answered(reply.status, reply.headers["X-Request-ID"], reply.getheaders(), content)
    finally:
        connection.close()


def send_all(bind: str, guesses: Sequence[Guess], at_once: int) -> list[Answered]:
    """Make every guess, in parallel; return the responses in the order of the guesses."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(send, repeat(bind), guesses))


def admitted(home: Path, answers: Sequence[Answered]) -> int:
    """Return how many of the guesses reached a password, by the audit trail; each must be in it."""
    reasons = {entry["request_id"]: entry.get("reason") for entry in login_entries(home)}
    return sum(reasons[answer.request_id] not in LOCKED for answer in answers)


def login_entries(home: Path, login: str | None = None) -> list[dict[str, str]]:
    """Return the logins in the audit trail of *home*, at one account or at any, oldest first."""
    logins = (entry for entry in entries(home / "audit") if entry["event"] == "login")
    return [entry for entry in logins if login is None or entry.get("subject") == login]


def race_over_http(contest: Contest, rounds: Sequence[Attempts]) -> list[int]:
    """Return how many of the 128 guesses of each round reached a password, in a server of four processes."""
    counts = []
    with serving(contest.home, *MANY_HANDS, variables=variables(contest.settings)) as server:
        for attempts, number in zip(rounds, _numbers, strict=False):
            guesses = [Guess(attempt.login, attempt.source) for attempt in attempts(number)]
            counts.append(admitted(contest.home, send_all(server.bind, guesses, CROWD)))
    return counts


def known_device(bind: str, login: str, source: str) -> str:
    """Log a person in from *source*; return the cookie that their browser sends from then on."""
    answered = send(bind, Guess(login, source, PASSWORD))
    assert answered.status == 200, answered.body
    cookies = [text.partition(";")[0] for name, text in answered.headers if name.lower() == "set-cookie"]
    return next(cookie for cookie in cookies if "device" in cookie)


def _report(name: str, limit: int, counts: Sequence[int]) -> bool:
    right = Counter(counts)[limit]
    seen = ", ".join(f"{count} in {times}" for count, times in sorted(Counter(counts).items()))
    sys.stdout.write(f"{name:32} {limit} of {CROWD} in {right} of {len(counts)} rounds (admitted: {seen})\n")
    sys.stdout.flush()
    return right == len(counts)


def _prove(together: Crowd, contest: Contest, rounds: int, over_http: int) -> bool:
    backend, home = contest.home.name, contest.home
    unlocked = Contest(home, {**contest.settings, **UNLOCKED})
    held = []
    for attempts, limit in ((at_one_account, FREE), (by_one_device, FREE), (from_one_address, PER_ADDRESS)):
        name = attempts.__name__.replace("_", " ")
        held.append(_report(f"{backend}, {name}", limit, together.race(contest, [attempts] * rounds)))
    counts = together.race(unlocked, [at_one_account] * min(rounds, 10))
    held.append(_report(f"{backend}, lockout off", CROWD, counts))
    held.append(_report(f"{backend}, HTTP", FREE, race_over_http(contest, [at_one_account] * over_http)))
    counts = race_over_http(unlocked, [at_one_account] * min(over_http, 2))
    held.append(_report(f"{backend}, HTTP, lockout off", CROWD, counts))
    return all(held)


def main(rounds: int = 200, over_http: int = 20) -> int:
    """Run every race on SQLite and on PostgreSQL; return the exit code, 0 when every round held."""
    programs = program_folder()
    assert programs is not None, "PostgreSQL is not installed"
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(programs) as postgres,
        crowd() as together,
    ):
        there = {"database.url": postgres.create("guessing")}
        contests = [
            Contest(Path(folder, "SQLite"), PATIENT),
            Contest(Path(folder, "PostgreSQL"), {**PATIENT, **there}),
        ]
        held = []
        for contest in contests:
            populate(contest.home, contest.settings)
            held.append(_prove(together, contest, rounds, over_http))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

"""Guessing from many addresses at one account, and from one address at many accounts."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from threading import Event, Thread
from time import sleep

import pytest

from tests.support.fakes import LOGIN, PASSWORD, START, TENANT, Credentials, Enterprise
from tests.support.parallel_guessers import (
    FREE,
    PER_ADDRESS,
    Answered,
    Guess,
    addresses,
    admitted,
    known_device,
    login_entries,
    send,
    send_all,
    variables,
)
from tests.support.server_process import serving, wait_until
from validator.accounts.identity import Identity
from validator.accounts.lockout import Attempt
from validator.clock import SystemClock, to_milliseconds
from validator.errors import Reason
from validator.services import open_services
from validator.settings.loading import load

ONE, KNOWN, FORGED = "one", "known", "forged"  # an account for each attack
SPRAYER = "127.10.1.1"
SOURCES = addresses(254, "127.9.0.1")
ACCOUNTS = 500
_AT_ONCE = 16
_WINDOW, _NEEDED = 300_000, 20_000  # milliseconds


@dataclass(frozen=True)
class Target:
    """A server with an account for each test, which sees every source address itself."""

    home: Path
    bind: str


@contextmanager
def target(template: Path, folder: Path, settings: Mapping[str, str]) -> Iterator[Target]:
    """Give a target that can be guessed at as fast as it hashes."""
    home = folder / "home"
    shutil.copytree(template, home)
    services = open_services(load(home, environment={}))
    for login in (ONE, KNOWN, FORGED):
        services.accounts.add(login, TENANT, services.passwords.hash(PASSWORD), Identity())
    services.close()
    others = {
        "server.threads": "16",
        "passwords.hashing_slots": "16",
        "database.timeout": "10s",
        "limits.login_address": "off",  # another limit, of requests; this is about the lockout
        "lockout.first_delay": "10m",  # no lock ends while an attack lasts
    }
    with serving(home, variables=variables({**others, **settings})) as server:
        yield Target(home, server.bind)


@pytest.fixture(scope="module")
def guarded(
    populated: tuple[Path, Credentials], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """Yield a target with the lockout."""
    with target(populated[0], tmp_path_factory.mktemp("guarded"), {}) as server:
        yield server


@pytest.fixture(scope="module")
def unguarded(
    populated: tuple[Path, Credentials], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    """Yield a target without the lockout."""
    with target(populated[0], tmp_path_factory.mktemp("unguarded"), {"lockout.enabled": "false"}) as server:
        yield server


def from_everywhere(login: str, last_password: str = PASSWORD) -> list[Guess]:
    """Return one guess at an account from each address, the last of them with another password."""
    return [*(Guess(login, source) for source in SOURCES[:-1]), Guess(login, SOURCES[-1], last_password)]


def test_many_addresses_are_one_guesser(guarded: Target) -> None:
    """From 254 addresses an account may be guessed at as often as from one; then not even rightly."""
    admitted_guesses, last = attack_from_everywhere(guarded)

    assert (admitted_guesses, last.status) == (FREE, 401)


def test_many_addresses_find_the_password_without_lockout(unguarded: Target) -> None:
    """With the lockout switched off each of the 254 guesses reaches the password, and the right one opens."""
    admitted_guesses, last = attack_from_everywhere(unguarded)

    assert (admitted_guesses, last.status) == (len(SOURCES), 200)


def attack_from_everywhere(server: Target) -> tuple[int, Answered]:
    """Guess from every address, at last rightly; return how many were admitted, and the last answer."""
    guesses = from_everywhere(ONE)
    answers = [*send_all(server.bind, guesses[:-1], _AT_ONCE), send(server.bind, guesses[-1])]
    assert {entry["source"] for entry in login_entries(server.home, ONE)} == set(SOURCES)
    return admitted(server.home, answers), answers[-1]


def test_many_accounts_are_one_guesser(guarded: Target) -> None:
    """One address may guess ten times in five minutes at 500 accounts, most of which nobody has."""
    wait_for_window()

    assert attack_from_one_address(guarded) == PER_ADDRESS


def test_many_accounts_are_tried_without_lockout(unguarded: Target) -> None:
    """With the lockout switched off one address guesses once at each of 500 accounts."""
    assert attack_from_one_address(unguarded) == ACCOUNTS


def attack_from_one_address(server: Target) -> int:
    """Guess once at each of 500 accounts from one address; return how many guesses were admitted."""
    guesses = [
        Guess(LOGIN, SPRAYER),
        *(Guess(f"account-{number}", SPRAYER) for number in range(ACCOUNTS - 1)),
    ]
    return admitted(server.home, send_all(server.bind, guesses, _AT_ONCE))


def test_known_device_is_not_locked_out(guarded: Target) -> None:
    """During an attack from 254 addresses the person logs in at the first try, on a device that they know.

    On another device the right password is refused; a login on the known one does not let the attack go on.
    """
    cookie = known_device(guarded.bind, KNOWN, "127.10.0.1")

    with attack(guarded.bind, KNOWN) as is_going_on:
        wait_until(lambda: is_locked(guarded.home, KNOWN), "the account is locked")
        logins = [Guess(KNOWN, source, PASSWORD, cookie) for source in ("127.10.0.1", SOURCES[0])]
        known = [send(guarded.bind, login).status for login in logins]
        strange = send(guarded.bind, Guess(KNOWN, "127.10.0.2", PASSWORD)).status
        is_attacked = is_going_on()

    wrong = [e for e in login_entries(guarded.home, KNOWN) if e.get("reason") == Reason.PASSWORD_WRONG]
    assert is_attacked
    assert (known, strange) == ([200, 200], 401)
    assert len(wrong) == FREE


def test_forged_device_is_a_stranger(guarded: Target) -> None:
    """During a lock a changed cookie, or another account's, opens nothing; the account's own does."""
    name, _, value = known_device(guarded.bind, FORGED, "127.10.0.1").partition("=")
    other = known_device(guarded.bind, LOGIN, "127.10.0.1").partition("=")[2]
    send_all(guarded.bind, from_everywhere(FORGED)[:FREE], 1)

    answers = [
        send(guarded.bind, Guess(FORGED, "127.10.0.3", PASSWORD, f"{name}={text}")).status
        for text in ("", value[:-8] + "AAAAAAAA", value + "x", other, value)
    ]

    assert answers == [401, 401, 401, 401, 200]


@pytest.mark.parametrize("before", [1, 1000, 29_000])
def test_edge_of_a_window_is_no_gap(found_enterprise: Callable[..., Enterprise], before: int) -> None:
    """Who used up an address's guesses at the end of a window has none at the beginning of the next."""
    enterprise = found_enterprise()
    enterprise.clock.advance(milliseconds=_WINDOW - to_milliseconds(START) % _WINDOW - before)
    first = [enterprise.services.lockout.reserve(Attempt(f"a-{number}", SPRAYER)) for number in range(20)]
    enterprise.clock.advance(milliseconds=before + 1)

    after = [enterprise.services.lockout.reserve(Attempt(f"b-{number}", SPRAYER)) for number in range(20)]

    assert (first.count(None), after.count(None)) == (PER_ADDRESS, 0)


@contextmanager
def attack(bind: str, login: str) -> Iterator[Callable[[], bool]]:
    """Attack from every address in the background; yield a function that says whether it continues."""
    is_over = Event()

    def guess_on(guesses: Sequence[Guess]) -> None:
        for guess in cycle(guesses):
            if is_over.is_set():
                return
            send(bind, guess)

    everywhere = from_everywhere(login, "a wrong guess")
    threads = [Thread(target=guess_on, args=(everywhere[place::4],)) for place in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield lambda: all(thread.is_alive() for thread in threads)
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def is_locked(home: Path, login: str) -> bool:
    """Return whether a guess was refused because the account is locked."""
    return any(entry.get("reason") == Reason.ACCOUNT_LOCKED for entry in login_entries(home, login))


def wait_for_window() -> None:
    """Return when the address's window of five minutes does not end soon: a crowd over its edge meets two."""
    while _WINDOW - to_milliseconds(SystemClock().now()) % _WINDOW < _NEEDED:
        sleep(0.05)

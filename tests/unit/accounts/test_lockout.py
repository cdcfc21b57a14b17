"""Lockout: how many guesses pass, when the next one does, and which rows are stored; on both databases."""

import hashlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from tests.support.account_policies import LOCKOUT
from tests.support.fakes import FakeClock
from tests.support.parallel_guesses import guess_at_once, guess_in_processes, repeat
from tests.support.parallel_threads import at_once
from validator.accounts.addresses import table as addresses
from validator.accounts.lockout import (
    Attempt,
    Lock,
    Lockout,
    attempts,
    login_digest,
)
from validator.accounts.policy import LockoutPolicy
from validator.clock import to_milliseconds
from validator.errors import Fault, Reason
from validator.limits.policy import Rate, parse_rates
from validator.store.database import Database, DatabasePolicy

MILLISECOND = timedelta(milliseconds=1)
SOURCE = "192.0.2.7"
BY_NAME = replace(LOCKOUT, address_failures=())  # for tests without addresses
LONG_AGO = timedelta(days=400)
IS_OF_ADDRESS = (addresses.c.period > 0) & ~addresses.c.address.startswith("prefix:")
Made = Callable[..., Lockout]
_numbers = count()


@pytest.fixture
def made(database: Database, clock: FakeClock) -> Made:
    """Return a function that makes a lockout with a policy."""
    return lambda policy=LOCKOUT: Lockout(database, policy, clock)


def attempt_at(login: str, device: str | None = None) -> Attempt:
    """Return an attempt from an unused address."""
    number = next(_numbers)
    return Attempt(login, f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", device)


def attempt_from(source: str) -> Attempt:
    """Return an attempt at an unused account."""
    return Attempt(f"somebody-{next(_numbers)}", source)


def rows_in(database: Database) -> tuple[int, int]:
    """Return the number of rows that count in the two tables: refusals write one that does not."""
    counting = select(func.count()).select_from(attempts).where(~attempts.c.key.startswith("refused:"))
    with database.read() as connection:
        rows = connection.execute(counting).scalar_one()
        of_addresses = select(func.count()).select_from(addresses).where(IS_OF_ADDRESS)
        return rows, connection.execute(of_addresses).scalar_one()


# Policy

DELAYS = [
    *((failures, 0) for failures in range(5)),
    *((5, 30), (6, 60), (7, 120), (8, 240), (9, 480), (10, 960), (11, 1920), (12, 3600), (13, 3600)),
    *((99, 3600), (100, 3600), (10**6, 3600)),
]


@pytest.mark.parametrize(("failures", "seconds"), DELAYS)
def test_delays_of_the_settings(failures: int, seconds: int) -> None:
    """Five failures are allowed; the fifth causes 30 seconds, each further one doubles it, up to an hour."""
    assert LOCKOUT.delay(failures) == timedelta(seconds=seconds)


@given(
    free=st.integers(1, 100),
    first=st.timedeltas(timedelta(seconds=1), timedelta(hours=1)),
    longest=st.timedeltas(timedelta(seconds=1), timedelta(hours=24)),
    failures=st.integers(0, 10_000),
)
def test_delay_never_shrinks(free: int, first: timedelta, longest: timedelta, failures: int) -> None:
    """With any settings, another failure never shortens the delay, and the maximum holds."""
    policy = replace(LOCKOUT, allowed_failures=free, first_delay=first, max_delay=longest)

    assert timedelta(0) <= policy.delay(failures) <= policy.delay(failures + 1) <= longest
    assert (policy.delay(failures) == timedelta(0)) is (failures < free)


# One account

POLICIES = {
    "as set": BY_NAME,
    "no free one": replace(BY_NAME, allowed_failures=1),
    "one length": replace(BY_NAME, first_delay=timedelta(hours=1), max_delay=timedelta(hours=1)),
    "no free one, one length": replace(
        BY_NAME, allowed_failures=1, first_delay=timedelta(hours=1), max_delay=timedelta(hours=1)
    ),
    "longest shorter than the first": replace(
        BY_NAME, allowed_failures=2, first_delay=timedelta(hours=1), max_delay=timedelta(seconds=1)
    ),
    "more free than the stop": replace(BY_NAME, allowed_failures=100, hard_lock_after=7),
    "widest": replace(
        BY_NAME, allowed_failures=3, first_delay=timedelta(seconds=1), max_delay=timedelta(hours=24)
    ),
}


@pytest.mark.parametrize("name", POLICIES)
def test_database_enforces_the_policys_delays(made: Made, clock: FakeClock, name: str) -> None:
    """After each failure the next attempt passes exactly when its delay is over."""
    policy = POLICIES[name]
    lockout = made(policy)

    for failures in range(1, min(policy.hard_lock_after, 20)):
        assert lockout.reserve(attempt_at("margaret")) is None
        delay = policy.delay(failures)
        assert lockout.lock("margaret").failures == failures
        if delay:
            clock.advance(milliseconds=delay / MILLISECOND - 1)
            assert lockout.reserve(attempt_at("margaret")) is Reason.ACCOUNT_LOCKED
            assert lockout.lock("margaret").blocked_until == clock.now() + MILLISECOND
            clock.advance(milliseconds=1)
    assert lockout.lock("margaret").blocked_until is None


def test_refused_attempt_is_not_counted(made: Made, clock: FakeClock, database: Database) -> None:
    """Attempts during a block do not extend it and are not counted for the address."""
    lockout = made()
    for _ in range(5):
        lockout.reserve(attempt_at("margaret"))
    before = lockout.lock("margaret"), rows_in(database)

    for _ in range(50):
        clock.advance(milliseconds=500)
        assert lockout.reserve(Attempt("margaret", SOURCE)) is Reason.ACCOUNT_LOCKED

    assert (lockout.lock("margaret"), rows_in(database)) == before
    clock.advance(seconds=5)
    assert lockout.reserve(Attempt("margaret", SOURCE)) is None


def test_accounts_do_not_share_their_failures(made: Made) -> None:
    """One account's block affects no other."""
    lockout = made(BY_NAME)
    repeat(lambda: lockout.reserve(attempt_at("margaret")), 6)

    assert lockout.reserve(attempt_at("rosa")) is None
    assert lockout.lock("rosa").failures == 1


@pytest.mark.parametrize("names", [("margaret", "MARGARET", "Margaret"), ("é", "é"), ("字" * 200,), ("",)])
def test_one_name_is_one_counter(made: Made, names: tuple[str, ...]) -> None:
    """Names are counted as accounts are looked up: ASCII case is ignored, also for unknown names."""
    lockout = made(BY_NAME)

    answers = [lockout.reserve(attempt_at(names[number % len(names)])) for number in range(6)]

    assert answers == [None] * 5 + [Reason.ACCOUNT_LOCKED]
    assert {lockout.lock(name).failures for name in names} == {5}


def test_correct_password_resets_failures(made: Made) -> None:
    """After a success the initial number of failures is allowed again."""
    lockout = made(BY_NAME)

    for _ in range(3):
        repeat(lambda: lockout.reserve(attempt_at("margaret")), 4)
        right = attempt_at("margaret")
        assert lockout.reserve(right) is None
        lockout.succeed(right)
        assert lockout.lock("margaret") == Lock(0, None, is_stopped=False)


def test_old_failures_expire(made: Made, clock: FakeClock) -> None:
    """Failures without a successor for the set time no longer count, with or without a clean-up."""
    lockout = made(BY_NAME)
    repeat(lambda: lockout.reserve(attempt_at("margaret")), 4)
    clock.instant += LOCKOUT.reset_after

    assert lockout.lock("margaret").failures == 0
    assert lockout.reserve(attempt_at("margaret")) is None
    assert lockout.lock("margaret") == Lock(1, None, is_stopped=False)


def test_failure_restarts_the_expiry(made: Made, clock: FakeClock) -> None:
    """Each further failure restarts the expiry."""
    lockout = made(BY_NAME)

    for failures in range(1, 5):
        assert lockout.reserve(attempt_at("margaret")) is None
        assert lockout.lock("margaret").failures == failures
        clock.instant += LOCKOUT.reset_after - MILLISECOND
        lockout.prune()


# Stop

STOPPING = replace(BY_NAME, hard_lock_after=7)


def stop(lockout: Lockout, clock: FakeClock, login: str = "margaret") -> None:
    """Fail at an account until it is stopped, waiting out the delays."""
    for _ in range(STOPPING.hard_lock_after):
        assert lockout.reserve(attempt_at(login)) is None
        clock.advance(hours=1)
    assert lockout.lock(login).is_stopped


def test_stopped_account_stays_stopped(made: Made, clock: FakeClock) -> None:
    """After the last failure neither time nor a clean-up opens the account to strangers."""
    lockout = made(STOPPING)
    stop(lockout, clock)

    for _ in range(3):
        clock.instant += LONG_AGO
        lockout.prune()
        assert lockout.reserve(attempt_at("margaret")) is Reason.ACCOUNT_LOCKED
    assert lockout.lock("margaret") == Lock(7, None, is_stopped=True)


def test_one_failure_below_the_stop_is_a_delay(made: Made, clock: FakeClock) -> None:
    """With one failure less, the account is only delayed."""
    lockout = made(STOPPING)
    for _ in range(STOPPING.hard_lock_after - 1):
        lockout.reserve(attempt_at("margaret"))
        clock.advance(hours=1)

    assert not lockout.lock("margaret").is_stopped
    assert lockout.reserve(attempt_at("margaret")) is None


def test_operator_unlocks(made: Made, clock: FakeClock) -> None:
    """An operator deletes an account's failures, of strangers and devices, and of no other account."""
    lockout = made(STOPPING)
    for login in ("margaret", "rosa"):
        stop(lockout, clock, login)
        repeat(lambda login=login: lockout.reserve(attempt_at(login, "device-1")), 5)  # type: ignore[misc]

    assert lockout.unlock("MARGARET")

    assert lockout.lock("margaret") == Lock(0, None, is_stopped=False)
    assert lockout.reserve(attempt_at("margaret")) is None
    assert lockout.reserve(attempt_at("margaret", "device-1")) is None
    assert lockout.lock("rosa").is_stopped
    assert lockout.reserve(attempt_at("rosa", "device-1")) is Reason.ACCOUNT_LOCKED
    assert lockout.unlock("margaret")
    assert not lockout.unlock("margaret")
    assert not lockout.unlock("nobody")


def test_known_device_lifts_the_stop(made: Made, clock: FakeClock) -> None:
    """After the owner's login with a known browser, strangers have one attempt again, after the delay."""
    lockout = made(STOPPING)
    stop(lockout, clock)
    device = attempt_at("margaret", "device-1")
    assert lockout.reserve(device) is None

    lockout.succeed(device)

    assert lockout.lock("margaret") == Lock(6, None, is_stopped=False)
    assert lockout.reserve(attempt_at("margaret")) is None
    assert lockout.lock("margaret").is_stopped


def test_known_device_lifts_no_delay(made: Made) -> None:
    """Below the stop, the owner's login does not reset strangers' failures: no new guesses."""
    lockout = made(BY_NAME)
    repeat(lambda: lockout.reserve(attempt_at("margaret")), 5)
    before = lockout.lock("margaret")

    device = attempt_at("margaret", "device-1")
    lockout.reserve(device)
    lockout.succeed(device)

    assert lockout.lock("margaret") == before
    assert before.blocked_until is not None


# Devices


def test_device_has_a_separate_counter(made: Made, clock: FakeClock) -> None:
    """Strangers and devices do not block each other, nor one device another; delays are the same."""
    lockout = made(BY_NAME)
    for device in (None, "device-1", "device-2"):
        for _ in range(5):
            assert lockout.reserve(attempt_at("margaret", device)) is None
        assert lockout.reserve(attempt_at("margaret", device)) is Reason.ACCOUNT_LOCKED

    clock.advance(seconds=30)
    for device in (None, "device-1", "device-2"):
        assert lockout.reserve(attempt_at("margaret", device)) is None


def test_device_is_not_counted_by_address(made: Made) -> None:
    """Mistyped passwords in known browsers do not block the office's address."""
    lockout = made()

    for number in range(50):
        assert lockout.reserve(Attempt(f"person-{number}", SOURCE, "device-1")) is None

    assert [lockout.reserve(attempt_from(SOURCE)) for _ in range(11)] == [None] * 10 + [Reason.ADDRESS_LOCKED]


# Addresses


def test_address_has_its_own_limit(made: Made, clock: FakeClock) -> None:
    """Ten wrong passwords in five minutes, for any account; other addresses are not affected."""
    lockout = made()

    answers = [lockout.reserve(attempt_from(SOURCE)) for _ in range(12)]

    assert answers == [None] * 10 + [Reason.ADDRESS_LOCKED] * 2
    assert lockout.reserve(attempt_from("192.0.2.8")) is None


def test_refused_address_costs_the_account_nothing(made: Made, database: Database) -> None:
    """An attempt refused for its address counts neither for the account nor for other windows."""
    lockout = made()
    repeat(lambda: lockout.reserve(attempt_from(SOURCE)), 10)
    before = rows_in(database)

    for _ in range(20):
        assert lockout.reserve(Attempt("margaret", SOURCE)) is Reason.ADDRESS_LOCKED

    assert lockout.lock("margaret").failures == 0
    assert rows_in(database) == before
    assert counts_of(database) == {300: 10, 3600: 10, 86400: 10}


def counts_of(database: Database) -> dict[int, int]:
    """Return the number of counted failures by window length in seconds."""
    query = select(addresses.c.period, func.sum(addresses.c.failures)).group_by(addresses.c.period)
    with database.read() as connection:
        return {period: int(failures) for period, failures in connection.execute(query.where(IS_OF_ADDRESS))}


def test_correct_password_costs_the_address_nothing(made: Made, database: Database) -> None:
    """Any number of correct logins from one address do not use it up."""
    lockout = made()

    for _ in range(30):
        attempt = attempt_from(SOURCE)
        assert lockout.reserve(attempt) is None
        lockout.succeed(attempt)

    assert set(counts_of(database).values()) == {0}
    assert [lockout.reserve(attempt_from(SOURCE)) for _ in range(11)][-2:] == [None, Reason.ADDRESS_LOCKED]


def test_refund_never_goes_below_zero(made: Made, database: Database, clock: FakeClock) -> None:
    """A success whose attempt was counted in an earlier window allows no extra guess."""
    lockout = made()
    clock.instant = clock.instant.replace(hour=23, minute=59, second=59)
    attempt = attempt_from(SOURCE)
    lockout.reserve(attempt)
    clock.advance(days=2)

    lockout.succeed(attempt)
    lockout.succeed(attempt)

    answers = Counter(lockout.reserve(attempt_from(SOURCE)) for _ in range(20))
    assert answers == {None: 10, Reason.ADDRESS_LOCKED: 10}


@pytest.mark.parametrize(
    ("source", "other", "is_same"),
    [
        ("192.0.2.7", "::ffff:192.0.2.7", True),
        ("192.0.2.7", "192.0.2.8", False),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:DB8:0:0:8000::", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("-", "", True),
        ("-", "192.0.2.7", False),
    ],
)
def test_addresses_are_grouped(made: Made, source: str, other: str, is_same: bool) -> None:
    """One household's IPv6 network counts as one address, and so do all invalid addresses."""
    lockout = made()
    repeat(lambda: lockout.reserve(attempt_from(source)), 10)

    assert (lockout.reserve(attempt_from(other)) is Reason.ADDRESS_LOCKED) is is_same


class Window:
    """A model of a sliding window: the tenth of a clock behind by the leeway, ten before, all later."""

    def __init__(self, rate: Rate) -> None:
        self._rate, self._counts = rate, Counter[int]()

    def admits(self, milliseconds: int) -> bool:
        first = self._slot(milliseconds - LOCKOUT.leeway // MILLISECOND) - 10
        return sum(count for slot, count in self._counts.items() if slot >= first) < self._rate.amount

    def count(self, milliseconds: int) -> None:
        self._counts[self._slot(milliseconds)] += 1

    def _slot(self, milliseconds: int) -> int:
        return milliseconds // (self._rate.seconds * 100)


@pytest.mark.parametrize(
    ("rates", "longest_step"),
    [("10/5m", 90), ("10/5m 20/1h", 300), ("10/5m 50/1h 200/1d", 1200), ("1/1s", 60), ("200/1d", 1800)],
)
def test_windows_slide(made: Made, clock: FakeClock, rates: str, longest_step: int) -> None:
    """Of more than three hundred attempts at arbitrary times, exactly those pass that all windows admit."""
    policy = replace(LOCKOUT, address_failures=parse_rates(rates))
    lockout, windows = made(policy), [Window(rate) for rate in policy.address_failures]
    steps = random.Random(7)  # the same in every run
    answers = Counter[bool]()

    for _ in range(300):
        clock.advance(milliseconds=steps.choice([0, 1, 1000 * steps.random() * longest_step]))
        now = to_milliseconds(clock.now())
        expected = all(window.admits(now) for window in windows)
        assert (lockout.reserve(attempt_from(SOURCE)) is None) is expected
        answers[expected] += 1
        for window in windows if expected else ():
            window.count(now)

    assert min(answers[True], answers[False]) > 10


def test_full_day_counts_for_a_day(made: Made, clock: FakeClock) -> None:
    """Two hundred failures at once count for a day, a tenth of it and the leeway."""
    lockout = made(replace(LOCKOUT, address_failures=parse_rates("200/1d"), prefix_failures=()))
    clock.instant = clock.instant.replace(hour=0, minute=0, second=0, microsecond=0)
    repeat(lambda: lockout.reserve(attempt_from(SOURCE)), 200)

    clock.advance(hours=26, minutes=24, seconds=30, milliseconds=-1)
    assert lockout.reserve(attempt_from(SOURCE)) is Reason.ADDRESS_LOCKED
    clock.advance(milliseconds=1)

    answers = Counter(lockout.reserve(attempt_from(SOURCE)) for _ in range(250))
    assert answers == {None: 200, Reason.ADDRESS_LOCKED: 50}


# Concurrency

ROUNDS = 3
GUESSES = 128


@pytest.mark.parametrize("number", range(ROUNDS))
def test_threads_get_exactly_the_allowed_guesses(made: Made, number: int) -> None:
    """Of 128 concurrent guesses five are admitted: testing and counting is one step (TOCTOU)."""
    lockout = made(BY_NAME)

    answers = guess_at_once(lockout, [attempt_at("margaret") for _ in range(GUESSES)])

    assert answers == {None: 5, Reason.ACCOUNT_LOCKED: GUESSES - 5}
    assert lockout.lock("margaret").failures == 5


@pytest.mark.slow
def test_processes_get_exactly_the_allowed_guesses(
    made: Made, policy: DatabasePolicy, database: Database
) -> None:
    """The same with four processes, in several rounds."""
    rounds = [[attempt_at(f"person-{number}") for _ in range(GUESSES)] for number in range(ROUNDS)]

    answers = guess_in_processes(policy, BY_NAME, rounds, processes=4)

    assert answers == [{None: 5, Reason.ACCOUNT_LOCKED: GUESSES - 5}] * ROUNDS
    assert [made(BY_NAME).lock(f"person-{number}").failures for number in range(ROUNDS)] == [5] * ROUNDS


@pytest.mark.slow
def test_processes_share_the_address(policy: DatabasePolicy, database: Database) -> None:
    """Of 128 concurrent guesses from one address at as many accounts, ten are admitted."""
    rounds = [[attempt_from(f"192.0.2.{number}") for _ in range(GUESSES)] for number in range(ROUNDS)]

    answers = guess_in_processes(policy, LOCKOUT, rounds, processes=4)

    assert answers == [{None: 10, Reason.ADDRESS_LOCKED: GUESSES - 10}] * ROUNDS
    assert counts_of(database) == dict.fromkeys((300, 3600, 86400), 10 * ROUNDS)


@pytest.mark.slow
def test_guesses_after_a_delay_get_one_more(made: Made, clock: FakeClock) -> None:
    """After each delay one of many concurrent guesses is admitted."""
    lockout = made(BY_NAME)
    guess_at_once(lockout, [attempt_at("margaret") for _ in range(32)])

    for failures in range(5, 9):
        clock.instant += BY_NAME.delay(failures)
        answers = guess_at_once(lockout, [attempt_at("margaret") for _ in range(32)])
        assert answers == {None: 1, Reason.ACCOUNT_LOCKED: 31}


@pytest.mark.slow
def test_concurrent_logins_do_not_deadlock(made: Made, database: Database) -> None:
    """Concurrent correct and wrong logins from one office neither fail nor deadlock."""
    lockout = made(
        replace(
            LOCKOUT, allowed_failures=10_000, hard_lock_after=100_000, address_failures=parse_rates("9999/1h")
        )
    )

    def log_in_and_fail() -> None:
        for number in range(10):
            attempt = Attempt("margaret", SOURCE)
            assert lockout.reserve(attempt) is None
            if number % 2:
                lockout.succeed(attempt)

    assert at_once(4, log_in_and_fail) == []

    assert counts_of(database) == {3600: 4 * 5}


# Stored rows


def test_names_are_stored_as_digests(made: Made, database: Database) -> None:
    """A typed name may be a password: the database contains only its SHA-256."""
    made().reserve(Attempt("Seven quiet rivers", SOURCE))
    made().reserve(Attempt("margaret", SOURCE, "device-1"))

    with database.read() as connection:
        rows = connection.execute(text("SELECT * FROM login_attempts ORDER BY key")).all()
        of_addresses = connection.execute(text("SELECT * FROM login_addresses")).all()

    assert [row.key for row in rows] == [
        f"account:{hashlib.sha256(b'seven quiet rivers').hexdigest()}",
        f"device:{hashlib.sha256(b'margaret').hexdigest()}:device-1",
    ]
    kept = f"{rows} {of_addresses}".lower()
    assert not [word for word in ("rivers", "margaret") if word in kept]


def test_digest_is_of_the_folded_name() -> None:
    """The stored digest is pinned: SHA-256 of the name with ASCII in lower case."""
    assert login_digest("Margaret") == hashlib.sha256(b"margaret").hexdigest()
    assert login_digest("É") == hashlib.sha256("É".encode()).hexdigest()


def test_prune_deletes_expired_rows(made: Made, clock: FakeClock, database: Database) -> None:
    """Each row is deleted when it expires, and not before."""
    lockout = made()
    clock.instant = clock.instant.replace(hour=0, minute=0, second=0, microsecond=0)
    lockout.reserve(Attempt("margaret", SOURCE))
    rows = []

    for at in (
        timedelta(0),
        timedelta(minutes=6, seconds=30),
        timedelta(hours=1, minutes=7),
        timedelta(days=1, hours=2, minutes=25),
        timedelta(days=30),
    ):
        for moment in (-MILLISECOND, MILLISECOND):
            clock.instant += at + moment
            lockout.prune()
            rows.append(rows_in(database))
            clock.instant -= at + moment

    assert rows == [(1, 3), (1, 3), (1, 3), (1, 2), (1, 2), (1, 1), (1, 1), (1, 0), (1, 0), (0, 0)]


def test_tables_do_not_grow_for_ever(made: Made, clock: FakeClock, database: Database) -> None:
    """A login deletes expired rows, so that unknown names do not fill the database."""
    lockout = made()
    for number in range(20):
        lockout.reserve(Attempt(f"nobody-{number}", f"192.0.2.{number}"))
    clock.advance(days=31)

    attempt = Attempt("margaret", SOURCE)
    lockout.reserve(attempt)
    lockout.succeed(attempt)

    assert rows_in(database) == (0, 3)


def test_disabled_lockout_counts_nothing(made: Made, database: Database) -> None:
    """With the lockout disabled every attempt passes, and nothing is written."""
    lockout = made(replace(LOCKOUT, enabled=False))

    assert {lockout.reserve(Attempt("margaret", SOURCE)) for _ in range(50)} == {None}

    assert rows_in(database) == (0, 0)


def test_without_the_database_no_attempt_passes(made: Made, database: Database) -> None:
    """An attempt that cannot be stored is a fault and does not pass."""
    lockout = made()
    with database.write() as connection:
        for name in ("login_attempts", "login_addresses"):
            connection.execute(text(f"ALTER TABLE {name} RENAME TO {name}_away"))
    acts: list[Callable[[], object]] = [
        lambda: lockout.reserve(Attempt("margaret", SOURCE)),
        lambda: lockout.reserve(Attempt("margaret", SOURCE, "device-1")),
        lambda: lockout.succeed(Attempt("margaret", SOURCE)),
        lambda: lockout.unlock("margaret"),
        lambda: lockout.lock("margaret"),
        lockout.prune,
    ]
    try:
        for act in acts:
            with pytest.raises(Fault) as raised:
                act()
            assert raised.value.reason is Reason.STORE_UNAVAILABLE
    finally:
        with database.write() as connection:
            for name in ("login_attempts", "login_addresses"):
                connection.execute(text(f"ALTER TABLE {name}_away RENAME TO {name}"))


def test_account_without_failures_has_no_lock(made: Made) -> None:
    """Without failures there is no lock."""
    assert made().lock("margaret") == Lock(0, None, is_stopped=False)


def test_widest_policy_of_the_settings_works(made: Made) -> None:
    """The largest permitted numbers make statements that the database accepts."""
    widest = LockoutPolicy(
        enabled=True,
        allowed_failures=100,
        first_delay=timedelta(seconds=1),
        max_delay=timedelta(hours=24),
        hard_lock_after=1000,
        reset_after=timedelta(days=365),
        address_failures=parse_rates("999999999/365d"),
        prefix_failures=(),
        device_lifetime=timedelta(days=365),
    )

    assert made(widest).reserve(Attempt("margaret", SOURCE)) is None


def test_locks_in_force_are_counted(made: Made, clock: FakeClock) -> None:
    """Blocked and stopped accounts, devices and addresses are counted."""
    lockout = made(replace(LOCKOUT, hard_lock_after=6))
    assert lockout.in_force() == {"account": 0, "device": 0, "address": 0, "prefix": 0}

    for login, device in (("margaret", None), ("ada", None), ("ada", "device-1"), ("grace", None)):
        for _ in range(4 if login == "grace" else 5):
            lockout.reserve(attempt_at(login, device))
    for _ in range(11):
        lockout.reserve(attempt_from(SOURCE))
    during = lockout.in_force()
    clock.advance(seconds=30)
    lockout.reserve(attempt_at("ada"))
    clock.advance(minutes=6)
    after = lockout.in_force()

    assert during == {"account": 2, "device": 1, "address": 1, "prefix": 0}
    assert after == {"account": 1, "device": 0, "address": 0, "prefix": 0}


def test_addresses_are_locked_as_they_are_counted(made: Made, clock: FakeClock) -> None:
    """An address counts as locked exactly while its next attempt would be refused, by any rate."""
    lockout = made(replace(LOCKOUT, address_failures=parse_rates("3/5m 5/1h")))
    locked, refused = [], []
    for _ in range(60):
        locked.append(lockout.in_force()["address"])
        refused.append(lockout.reserve(attempt_from(SOURCE)) is Reason.ADDRESS_LOCKED)
        clock.advance(minutes=2)

    assert locked == [int(each) for each in refused]
    assert set(refused) == {True, False}


@pytest.mark.parametrize("rates", [(), LOCKOUT.address_failures], ids=["without", "with"])
def test_nothing_is_locked_without_a_lockout(made: Made, rates: tuple[Rate, ...]) -> None:
    """A disabled lockout locks nothing, whatever was counted before."""
    before = made(replace(LOCKOUT, address_failures=rates))
    for _ in range(5):
        before.reserve(attempt_at("margaret"))

    off = made(replace(LOCKOUT, enabled=False, address_failures=rates))

    assert before.in_force() == {"account": 1, "device": 0, "address": 0, "prefix": 0}
    assert off.in_force() == {"account": 0, "device": 0, "address": 0, "prefix": 0}

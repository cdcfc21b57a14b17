"""Failures by address and prefix: which sources share a count, and that it is no weapon; both databases."""

from collections import Counter
from dataclasses import replace
from itertools import count

import pytest

from tests.support.account_policies import LOCKOUT
from tests.support.fakes import FakeClock
from validator.accounts.lockout import Attempt, Lockout
from validator.errors import Reason
from validator.limits.policy import parse_rates
from validator.store.database import Database

SMALL = replace(LOCKOUT, address_failures=parse_rates("2/5m"), prefix_failures=parse_rates("6/5m"))
_names = count()


@pytest.fixture
def lockout(database: Database, clock: FakeClock) -> Lockout:
    """Return a lockout with small rates."""
    return Lockout(database, SMALL, clock)


def guess(lockout: Lockout, source: str, device: str | None = None) -> Reason | None:
    """Fail at an unused account."""
    return lockout.reserve(Attempt(f"somebody-{next(_names)}", source, device))


def admitted(lockout: Lockout, sources: list[str]) -> int:
    """Return how many guesses pass, one from each of *sources*."""
    answers = Counter(guess(lockout, source) for source in sources)
    assert set(answers) <= {None, Reason.ADDRESS_LOCKED}
    return answers[None]


@pytest.mark.parametrize(
    ("sources", "passing"),
    [
        ([f"192.0.2.{n}" for n in range(20)], 6),
        ([f"::ffff:192.0.2.{n}" for n in range(20)], 6),
        ([f"192.0.{n}.1" for n in range(20)], 20),
        ([f"2001:db8:1:{n:x}::1" for n in range(20)], 6),
        ([f"2001:db8:{n:x}::1" for n in range(20)], 20),
        ([f"2001:db8:1:1::{n:x}" for n in range(20)], 2),
        (["192.0.2.1"] * 20, 2),
        (["no address", "-", "", "192.0.2.300"] * 5, 2),
    ],
)
def test_prefix_is_counted_beside_the_address(lockout: Lockout, sources: list[str], passing: int) -> None:
    """All addresses of a /24 or /48 share a count in addition to each address's."""
    assert admitted(lockout, sources) == passing


def test_without_prefixes_a_network_guesses_on(database: Database, clock: FakeClock) -> None:
    """Without prefix counts, one IPv6 /48 has the guesses of all its /64s."""
    lockout = Lockout(database, replace(SMALL, prefix_failures=()), clock)

    assert admitted(lockout, [f"2001:db8:1:{n:x}::1" for n in range(60)]) == 60


def test_one_stranger_does_not_use_up_the_prefix(database: Database, clock: FakeClock) -> None:
    """With the default numbers, an address that is used up leaves its neighbours' guesses."""
    lockout = Lockout(database, LOCKOUT, clock)
    assert admitted(lockout, ["192.0.2.7"] * 50) == 10

    assert admitted(lockout, [f"192.0.2.{n}" for n in range(8, 58)]) == 50


def test_known_device_is_never_counted_by_prefix(lockout: Lockout) -> None:
    """A known browser logs in from a prefix that is used up, and does not count for it."""
    for number in range(20):
        assert guess(lockout, f"192.0.2.{number}", f"device-{number}") is None
    assert admitted(lockout, [f"192.0.2.{n}" for n in range(20)]) == 6

    assert guess(lockout, "192.0.2.250") is Reason.ADDRESS_LOCKED
    assert guess(lockout, "192.0.2.250", "device-1") is None
    assert lockout.in_force() == {"account": 0, "device": 0, "address": 0, "prefix": 1}


def test_correct_password_costs_the_prefix_nothing(lockout: Lockout) -> None:
    """Logins from an office with many people and addresses do not use up its prefix."""
    for number in range(30):
        attempt = Attempt(f"person-{number}", f"192.0.2.{number}")
        assert lockout.reserve(attempt) is None
        lockout.succeed(attempt)

    assert lockout.in_force()["prefix"] == 0
    assert admitted(lockout, [f"192.0.2.{n}" for n in range(20)]) == 6

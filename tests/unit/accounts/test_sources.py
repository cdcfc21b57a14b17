"""Failures by address and by prefix: who shares a count, and that neither is a weapon; on both databases."""

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
    """Fail at an account of its own."""
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
    """A /24 and a /48 have a count that all their addresses share, besides each address's own."""
    assert admitted(lockout, sources) == passing


def test_without_prefixes_a_network_guesses_on(database: Database, clock: FakeClock) -> None:
    """Where prefixes are not counted, one IPv6 /48 has as many guesses as it has /64s."""
    lockout = Lockout(database, replace(SMALL, prefix_failures=()), clock)

    assert admitted(lockout, [f"2001:db8:1:{n:x}::1" for n in range(60)]) == 60


def test_one_stranger_does_not_use_up_the_prefix(database: Database, clock: FakeClock) -> None:
    """By the default numbers an address that fails as often as it may leaves its neighbours theirs."""
    lockout = Lockout(database, LOCKOUT, clock)
    assert admitted(lockout, ["192.0.2.7"] * 50) == 10

    assert admitted(lockout, [f"192.0.2.{n}" for n in range(8, 58)]) == 50


def test_known_device_is_never_counted_by_prefix(lockout: Lockout) -> None:
    """A browser that logged in before gets in from a prefix that is used up, and uses none of it up."""
    for number in range(20):
        assert guess(lockout, f"192.0.2.{number}", f"device-{number}") is None
    assert admitted(lockout, [f"192.0.2.{n}" for n in range(20)]) == 6

    assert guess(lockout, "192.0.2.250") is Reason.ADDRESS_LOCKED
    assert guess(lockout, "192.0.2.250", "device-1") is None
    assert lockout.in_force() == {"account": 0, "device": 0, "address": 0, "prefix": 1}


def test_right_password_costs_the_prefix_nothing(lockout: Lockout) -> None:
    """An office of many people and addresses does not use its prefix up by logging in."""
    for number in range(30):
        attempt = Attempt(f"person-{number}", f"192.0.2.{number}")
        assert lockout.reserve(attempt) is None
        lockout.succeed(attempt)

    assert lockout.in_force()["prefix"] == 0
    assert admitted(lockout, [f"192.0.2.{n}" for n in range(20)]) == 6

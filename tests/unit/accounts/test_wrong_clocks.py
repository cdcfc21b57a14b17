"""Wrong clocks at the login: their rows do not outlive a correction, and differing clocks share one count."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import func, select

from tests.support.account_policies import LOCKOUT
from tests.support.fakes import START, FakeClock
from tests.support.parallel_guesses import guess_at_once
from validator.accounts.addresses import table as addresses
from validator.accounts.lockout import Attempt, Lockout, attempts
from validator.errors import Reason
from validator.store.database import Database

SOURCE, LOGIN = "192.0.2.7", "margaret"
AHEAD = [timedelta(hours=2), timedelta(days=1), timedelta(days=366)]
BY_NAME = replace(LOCKOUT, address_failures=(), prefix_failures=())
_names = count()
Node = Callable[..., Lockout]


@pytest.fixture
def node(database: Database) -> Node:
    """Return a function that makes a node whose clock is ahead by a duration."""
    return lambda ahead=timedelta(0), policy=LOCKOUT: Lockout(database, policy, FakeClock(START + ahead))


def fail(lockout: Lockout, times: int, source: str | None = None) -> list[Reason | None]:
    """Fail at one account from many addresses, or at many accounts from one."""
    if source:
        return [lockout.reserve(Attempt(f"somebody-{next(_names)}", source)) for _ in range(times)]
    return [lockout.reserve(Attempt(LOGIN, f"10.{n}.0.1")) for n in range(times)]


@pytest.mark.parametrize("ahead", AHEAD)
def test_block_of_a_clock_ahead_blocks_nobody(node: Node, ahead: timedelta) -> None:
    """Once the clock is corrected, the account is open, and the next failure blocks as usual."""
    wrong, right = node(ahead, BY_NAME), node(policy=BY_NAME)
    fail(wrong, 6)
    assert wrong.lock(LOGIN).blocked_until == START + ahead + timedelta(seconds=30)

    assert right.lock(LOGIN).blocked_until is None
    assert right.in_force()["account"] == 0
    assert fail(right, 3) == [None, Reason.ACCOUNT_LOCKED, Reason.ACCOUNT_LOCKED]
    assert right.lock(LOGIN).failures == 6
    assert right.lock(LOGIN).blocked_until == START + timedelta(seconds=60)


def test_many_at_once_after_the_correction_have_one_guess(node: Node) -> None:
    """An implausible block admits one guess, not all concurrent ones."""
    fail(node(timedelta(days=366), BY_NAME), 6)

    answers = guess_at_once(node(policy=BY_NAME), [Attempt(LOGIN, f"10.{n}.0.1") for n in range(32)])

    assert answers == {None: 1, Reason.ACCOUNT_LOCKED: 31}


def test_longest_block_by_a_clock_within_the_leeway_holds(node: Node) -> None:
    """A node behind by the leeway accepts the longest block of the node ahead."""
    policy = replace(BY_NAME, allowed_failures=1, first_delay=timedelta(hours=1))
    fail(node(policy.leeway, policy), 1)

    assert fail(node(policy=policy), 1) == [Reason.ACCOUNT_LOCKED]
    assert fail(node(timedelta(milliseconds=-1), policy), 1) == [None]


def test_stop_needs_no_clock(node: Node) -> None:
    """An account stopped by a clock ahead stays stopped."""
    policy = replace(BY_NAME, hard_lock_after=5)
    fail(node(timedelta(days=366), policy), 5)

    assert node(policy=policy).lock(LOGIN).is_stopped
    assert fail(node(policy=policy), 1) == [Reason.ACCOUNT_LOCKED]


@pytest.mark.parametrize("ahead", AHEAD)
def test_sources_of_a_clock_ahead_are_not_locked(node: Node, database: Database, ahead: timedelta) -> None:
    """Failures counted by a clock ahead do not lock an address, now or when that time comes."""
    assert fail(node(ahead), 12, SOURCE)[-2:] == [Reason.ADDRESS_LOCKED] * 2
    right = node()

    assert right.in_force()["address"] == 0
    assert fail(right, 1, SOURCE) == [None]
    later = node(ahead)
    assert later.in_force()["address"] == 0
    with database.read() as connection:
        counted = connection.execute(select(func.sum(addresses.c.failures))).scalar_one()
    assert counted == 6  # an address and a prefix with three rates each


def test_rows_of_a_clock_ahead_expire(node: Node, database: Database) -> None:
    """A clean-up with a correct clock lets a clock ahead's rows expire like any others."""
    wrong, right = node(timedelta(days=366)), node()
    fail(wrong, 3)
    fail(wrong, 3, SOURCE)

    right.prune()

    with database.read() as connection:
        last = connection.execute(select(func.max(attempts.c.forget_at))).scalar_one()
        left = connection.execute(select(func.count()).select_from(addresses)).scalar_one()
    assert (last, left) == (START + LOCKOUT.reset_after, 0)


@pytest.mark.parametrize("seconds", [0, 1, 10, 29, 30])
def test_two_clocks_within_the_leeway_count_as_one(node: Node, seconds: int) -> None:
    """Of 40 wrong passwords from one address over two nodes, ten are admitted, in any order."""
    for number, order in enumerate(("behind first", "ahead first", "in turns")):
        source = f"198.51.{number}.1"
        behind, ahead = node(), node(timedelta(seconds=seconds))
        nodes = {"behind first": [behind] * 20 + [ahead] * 20, "ahead first": [ahead] * 20 + [behind] * 20}
        answers = Counter(fail(each, 1, source)[0] for each in nodes.get(order, [behind, ahead] * 20))
        assert answers == {None: 10, Reason.ADDRESS_LOCKED: 30}, order


def test_two_clocks_without_leeway_count_twice(node: Node) -> None:
    """Without a leeway the same two nodes admit up to twice as many."""
    policy = replace(LOCKOUT, leeway=timedelta(0))
    behind, ahead = node(policy=policy), node(timedelta(seconds=30), policy)

    answers = Counter(fail(each, 1, SOURCE)[0] for each in [ahead] * 20 + [behind] * 20)

    assert answers[None] == 20


def test_two_clocks_never_admit_more_within_a_period(database: Database) -> None:
    """In an hour of steady guessing at both nodes, no true five minutes admit more than ten."""
    behind, ahead = FakeClock(START), FakeClock(START + LOCKOUT.leeway)
    policy = replace(LOCKOUT, address_failures=LOCKOUT.address_failures[:1], prefix_failures=())
    nodes = [Lockout(database, policy, clock) for clock in (behind, ahead)]
    passed: list[int] = []

    for second in range(0, 3600, 10):
        for number, lockout in enumerate(nodes):
            if lockout.reserve(Attempt(f"somebody-{second}-{number}", SOURCE)) is None:
                passed.append(second)
        for clock in (behind, ahead):
            clock.advance(seconds=10)

    assert len(passed) > 50
    assert max(sum(begin <= each < begin + 300 for each in passed) for begin in passed) == 10


@pytest.mark.slow
def test_nodes_at_the_edge_of_a_tenth_admit_no_more(node: Node) -> None:
    """Nodes in different tenths at the same time share one count under concurrent guessing."""
    at_edge = timedelta(seconds=30 - START.second % 30, milliseconds=-START.microsecond // 1000)
    for number in range(5):
        before, after = node(at_edge - timedelta(milliseconds=1)), node(at_edge)
        source = f"203.0.113.{number}"
        both = _Alternating(before, after)
        answers = guess_at_once(both, [Attempt(f"a-{number}-{n}", source) for n in range(40)])  # type: ignore[arg-type]
        assert answers == {None: 10, Reason.ADDRESS_LOCKED: 30}


class _Alternating:
    """Two nodes behind a round-robin load balancer."""

    def __init__(self, *nodes: Lockout) -> None:
        self._nodes = list(nodes) * 100

    def reserve(self, attempt: Attempt) -> Reason | None:
        """Let the next node count *attempt*."""
        return self._nodes.pop().reserve(attempt)

"""Leases: a message has one sender at a time, and comes back when that one is gone."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from tests.support.fakes import FakeClock
from tests.support.older_database import copy_of
from tests.support.parallel_threads import at_once
from tests.support.webhook_parts import KEEP, LEASE, MAX_MESSAGES, policy_of
from validator.errors import Fault
from validator.store.database import Database, DatabasePolicy
from validator.store.restore_guard import GuardedDatabase
from validator.webhooks.claims import Claimed, Claims, Failure
from validator.webhooks.messages import DEAD, WAITING, Messages
from validator.webhooks.tables import messages

Add = Callable[[int], None]
SECOND = timedelta(seconds=1)


def ids(claimed: list[Claimed]) -> list[str]:
    return [each.id for each in claimed]


def test_claimed_message_is_left_alone_until_its_lease_ends(
    claims: Claims, add: Add, clock: FakeClock
) -> None:
    """While one worker has a message no other gets it; after a killed worker's lease another one does."""
    add(1)
    (first,) = claims.claim(10)
    clock.advance(seconds=LEASE.total_seconds() - 1)
    assert claims.claim(10) == []

    clock.advance(seconds=1)
    (again,) = claims.claim(10)

    assert again == replace(first, attempt=2)


def test_lease_is_longer_than_an_attempt(database: Database, clock: FakeClock, add: Add) -> None:
    """A lease grows with the time for one attempt; the control is one that ends before the attempt."""
    add(1)
    slow, quick = (Claims(database, clock, policy_of(seconds=seconds)) for seconds in (30, -60))
    assert len(quick.claim(10)) == 1
    assert len(slow.claim(10)) == 1

    clock.advance(seconds=60)

    assert slow.claim(10) == []


def test_new_messages_are_claimed_in_their_order(claims: Claims, add: Add) -> None:
    """The oldest message is sent first, and at most as many as a batch."""
    add(3)
    first, second = ids(claims.claim(2)), ids(claims.claim(2))

    assert len(first) == 2
    assert len(second) == 1
    assert first + second == sorted(first + second)


@pytest.mark.slow
def test_workers_share_the_messages(database: Database, clock: FakeClock, add: Add) -> None:
    """Workers that claim at the same instant get every message once in all."""
    add(60)

    claimed: list[str] = []

    assert at_once(15, lambda: claimed.extend(ids(Claims(database, clock, policy_of()).claim(4)))) == []

    assert len(set(claimed)) == len(claimed)
    rest = ids(Claims(database, clock, policy_of()).claim(100))
    assert len({*claimed, *rest}) == 60


def test_delivered_message_is_deleted(claims: Claims, add: Add, clock: FakeClock, stored: Messages) -> None:
    """A delivered message is not sent again, and nothing of it stays."""
    add(2)
    first, second = claims.claim(10)
    claims.settle([first.id], [])
    clock.advance(seconds=LEASE.total_seconds())

    assert ids(claims.claim(10)) == [second.id]
    assert stored.summary().waiting == 1


def test_failed_message_is_due_after_its_delay(
    claims: Claims, add: Add, clock: FakeClock, stored: Messages
) -> None:
    """A failed message waits for its delay, not for its lease, and shows why it failed."""
    add(1)
    (message,) = claims.claim(10)
    claims.settle([], [Failure(message, "the status is 500", 5 * SECOND)])
    clock.advance(seconds=4)
    assert claims.claim(10) == []
    (listed,) = stored.list(WAITING, 10)
    assert (listed.attempts, listed.error) == (1, "the status is 500")

    clock.advance(seconds=1)

    assert ids(claims.claim(10)) == [message.id]


def test_dead_letter_is_not_sent(claims: Claims, add: Add, clock: FakeClock, stored: Messages) -> None:
    """A message without a further attempt stays as a dead letter for `keep`."""
    add(1)
    (message,) = claims.claim(10)
    claims.settle([], [Failure(message, "the status is 400", None)])
    clock.advance(seconds=KEEP.total_seconds() - 1)
    claims.trim()
    assert claims.claim(10) == []
    assert [each.id for each in stored.list(DEAD, 10)] == [message.id]

    clock.advance(seconds=2)
    claims.trim()

    assert stored.list(DEAD, 10) == []


def test_lost_lease_changes_nothing(claims: Claims, add: Add, clock: FakeClock, stored: Messages) -> None:
    """A worker that was stopped beyond its lease does not undo what the next one stores."""
    add(1)
    (late,) = claims.claim(10)
    clock.advance(seconds=LEASE.total_seconds())
    (next_one,) = claims.claim(10)
    claims.settle([], [Failure(late, "late", None)])
    assert stored.list(DEAD, 10) == []  # the control is the failure of the lease that holds

    claims.settle([], [Failure(next_one, "the status is 400", None)])

    assert [each.error for each in stored.list(DEAD, 10)] == ["the status is 400"]


def test_clock_that_was_ahead_blocks_no_message(
    database: Database, claims: Claims, add: Add, clock: FakeClock
) -> None:
    """What a wrong clock dated into the future is due once the clock is right; nothing waits for years."""
    add(1)
    clock.advance(days=4000)
    claims.claim(10)
    clock.advance(days=-4000)
    assert claims.claim(10) == []

    claims.trim()

    assert len(claims.claim(10)) == 1


def test_dead_letter_of_a_wrong_clock_is_not_kept_longer(
    database: Database, claims: Claims, add: Add, clock: FakeClock, stored: Messages
) -> None:
    """A dead letter that is dated into the future is deleted after `keep` from now."""
    add(1)
    with database.write() as connection:
        far = clock.now() + timedelta(days=4000)
        connection.execute(update(messages).values(dead_at=far, due_at=None))
    claims.trim()
    clock.advance(seconds=KEEP.total_seconds() + 1)

    claims.trim()

    assert stored.list(DEAD, 10) == []


def test_full_table_drops_dead_letters_first(
    claims: Claims, add: Add, stored: Messages, clock: FakeClock
) -> None:
    """Beyond the maximum the oldest dead letters go, then the oldest that wait; the newest always stay."""
    add(MAX_MESSAGES)
    assert claims.trim() == 0
    newest = claims.claim(MAX_MESSAGES)[-1]
    claims.settle([], [Failure(newest, "the status is 400", None)])
    oldest = stored.list(WAITING, 2)
    add(3)

    assert claims.trim() == 3

    assert stored.list(DEAD, 10) == []
    waiting = [each.id for each in stored.list(WAITING, 100)]
    assert len(waiting) == MAX_MESSAGES
    assert sum(each > newest.id for each in waiting) == 3
    assert not {each.id for each in oldest} & {*waiting}


def test_nothing_is_sent_from_an_older_copy_of_the_database(
    policy: DatabasePolicy, database: Database, add: Add, clock: FakeClock, tmp_path: Path
) -> None:
    """A restored backup may have messages about what was erased since: none is sent until it is accepted."""
    guarded = GuardedDatabase(policy, tmp_path / "keys")
    claims = Claims(guarded, clock, policy_of())
    add(1)
    with guarded.durable_write(clock.now()):
        pass  # what the backup has
    backup = copy_of(database)
    with guarded.durable_write(clock.now()) as connection:
        connection.execute(delete(messages))  # as an erasure does
    backup.put_back(database)

    with pytest.raises(Fault):
        claims.claim(10)
    guarded.accept_restore(clock.now())

    assert len(claims.claim(10)) == 1
    guarded.close()

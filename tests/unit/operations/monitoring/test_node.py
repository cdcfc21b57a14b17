"""The storages of a node, and the keys near a limit."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.fakes import FakeClock
from tests.support.limit_parts import limits_policy
from validator.errors import Fault
from validator.limits.rate_limits import RateLimits
from validator.operations.monitoring import node
from validator.operations.monitoring.node import Fullness
from validator.store.database import Database, DatabasePolicy


def test_database_is_told_with_its_kind(database: Database) -> None:
    """An embedded database has a size, a server has none; both have the time of one read."""
    is_embedded = database.engine.url.drivername == "sqlite"

    told = node.database(database)

    assert (told.kind, told.size is not None) == (("SQLite", True) if is_embedded else ("PostgreSQL", False))
    assert told.answer_milliseconds is not None
    assert 0 < told.answer_milliseconds < 5000


def test_size_of_the_counters_is_that_of_their_file(tmp_path: Path) -> None:
    """The file is behind a link, and does not exist before something is counted."""
    rate_limits = RateLimits(
        limits_policy(tmp_path / "counters", other_address="10/1m"), FakeClock(), workers=1
    )

    told = node.counters(rate_limits)

    assert told.kind == "LMDB counters"
    assert told.size == (tmp_path / "counters" / "counters.mdb").stat().st_size > 0


def test_trail_is_told_while_a_file_is_put_aside(tmp_path: Path) -> None:
    """A file that is removed between listing and reading counts as 0, and the others are counted."""
    (tmp_path / "audit-000001.jsonl").write_bytes(b"x" * 100)
    (tmp_path / "audit-000002.jsonl").symlink_to(tmp_path / "gone")

    assert node.trail(tmp_path).size == 100


def test_database_that_is_away_is_a_fault(tmp_path: Path) -> None:
    """A database that does not answer is a fault, and no number."""
    opened = Database(
        DatabasePolicy(tmp_path, "postgresql+psycopg://nobody@127.0.0.1:9/none", timedelta(seconds=1))
    )

    with pytest.raises(Fault):
        node.database(opened)
    opened.close()


def test_keys_near_a_limit_are_sorted_and_masked(tmp_path: Path) -> None:
    """Over all limits, the key that has used up most of its rate comes first; nobody is shown whole."""
    policy = limits_policy(
        tmp_path / "counters", signing_guest="10/1m", callbacks_foreign="100/1h", tokens_caller="4/1m 8/1h"
    )
    rate_limits = RateLimits(policy, FakeClock(), workers=1)
    for name, key, times in (
        ("signing_guest", "guest-of-the-house", 5),
        ("callbacks_foreign", "203.0.113.77", 90),
        ("callbacks_foreign", "2001:db8:1:2::/64", 100),
        ("tokens_caller", "account:li.wei", 3),
    ):
        for _ in range(times):
            rate_limits.hit(name, key)

    assert node.fullest(rate_limits) == (
        Fullness("callbacks_foreign", "2001:db8:1::/48", 100, 100, 3600),
        Fullness("callbacks_foreign", "203.0.113.x", 90, 100, 3600),
        Fullness("tokens_caller", "account:li…", 3, 4, 60),
        Fullness("signing_guest", "gu…", 5, 10, 60),
        Fullness("tokens_caller", "account:li…", 3, 8, 3600),
    )


def test_few_keys_of_each_rate_are_told(tmp_path: Path) -> None:
    """However many there are, only the first few of each rate are reported."""
    rate_limits = RateLimits(
        limits_policy(tmp_path / "counters", other_address="10/1m"), FakeClock(), workers=1
    )
    for number in range(50):
        rate_limits.hit("other_address", f"192.0.2.{number}")

    assert len(node.fullest(rate_limits) or ()) == node.MAX_KEYS

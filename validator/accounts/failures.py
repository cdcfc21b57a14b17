"""Failures in a row: the SQL that counts one in advance, with the delay that it causes."""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection, TextClause, text

from validator.clock import to_milliseconds

# Includes this failure; excludes expired ones, unless they stopped the account.
_FAILURES = """
    (CASE WHEN login_attempts.forget_at <= :now AND login_attempts.failures < :stop THEN 1
        ELSE login_attempts.failures + 1 END)
"""
_RESERVE_KEY = """
INSERT INTO login_attempts (key, failures, blocked_until, forget_at) VALUES (:key, 1, :first, :forget_at)
ON CONFLICT (key) DO UPDATE SET
    failures = {failures},
    blocked_until = {block},
    forget_at = excluded.forget_at
WHERE (login_attempts.blocked_until <= :now OR login_attempts.blocked_until > :last_end)
    AND login_attempts.failures < :stop
"""
_WRITE_DECOY = text("""
INSERT INTO login_attempts (key, failures, blocked_until, forget_at) VALUES (:key, 0, 0, :forget_at)
ON CONFLICT (key) DO UPDATE SET forget_at = excluded.forget_at
""")


def reserve_sql(delay: Callable[[int], timedelta], max_delay: timedelta) -> TextClause:
    """Return SQL that counts a failure of `:key`, unless it is blocked or stopped at `:now`.

    A block that ends after `:last_end` was written by a wrong clock and is ignored.

    *delay* returns the wait after a number of failures, at most *max_delay*.
    """
    return text(_RESERVE_KEY.format(failures=_FAILURES, block=_block(delay, max_delay)))


def write_decoy(connection: Connection, digest: str, forget_at: datetime) -> None:
    """Write a row without effect, so that a refused attempt waits for the disk like any other."""
    connection.execute(_WRITE_DECOY, {"key": f"refused:{digest}", "forget_at": to_milliseconds(forget_at)})


def _block(delay: Callable[[int], timedelta], max_delay: timedelta) -> str:
    """Return SQL for the end of the block after one more failure."""
    arms, failures = [], 1
    while delay(failures) < max_delay:
        arms.append(f"WHEN {failures} THEN {_after(delay(failures))}")
        failures += 1
    last = _after(max_delay)
    return f"CASE {_FAILURES} {' '.join(arms)} ELSE {last} END" if arms else last


def _after(delay: timedelta) -> str:
    # 0, not `:now`, without a delay: of two concurrent attempts, the later one may have the earlier `:now`.
    return f":now + {delay // timedelta(milliseconds=1)}" if delay else "0"

"""Lockout: how often a password may be guessed, however many machines guess.

An attempt is reserved before the password is hashed, in one transaction of conditional upserts, so that no
two attempts pass on the same count (TOCTOU); a correct password refunds it. The counters are

- the account, for browsers that never logged in to it: some failures are free, then a delay doubles up to a
  maximum, and finally the account stops, which a login from a known device or an operator lifts;
- the account and the device, for a browser with a device cookie (`accounts.devices`): strangers' failures
  never block it, and it has separate delays;
- the address (IPv6: its /64) and, more generously, its prefix (/24, IPv6 /48), over several sliding windows
  (`accounts.addresses`), for browsers without a device cookie.

A refused attempt is not counted: failures during a lock do not extend it. Unknown names are counted the same.

What a clock that was ahead wrote does not outlive its correction: a block that ends later than the longest
delay from now is ignored, while the count of failures, which needs no clock, goes on.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    String,
    Table,
    delete,
    exists,
    func,
    select,
    update,
)

from validator.accounts import addresses, failures
from validator.accounts.account import folded
from validator.accounts.policy import LockoutPolicy
from validator.clock import Clock, to_milliseconds
from validator.errors import Reason
from validator.store.database import Database, Instant, metadata

KINDS = ("account", "device", "address", "prefix")  # of locks
attempts = Table(
    "login_attempts",
    metadata,
    Column("key", String(160), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("blocked_until", Instant, nullable=False),
    Column("forget_at", Instant, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to log in: the account, the source address, and the known device, if any."""

    login: str
    source: str
    device: str | None = None

    @property
    def key(self) -> str:
        """The key of the counter of failures in a row."""
        account = login_digest(self.login)
        return f"account:{account}" if self.device is None else f"device:{account}:{self.device}"


@dataclass(frozen=True, slots=True)
class Lock:
    """An account's state for strangers: failures in a row, and the end of its block."""

    failures: int
    blocked_until: datetime | None
    is_stopped: bool


class Lockout:
    """The two tables of failures."""

    def __init__(self, database: Database, policy: LockoutPolicy, clock: Clock) -> None:
        self._database, self._policy, self._clock = database, policy, clock
        self._reserve_key_sql = failures.reserve_sql(policy.delay, policy.max_delay)

    def reserve(self, attempt: Attempt) -> Reason | None:
        """Count *attempt* as a failure in advance; return the reason against it, or None if it may proceed.

        Raises Fault when it cannot be stored: then no password may be tried.
        """
        if not self._policy.enabled:
            return None
        now = self._clock.now()
        with self._database.write() as connection:
            try:
                with connection.begin_nested():
                    self._reserve(connection, attempt, now)
            except _RefusedError as refused:
                failures.write_decoy(connection, login_digest(attempt.login), now + self._policy.max_delay)
                return refused.reason
        return None

    def succeed(self, attempt: Attempt) -> None:
        """Refund *attempt* and reset its failures in a row; a known device lifts strangers' stop."""
        account, now = f"account:{login_digest(attempt.login)}", self._clock.now()
        with self._database.write() as connection:
            # The source before the account, in the order of `reserve`, to avoid deadlocks.
            if attempt.device is None:
                for windows in self._policy.windows:
                    windows.refund(connection, attempt.source, now)
            else:
                self._lift_stop(connection, account)
            connection.execute(delete(attempts).where(attempts.c.key == attempt.key))
        self.prune()

    def unlock(self, login: str) -> bool:
        """Delete all failures at an account, of strangers and of devices; return whether there were any."""
        account = login_digest(login)
        of_account = (attempts.c.key == f"account:{account}") | attempts.c.key.startswith(
            f"device:{account}:"
        )
        with self._database.write() as connection:
            return bool(connection.execute(delete(attempts).where(of_account)).rowcount)

    def lock(self, login: str) -> Lock:
        """Return an account's state for strangers."""
        key = f"account:{login_digest(login)}"
        with self._database.read() as connection:
            row = connection.execute(select(attempts).where(attempts.c.key == key)).one_or_none()
        now = self._clock.now()
        is_stopped = row is not None and row.failures >= self._policy.hard_lock_after
        if row is None or (row.forget_at <= now and not is_stopped):
            return Lock(0, None, is_stopped=False)
        is_blocked = now < row.blocked_until <= self._last_end(now)
        return Lock(row.failures, row.blocked_until if is_blocked else None, is_stopped=is_stopped)

    def blocks(self, attempt: Attempt) -> ColumnElement[bool]:
        """Return SQL for whether failures in a row block *attempt* now."""
        of_attempt = (attempts.c.key == attempt.key) & self._is_locked(self._clock.now())
        return exists(select(attempts.c.key).where(of_attempt))

    def in_force(self) -> Mapping[str, int]:
        """Return how many accounts, known devices, addresses and prefixes are locked now."""
        if not self._policy.enabled:
            return dict.fromkeys(KINDS, 0)
        now = self._clock.now()
        rows = select(func.count()).select_from(attempts).where(self._is_locked(now))
        by_failures = (rows.where(attempts.c.key.startswith(kind)).scalar_subquery() for kind in KINDS[:2])
        by_source = (windows.full(now) for windows in self._policy.windows)
        with self._database.read() as connection:
            counts = connection.execute(select(*by_failures, *by_source)).one()
        return dict(zip(KINDS, counts, strict=True))

    def prune(self) -> None:
        """Delete expired failures, except those of stopped accounts.

        Rows written by a clock that was ahead are stored no longer from now than any other.
        """
        now = self._clock.now()
        last = now + self._policy.reset_after
        is_stopped = attempts.c.failures >= self._policy.hard_lock_after
        of_future = attempts.c.forget_at > last + self._policy.leeway
        with self._database.write() as connection:
            addresses.prune(connection, self._policy.windows, now)
            connection.execute(delete(attempts).where(attempts.c.forget_at <= now, ~is_stopped))
            connection.execute(update(attempts).where(of_future).values(forget_at=last))

    def _is_locked(self, now: datetime) -> ColumnElement[bool]:
        """Return SQL for whether a row blocks at *now*, or is stopped."""
        is_blocked = (attempts.c.blocked_until > now) & (attempts.c.blocked_until <= self._last_end(now))
        return is_blocked | (attempts.c.failures >= self._policy.hard_lock_after)

    def _last_end(self, now: datetime) -> datetime:
        """Return the last possible end of a block that begins *now*."""
        return now + self._policy.max_delay + self._policy.leeway

    def _reserve(self, connection: Connection, attempt: Attempt, now: datetime) -> None:
        for windows in self._policy.windows if attempt.device is None else ():
            if not windows.reserve(connection, attempt.source, now):
                raise _RefusedError(Reason.ADDRESS_LOCKED)
        if not self._reserve_key(connection, attempt.key, now):
            raise _RefusedError(Reason.ACCOUNT_LOCKED)

    def _reserve_key(self, connection: Connection, key: str, now: datetime) -> bool:
        values = {
            "key": key,
            "now": to_milliseconds(now),
            "last_end": to_milliseconds(self._last_end(now)),
            "first": to_milliseconds(now + self._policy.delay(1)) if self._policy.delay(1) else 0,
            "forget_at": to_milliseconds(now + self._policy.reset_after),
            "stop": self._policy.hard_lock_after,
        }
        return connection.execute(self._reserve_key_sql, values).rowcount == 1

    def _lift_stop(self, connection: Connection, key: str) -> None:
        last = self._policy.hard_lock_after - 1
        stopped = (attempts.c.key == key) & (attempts.c.failures > last)
        connection.execute(update(attempts).where(stopped).values(failures=last))


def login_digest(login: str) -> str:
    """Return the key of a presented login name; the name itself may be a mistyped password."""
    return hashlib.sha256(folded(login).encode()).hexdigest()


class _RefusedError(Exception):
    """Rolls a reservation back."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason

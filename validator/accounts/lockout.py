"""Lockout: how often a password may be guessed, however many machines guess.

An attempt is reserved before the password is hashed, in one transaction of conditional upserts, so that
no two of them pass on the same count; a right password gives it back. Counted are

- the account, for browsers that never logged in to it: some free failures, then a delay that doubles up to a
  longest one, and a stop, which a login from a known device or an operator lifts;
- the account and the device, for a browser with a device cookie (`accounts.devices`): strangers' failures
  never block it, and it has the same delays of its own;
- the address (an IPv6 one by its /64), over several sliding windows, for browsers without a device cookie.

A refused attempt counts nowhere: failures during a lock do not extend it. Names nobody has count the same.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Integer, String, Table, delete, func, select, text, update

from validator.accounts import addresses, failures
from validator.accounts.account import folded
from validator.clock import Clock, to_milliseconds
from validator.errors import Reason
from validator.limits.policy import Rate
from validator.store.database import Database, Instant, metadata

attempts = Table(
    "login_attempts",
    metadata,
    Column("key", String(160), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("blocked_until", Instant, nullable=False),
    Column("forget_at", Instant, nullable=False, index=True),
)


@dataclass(frozen=True, slots=True)
class LockoutPolicy:
    """The numbers of the lockout; without `enabled` every password may be guessed without end."""

    enabled: bool
    free_failures: int
    first_delay: timedelta
    longest_delay: timedelta
    stop_after: int
    forget_after: timedelta
    address_rates: tuple[Rate, ...]

    def delay(self, failures: int) -> timedelta:
        """Return how long the next attempt must wait after so many failures in a row."""
        if failures < self.free_failures:
            return timedelta(0)
        doubled = self.first_delay * (1 << min(failures - self.free_failures, 32))
        return min(doubled, self.longest_delay)


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to log in: at which account, from which address, on which known device, if any."""

    login: str
    source: str
    device: str | None = None

    @property
    def key(self) -> str:
        """Whose failures in a row these are."""
        account = login_digest(self.login)
        return f"account:{account}" if self.device is None else f"device:{account}:{self.device}"


@dataclass(frozen=True, slots=True)
class Lock:
    """How an account stands for strangers: failures in a row, and until when it is blocked."""

    failures: int
    blocked_until: datetime | None
    is_stopped: bool


class Lockout:
    """The two tables of failures."""

    def __init__(self, database: Database, policy: LockoutPolicy, clock: Clock) -> None:
        self._database, self._policy, self._clock = database, policy, clock
        self._reserve_key_sql = failures.reserving(policy.delay, policy.longest_delay)

    def reserve(self, attempt: Attempt) -> Reason | None:
        """Count *attempt* as a failure in advance; return why it may not be made, or None when it may.

        Raises Fault when that cannot be written down: then nothing may be tried.
        """
        if not self._policy.enabled:
            return None
        now = self._clock.now()
        with self._database.write() as connection:
            try:
                with connection.begin_nested():
                    self._reserve(connection, attempt, now)
            except _RefusedError as refused:
                _write_decoy(connection, attempt, forget_at=now + self._policy.longest_delay)
                return refused.reason
        return None

    def succeed(self, attempt: Attempt) -> None:
        """Give the reservation back and forget failures in a row; a known device lifts strangers' stop."""
        account = f"account:{login_digest(attempt.login)}"
        with self._database.write() as connection:
            # The address before the account, as when they are reserved: two never wait for each other.
            if attempt.device is None:
                addresses.refund(connection, attempt.source, self._policy.address_rates, self._clock.now())
            else:
                self._lift_stop(connection, account)
            connection.execute(delete(attempts).where(attempts.c.key == attempt.key))
        self.prune()

    def unlock(self, login: str) -> bool:
        """Forget every failure at an account, of strangers and of devices; tell whether there were any."""
        account = login_digest(login)
        of_account = (attempts.c.key == f"account:{account}") | attempts.c.key.startswith(
            f"device:{account}:"
        )
        with self._database.write() as connection:
            return bool(connection.execute(delete(attempts).where(of_account)).rowcount)

    def lock(self, login: str) -> Lock:
        """Return how an account stands for strangers."""
        key = f"account:{login_digest(login)}"
        with self._database.read() as connection:
            row = connection.execute(select(attempts).where(attempts.c.key == key)).one_or_none()
        now = self._clock.now()
        is_stopped = row is not None and row.failures >= self._policy.stop_after
        if row is None or (row.forget_at <= now and not is_stopped):
            return Lock(0, None, is_stopped=False)
        is_blocked = row.blocked_until > now
        return Lock(row.failures, row.blocked_until if is_blocked else None, is_stopped=is_stopped)

    def in_force(self) -> Mapping[str, int]:
        """Return how many accounts, known devices and addresses may not try a password now."""
        if not self._policy.enabled:
            return dict.fromkeys(("account", "device", "address"), 0)
        now = self._clock.now()
        is_locked = (attempts.c.blocked_until > now) | (attempts.c.failures >= self._policy.stop_after)
        rows = select(func.count()).select_from(attempts).where(is_locked)
        of_accounts = rows.where(attempts.c.key.startswith("account:")).scalar_subquery()
        of_devices = rows.where(attempts.c.key.startswith("device:")).scalar_subquery()
        full = addresses.full(self._policy.address_rates, now)
        with self._database.read() as connection:
            account, device, address = connection.execute(select(of_accounts, of_devices, full)).one()
        return {"account": account, "device": device, "address": address}

    def prune(self) -> None:
        """Forget failures that are long past; a stopped account stays stopped."""
        now = self._clock.now()
        is_stopped = attempts.c.failures >= self._policy.stop_after
        with self._database.write() as connection:
            addresses.prune(connection, now)
            connection.execute(delete(attempts).where(attempts.c.forget_at <= now, ~is_stopped))

    def _reserve(self, connection: Connection, attempt: Attempt, now: datetime) -> None:
        rates = self._policy.address_rates
        if attempt.device is None and not addresses.reserve(connection, attempt.source, rates, now):
            raise _RefusedError(Reason.ADDRESS_LOCKED)
        if not self._reserve_key(connection, attempt.key, now):
            raise _RefusedError(Reason.ACCOUNT_LOCKED)

    def _reserve_key(self, connection: Connection, key: str, now: datetime) -> bool:
        values = {
            "key": key,
            "now": to_milliseconds(now),
            "first": to_milliseconds(now + self._policy.delay(1)) if self._policy.delay(1) else 0,
            "forget_at": to_milliseconds(now + self._policy.forget_after),
            "stop": self._policy.stop_after,
        }
        return connection.execute(self._reserve_key_sql, values).rowcount == 1

    def _lift_stop(self, connection: Connection, key: str) -> None:
        last = self._policy.stop_after - 1
        stopped = (attempts.c.key == key) & (attempts.c.failures > last)
        connection.execute(update(attempts).where(stopped).values(failures=last))


def login_digest(login: str) -> str:
    """Return what a presented login name is counted under; the name itself may be a mistyped password."""
    return hashlib.sha256(folded(login).encode()).hexdigest()


def _write_decoy(connection: Connection, attempt: Attempt, forget_at: datetime) -> None:
    """Write a row that counts for nothing: who is refused waits for the disk as long as everybody else."""
    values = {"key": f"refused:{login_digest(attempt.login)}", "forget_at": to_milliseconds(forget_at)}
    connection.execute(_WRITE_DECOY, values)


class _RefusedError(Exception):
    """Rolls a reservation back."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


_WRITE_DECOY = text("""
INSERT INTO login_attempts (key, failures, blocked_until, forget_at) VALUES (:key, 0, 0, :forget_at)
ON CONFLICT (key) DO UPDATE SET forget_at = excluded.forget_at
""")

"""Failures by source: how many wrong passwords an address or prefix may send, for whatever account.

Each period is counted in tenths. A tenth is in sight if it lies within the period by any node's clock, as far
as the leeway lets clocks differ. So no period ever admits more than the rate, and a failure is forgotten at
most a tenth of the period plus the leeway late. Counts from a clock further ahead are out of sight. Testing
and counting happen in the database that all nodes share.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    ScalarSelect,
    Select,
    String,
    Table,
    delete,
    func,
    literal,
    select,
    text,
    union,
)

from validator.clock import from_milliseconds, to_milliseconds
from validator.limits.policy import Rate, address_bucket, prefix_bucket
from validator.store.database import Instant, metadata

table = Table(
    "login_addresses",
    metadata,
    Column("address", String(64), primary_key=True),
    Column("period", Integer, primary_key=True),
    Column("slot", BigInteger, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("forget_at", Instant, nullable=False, index=True),
)
_PARTS = 10
_QUEUE = 0  # the period of the row on which attempts of one source queue
_JOIN_QUEUE = text("""
INSERT INTO login_addresses (address, period, slot, failures, forget_at)
VALUES (:address, :period, 0, 0, :forget_at)
ON CONFLICT (address, period, slot) DO UPDATE SET forget_at = excluded.forget_at
""")
_OTHERS = """
    coalesce((SELECT sum(other.failures) FROM login_addresses AS other
        WHERE other.address = :address AND other.period = :period AND other.slot <> :slot
        AND other.slot BETWEEN :first AND :last), 0)
"""
_RESERVE = text(f"""
INSERT INTO login_addresses (address, period, slot, failures, forget_at)
SELECT CAST(:address AS VARCHAR(64)), :period, :slot, 1, :forget_at WHERE 1 + {_OTHERS} <= :limit
ON CONFLICT (address, period, slot) DO UPDATE SET failures = login_addresses.failures + 1
WHERE login_addresses.failures + 1 + {_OTHERS} <= :limit
""")
_FORGET_FUTURE = text(f"""
DELETE FROM login_addresses WHERE address = :address AND slot * period * {1000 // _PARTS} > :latest
""")  # noqa: S608 - a constant
_REFUND = text("""
UPDATE login_addresses SET failures = failures - 1
WHERE address = :address AND period = :period AND slot = :slot AND failures > 0
""")


_PREFIX = "prefix:"


def of_address(source: str) -> str:
    """Return the key of an address; for IPv6 that of its /64."""
    return address_bucket(source)


def of_prefix(source: str) -> str:
    """Return the key of the prefix of an address: IPv4 /24, IPv6 /48."""
    return f"{_PREFIX}{prefix_bucket(source)}"


@dataclass(frozen=True, slots=True)
class Windows:
    """The rates for one kind of source; nodes' clocks may differ by the leeway."""

    key: Callable[[str], str]
    rates: tuple[Rate, ...]
    leeway: timedelta

    def reserve(self, connection: Connection, source: str, now: datetime) -> bool:
        """Count a failure from *source* in advance at every rate; return False when a rate is used up.

        In that case some rates have been counted, and the caller rolls back.
        """
        windows = [self._window(source, rate, now) for rate in self.rates]
        if windows:
            _join_queue(connection, windows, now + self.leeway)
        return all(connection.execute(_RESERVE, window).rowcount == 1 for window in windows)

    def refund(self, connection: Connection, source: str, now: datetime) -> None:
        """Undo what `reserve` counted."""
        for rate in self.rates:
            connection.execute(_REFUND, self._window(source, rate, now))

    def full(self, now: datetime) -> ScalarSelect[int]:
        """Return SQL for the number of sources that have used up a rate."""
        if not self.rates:
            return select(literal(0)).scalar_subquery()
        used_up = union(*(self._used_up(rate, now) for rate in self.rates)).subquery()
        return select(func.count()).select_from(used_up).scalar_subquery()

    def last_in_sight(self, now: datetime) -> datetime:
        """Return when the newest count that a correct clock can have made by *now* is forgotten."""
        latest = (self._window("", rate, now + self.leeway)["forget_at"] for rate in self.rates)
        return from_milliseconds(max(map(int, latest), default=to_milliseconds(now)))

    def _used_up(self, rate: Rate, now: datetime) -> Select[str]:
        window = self._window("", rate, now)
        in_sight = table.c.slot.between(window["first"], window["last"])
        is_prefix = table.c.address.startswith(_PREFIX)
        is_of_kind = is_prefix if self.key is of_prefix else ~is_prefix
        of_rate = in_sight & is_of_kind & (table.c.period == rate.seconds)
        is_used_up = func.sum(table.c.failures) >= rate.amount
        return select(table.c.address).where(of_rate).group_by(table.c.address).having(is_used_up)

    def _window(self, source: str, rate: Rate, now: datetime) -> dict[str, int | str]:
        """Return the current tenth of *rate*'s period for *source*, and the first and last one in sight."""
        length = rate.period // timedelta(milliseconds=_PARTS)  # a tenth of the period in milliseconds
        instant, leeway = to_milliseconds(now), self.leeway // timedelta(milliseconds=1)
        slot = instant // length
        return {
            "address": self.key(source),
            "period": rate.seconds,
            "slot": slot,
            "first": (instant - leeway) // length - _PARTS,
            "last": (instant + leeway) // length,
            "limit": rate.amount,
            "forget_at": (slot + _PARTS + 1) * length + 2 * leeway,
        }


def prune(connection: Connection, windows: Iterable[Windows], now: datetime) -> None:
    """Delete counts out of sight of all *windows*: past ones, and those of a clock far ahead."""
    last = max(each.last_in_sight(now) for each in windows)
    connection.execute(delete(table).where((table.c.forget_at <= now) | (table.c.forget_at > last)))


def _join_queue(connection: Connection, windows: list[dict[str, int | str]], latest: datetime) -> None:
    """Queue behind concurrent attempts of the same source, in any tenth, and then see their counts.

    Counts after *latest*, made by a clock far ahead, are deleted.
    """
    longest = max(windows, key=lambda window: window["forget_at"])
    connection.execute(_JOIN_QUEUE, longest | {"period": _QUEUE})
    connection.execute(_FORGET_FUTURE, {"address": longest["address"], "latest": to_milliseconds(latest)})

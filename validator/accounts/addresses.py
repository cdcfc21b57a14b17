"""Failures by address: how many wrong passwords may come from one place, whatever the account.

Each period is counted in tenths, and the present tenth with the ten before it: never more than the rate
allows within any period, and a failure is forgotten at most a tenth of the period late. Asking and counting
are one statement, in the database, which all nodes share.
"""

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

from validator.clock import to_milliseconds
from validator.limits.policy import Rate, address_bucket
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
_PAST = f"""
    coalesce((SELECT sum(past.failures) FROM login_addresses AS past
        WHERE past.address = :address AND past.period = :period
        AND past.slot BETWEEN :slot - {_PARTS} AND :slot - 1), 0)
"""  # noqa: S608 - a constant
_RESERVE = text(f"""
INSERT INTO login_addresses (address, period, slot, failures, forget_at)
SELECT CAST(:address AS VARCHAR(64)), :period, :slot, 1, :forget_at WHERE 1 + {_PAST} <= :limit
ON CONFLICT (address, period, slot) DO UPDATE SET failures = login_addresses.failures + 1
WHERE login_addresses.failures + 1 + {_PAST} <= :limit
""")
_REFUND = text("""
UPDATE login_addresses SET failures = failures - 1
WHERE address = :address AND period = :period AND slot = :slot AND failures > 0
""")


def reserve(connection: Connection, source: str, rates: tuple[Rate, ...], now: datetime) -> bool:
    """Count a failure from *source* in advance at every rate; return False when one is used up.

    Then it is half counted, and the caller rolls back.
    """
    for rate in rates:
        values = _window(source, rate, now) | {"limit": rate.amount}
        if connection.execute(_RESERVE, values).rowcount != 1:
            return False
    return True


def refund(connection: Connection, source: str, rates: tuple[Rate, ...], now: datetime) -> None:
    """Take back what `reserve` counted."""
    for rate in rates:
        window = _window(source, rate, now)
        connection.execute(_REFUND, {name: window[name] for name in ("address", "period", "slot")})


def full(rates: tuple[Rate, ...], now: datetime) -> ScalarSelect[int]:
    """Return SQL for the number of addresses that have used up one of *rates*."""
    if not rates:
        return select(literal(0)).scalar_subquery()
    used_up = union(*(_used_up(rate, now) for rate in rates)).subquery()
    return select(func.count()).select_from(used_up).scalar_subquery()


def prune(connection: Connection, now: datetime) -> None:
    """Forget windows that are out of sight."""
    connection.execute(delete(table).where(table.c.forget_at <= now))


def _used_up(rate: Rate, now: datetime) -> Select[str]:
    slot = _slot(rate, now)
    in_sight = (table.c.period == rate.seconds) & table.c.slot.between(slot - _PARTS, slot)
    is_used_up = func.sum(table.c.failures) >= rate.amount
    return select(table.c.address).where(in_sight).group_by(table.c.address).having(is_used_up)


def _window(source: str, rate: Rate, now: datetime) -> dict[str, int | str]:
    """Return the present tenth of *rate*'s period, for the address bucket of *source*."""
    length, slot = _length(rate), _slot(rate, now)
    return {
        "address": address_bucket(source),
        "period": rate.seconds,
        "slot": slot,
        "forget_at": (slot + _PARTS + 1) * length,
    }


def _slot(rate: Rate, now: datetime) -> int:
    """Return the number of the present tenth of *rate*'s period."""
    return to_milliseconds(now) // _length(rate)


def _length(rate: Rate) -> int:
    """Return a tenth of *rate*'s period in milliseconds."""
    return rate.period // timedelta(milliseconds=_PARTS)

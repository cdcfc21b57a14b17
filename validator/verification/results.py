"""The results of verifications, by which the enterprise decides: the call, the agent, the result, its cause.

A page in the cloud's frame is no proof of a verification: anybody can write what it shows. So each result is
stored here before it is returned, and an agent's page asks for it by the call. They are deleted after
`verification.keep`. No number, customer or answer is in them.
"""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, select

from validator.clock import Clock
from validator.store.database import Database
from validator.verification.tables import results
from validator.verification.wire import Result

RECENT = timedelta(minutes=2)  # how long an agent's last verification counts for their call without its id
_LEEWAY = timedelta(seconds=30)  # by which the clocks of the nodes may differ


class Cause(StrEnum):
    """Why a verification ended as it did, for an agent; an unknown customer is a wrong answer."""

    PASSED = "passed"
    WRONG = "wrong"
    BLOCKED = "blocked"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Verified:
    """A result, with the key of its customer's attempts; "" of what the flow did not send."""

    tenant: str
    code: str
    call: str
    work_no: str
    result: Result
    cause: Cause
    method: str
    customer: str
    at: datetime


class Results:
    """The table of results."""

    def __init__(self, database: Database, clock: Clock, keep: timedelta) -> None:
        self._database, self._clock, self._keep = database, clock, keep

    def add(self, verified: Verified) -> None:
        """Store a result, and delete those whose time is over or that a wrong clock dated ahead."""
        values = {name: getattr(verified, name) for name in Verified.__dataclass_fields__}
        now = self._clock.now()
        with self._database.write() as connection:
            is_over = (results.c.at <= now - self._keep) | (results.c.at > now + self._keep)
            connection.execute(delete(results).where(is_over))
            connection.execute(insert(results).values(values | {"id": secrets.token_hex(16)}))

    def of_call(
        self, tenant: str, call: str, work_numbers: Collection[str], code: str | None
    ) -> Verified | None:
        """Return the newest result of *call*, of one of an agent's *work_numbers*."""
        return self._newest(tenant, work_numbers, code, results.c.call == call)

    def recent(
        self, tenant: str, work_numbers: Collection[str], code: str | None, *, without_call: bool
    ) -> Verified | None:
        """Return an agent's newest result within `RECENT`; *without_call*: one whose flow sent no call."""
        is_recent = results.c.at > self._clock.now() - RECENT
        condition = is_recent & (results.c.call == "") if without_call else is_recent
        return self._newest(tenant, work_numbers, code, condition)

    def _newest(
        self, tenant: str, work_numbers: Collection[str], code: str | None, condition: ColumnElement[bool]
    ) -> Verified | None:
        now = self._clock.now()
        query = select(results).where(
            results.c.tenant == tenant,
            results.c.work_no.in_(sorted(work_numbers)),
            results.c.at.between(now - self._keep, now + _LEEWAY),
            condition,
        )
        query = query if code is None else query.where(results.c.code == code)
        with self._database.read() as connection:
            row = connection.execute(query.order_by(results.c.at.desc()).limit(1)).first()
        return None if row is None else _verified(row)


def _verified(row: Row[*tuple[Any, ...]]) -> Verified:
    return Verified(
        row.tenant,
        row.code,
        row.call,
        row.work_no,
        Result(row.result),
        Cause(row.cause),
        row.method,
        row.customer,
        row.at,
    )

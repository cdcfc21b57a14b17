"""Sessions: a person who logged in is recognised by a cookie.

The cookie is 256 random bits; the database stores their SHA-256, so that a copy of it logs nobody in. A
session ends by logout, at the end of its lifetime, when the account has too many newer ones, and as soon as
the account's epoch grows. Whatever a wrong clock stored, a session lasts at most one lifetime from now.
"""

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    ForeignKey,
    ScalarSelect,
    Select,
    String,
    Table,
    Update,
    delete,
    insert,
    select,
    update,
)

from validator.accounts.account import Account, account_of, accounts_query
from validator.accounts.account import table as accounts
from validator.clock import Clock
from validator.errors import Reason, Refusal
from validator.store import history
from validator.store.database import Database, Instant, metadata
from validator.store.known import Kind

_TOKEN_BYTES = 32

table = Table(
    "sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("account", String(32), ForeignKey("accounts.id"), nullable=False, index=True),
    Column("epoch", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    # The number of the last logout or revocation at the start; sessions of older versions have none.
    Column("number", BigInteger, nullable=False, server_default="0"),
)


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """The lifetime of a login, and the maximum number of sessions of an account."""

    lifetime: timedelta
    max_per_account: int = 10


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is valid now; its row has the *digest*, which logs nobody in."""

    account: Account
    expires_at: datetime
    digest: str = field(repr=False)


class Sessions:
    """The table of sessions."""

    def __init__(self, database: Database, policy: SessionPolicy, clock: Clock) -> None:
        self._database, self.policy, self._clock = database, policy, clock

    def begin(self, account: Account) -> tuple[str, Session]:
        """Begin a session of *account* and return the cookie's value with it; delete expired sessions."""
        now = self._clock.now()
        secret = secrets.token_urlsafe(_TOKEN_BYTES)
        session = Session(account, now + self.policy.lifetime, digest_of(secret))
        is_stale = (table.c.account == account.id) & (table.c.epoch < account.epoch)
        row = {
            "digest": session.digest,
            "account": account.id,
            "epoch": account.epoch,
            "created_at": now,
            "expires_at": session.expires_at,
            "number": history.last_number(),
        }
        with self._database.write() as connection:
            connection.execute(delete(table).where((table.c.expires_at <= now) | is_stale))
            connection.execute(_shorten(session.expires_at))
            connection.execute(insert(table).values(row))
        return secret, session

    def resume(self, presented_secret: str | None) -> Session:
        """Return the session of the cookie's value; raises Refusal when there is none."""
        if not presented_secret:
            raise Refusal(Reason.SESSION_MISSING)
        return self.resume_digest(digest_of(presented_secret))

    def resume_digest(self, digest: str | ScalarSelect[Any]) -> Session:
        """Return the session whose row has *digest*, or the one that it selects; raises Refusal."""
        row, account = self._found(table.c.digest == digest)
        last_end = self._clock.now() + self.policy.lifetime
        if row.expires_at > last_end:
            with self._database.write() as connection:
                connection.execute(_shorten(last_end).where(table.c.digest == row.digest))
        return Session(account, min(row.expires_at, last_end), row.digest)

    def _found(self, is_wanted: ColumnElement[bool]) -> tuple[Any, Account]:
        """Return the row of a valid session, and its account; raises Refusal."""
        query = (
            accounts_query()
            .join(table, table.c.account == accounts.c.id)
            .add_columns(table.c.digest, table.c.expires_at, table.c.number)
            .add_columns(table.c.epoch.label("session_epoch"))
        )
        with self._database.confirmed() as connection:
            row = connection.execute(query.where(is_wanted)).one_or_none()
        if row is None or row.expires_at <= self._clock.now():
            raise Refusal(Reason.SESSION_ENDED)
        if row.number < self._database.known().horizon:
            raise Refusal(Reason.SESSION_ENDED)
        account = account_of(row)
        if not account.is_usable or account.epoch != row.session_epoch:
            raise Refusal(Reason.SESSION_ENDED)
        return row, account

    def end_oldest(self, account: Account, secret: str) -> int:
        """End *account*'s oldest sessions beyond the maximum, but not that of *secret*; return how many."""
        others = (table.c.account == account.id) & (table.c.digest != digest_of(secret))
        newest_first = select(table.c.digest).where(others).order_by(table.c.created_at.desc())
        with self._database.read() as connection:
            surplus = connection.scalars(newest_first.offset(self.policy.max_per_account - 1)).all()
        if surplus:
            with self._database.durable_write(self._clock.now(), Kind.ENDED) as connection:
                connection.execute(delete(table).where(table.c.digest.in_(surplus)))
        return len(surplus)

    def end_all(self) -> None:
        """End every session."""
        with self._database.write() as connection:
            connection.execute(delete(table))

    def end(self, presented_secret: str) -> None:
        """End a session; it stays ended even in a restored older copy of the database."""
        self.end_digest(digest_of(presented_secret))

    def end_digest(self, digest: str) -> None:
        """End the session whose row has *digest*, as `end` does."""
        with self._database.durable_write(self._clock.now(), Kind.ENDED) as connection:
            connection.execute(delete(table).where(table.c.digest == digest))


def alive(now: datetime, digests: Collection[str]) -> Select[str]:
    """Return the query for those of *digests* whose sessions have not ended at *now*."""
    is_alive = (table.c.expires_at > now) & (table.c.epoch == accounts.c.epoch)
    return (
        select(table.c.digest)
        .join(accounts, table.c.account == accounts.c.id)
        .where(table.c.digest.in_(digests), is_alive)
    )


def end_in(connection: Connection, digests: Collection[str]) -> None:
    """End the sessions whose rows have *digests* in the transaction of *connection*."""
    connection.execute(delete(table).where(table.c.digest.in_(digests)))


def _shorten(last_end: datetime) -> Update:
    """Return the statement that ends sessions at *last_end* which a wrong clock let end later."""
    return update(table).where(table.c.expires_at > last_end).values(expires_at=last_end)


def digest_of(secret: str) -> str:
    """Return what the database stores instead of *secret*."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()

"""Sessions: a person who logged in is recognised by a cookie.

The cookie is 256 random bits; the database stores their SHA-256, so that a copy of it logs nobody in. A
session ends by logout, at the end of its lifetime, when the account has too many newer ones, and as soon as
the account's epoch grows. Whatever a wrong clock stored, a session lasts at most one lifetime from now.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, Update, delete, insert, select, update

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
    """A session that is valid now."""

    account: Account
    expires_at: datetime


class Sessions:
    """The table of sessions."""

    def __init__(self, database: Database, policy: SessionPolicy, clock: Clock) -> None:
        self._database, self.policy, self._clock = database, policy, clock

    def begin(self, account: Account) -> tuple[str, Session]:
        """Begin a session of *account* and return the cookie's value with it; delete expired sessions."""
        now = self._clock.now()
        secret = secrets.token_urlsafe(_TOKEN_BYTES)
        session = Session(account, now + self.policy.lifetime)
        is_stale = (table.c.account == account.id) & (table.c.epoch < account.epoch)
        row = {
            "digest": _digest(secret),
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
        query = (
            accounts_query()
            .join(table, table.c.account == accounts.c.id)
            .add_columns(table.c.digest, table.c.expires_at, table.c.number)
            .add_columns(table.c.epoch.label("session_epoch"))
        )
        with self._database.confirmed() as connection:
            row = connection.execute(query.where(table.c.digest == _digest(presented_secret))).one_or_none()
        now = self._clock.now()
        if row is None or row.expires_at <= now:
            raise Refusal(Reason.SESSION_ENDED)
        if row.number < self._database.known().horizon:
            raise Refusal(Reason.SESSION_ENDED)
        account = account_of(row)
        if not account.is_usable or account.epoch != row.session_epoch:
            raise Refusal(Reason.SESSION_ENDED)
        last_end = now + self.policy.lifetime
        if row.expires_at > last_end:
            with self._database.write() as connection:
                connection.execute(_shorten(last_end).where(table.c.digest == row.digest))
        return Session(account, min(row.expires_at, last_end))

    def end_oldest(self, account: Account, secret: str) -> int:
        """End *account*'s oldest sessions beyond the maximum, but not that of *secret*; return how many."""
        others = (table.c.account == account.id) & (table.c.digest != _digest(secret))
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
        with self._database.durable_write(self._clock.now(), Kind.ENDED) as connection:
            connection.execute(delete(table).where(table.c.digest == _digest(presented_secret)))


def _shorten(last_end: datetime) -> Update:
    """Return the statement that ends sessions at *last_end* which a wrong clock let end later."""
    return update(table).where(table.c.expires_at > last_end).values(expires_at=last_end)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()

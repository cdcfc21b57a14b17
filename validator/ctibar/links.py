"""The table of agents' accounts at the other call centre: their passwords' digests, and their present logins.

Both are encrypted, each bound to its row and to the username, since the digest of a password logs in as well
as the password. There is one login of each account, which all workers and nodes share, because a second one
may end the first. A login belongs to the state of the account here: it is not used any more once the account
was disabled, had its password changed, or every session was ended.

Only one request at a time logs an account in: it takes the row's *flight*, until a time. After a refusal of
the centre the flight stays taken by nobody for a while, so that no wrong password is tried again and again,
which could lock the account there.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    LargeBinary,
    Row,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from validator.accounts.account import Account
from validator.accounts.account import table as accounts
from validator.clock import Clock, from_milliseconds, to_milliseconds
from validator.ctibar.centrewire import MAX_LIFETIME, MAX_USERNAME, CentreLogin
from validator.errors import OperatorError
from validator.keys.encryption import SecretEncryption
from validator.store import history
from validator.store.database import Database, Instant, metadata
from validator.untrusted import is_plain

RENEWAL = timedelta(minutes=10)  # before a login's end it is replaced
PAUSE = timedelta(minutes=1)  # after the centre refused an account
_REFUSED = "refused"

table = Table(
    "ctibar_links",
    metadata,
    Column("account", String(32), ForeignKey("accounts.id"), primary_key=True),
    Column("username", String(MAX_USERNAME), nullable=False, unique=True),
    Column("sealed_password", LargeBinary, nullable=False),
    Column("linked_at", Instant, nullable=False),
    Column("sealed_login", LargeBinary),
    Column("renew_at", Instant),
    Column("epoch", BigInteger),  # of the account, at the login
    Column("number", BigInteger),  # of the last logout or revocation, at the login
    Column("flight", String(32)),
    Column("flight_until", Instant),
)
_NO_LOGIN: dict[str, None] = dict.fromkeys(("sealed_login", "renew_at", "epoch", "number"))
_NO_FLIGHT: dict[str, None] = dict.fromkeys(("flight", "flight_until"))


@dataclass(frozen=True, slots=True)
class Listed:
    """A link of an account, for operators; `renew_at` is None without a login at the centre."""

    account: str
    tenant: str
    username: str
    linked_at: datetime
    renew_at: datetime | None


@dataclass(frozen=True, slots=True)
class CentreLink:
    """The account at the centre of an account here, its encrypted password, and its stored login."""

    account: Account
    username: str
    sealed_password: bytes = field(repr=False)
    sealed_login: bytes | None = field(repr=False)
    renew_at: datetime | None
    flight: str | None
    flight_until: datetime | None

    def is_due(self, now: datetime) -> bool:
        """Return whether there is no login, or one to renew; also if a clock was ahead when it was made."""
        return self.sealed_login is None or not (
            self.renew_at is not None and now < self.renew_at <= now + MAX_LIFETIME
        )

    def is_in_flight(self, now: datetime) -> bool:
        """Return whether a request logs the account in, or may not yet after a refusal."""
        return self.flight is not None and self.flight_until is not None and now < self.flight_until

    def is_refused(self, now: datetime) -> bool:
        """Return whether the centre refused the account a moment ago."""
        return self.flight == _REFUSED and self.is_in_flight(now)


class CentreLinks:
    """The table of links."""

    def __init__(self, database: Database, encryption: SecretEncryption, clock: Clock) -> None:
        self._database, self._encryption, self._clock = database, encryption, clock

    def put(self, account: Account, username: str, digest: str) -> None:
        """Link *account* to *username* at the centre, whose password has *digest*; replaces an older link.

        Raises OperatorError when the username is malformed or linked to another account.
        """
        if not is_plain(username) or not 1 <= len(username) <= MAX_USERNAME:
            raise OperatorError(f"a user of the call centre has 1 to {MAX_USERNAME} printable characters")
        now = self._clock.now()
        row = {
            "account": account.id,
            "username": username,
            "sealed_password": self._encryption.encrypt(digest, _purpose("password", account.id, username)),
            "linked_at": now,
        }
        try:
            with self._database.durable_write(now) as connection:
                connection.execute(delete(table).where(table.c.account == account.id))
                connection.execute(insert(table).values(row))
        except IntegrityError:
            raise OperatorError(f"{username} is linked to another account already") from None

    def remove(self, account: Account) -> None:
        """Remove the link of *account*, with its login; raises OperatorError when there is none."""
        with self._database.durable_write(self._clock.now()) as connection:
            removed = connection.execute(delete(table).where(table.c.account == account.id))
        if not removed.rowcount:
            raise OperatorError(f"{account.login} is not linked to a user of the call centre")

    def list(self, tenant: str | None = None) -> list[Listed]:
        """Return the links of *tenant*, or of all tenants, sorted by login name."""
        query = (
            select(accounts.c.login, accounts.c.tenant, table.c.username, table.c.linked_at, table.c.renew_at)
            .join_from(table, accounts)
            .order_by(accounts.c.login)
        )
        with self._database.read() as connection:
            rows = connection.execute(query if tenant is None else query.where(accounts.c.tenant == tenant))
            return [_listed(row) for row in rows]

    def find(self, account: Account) -> CentreLink | None:
        """Return the link of *account*, or None; without a login that is not of its present state."""
        query = select(table).where(table.c.account == account.id)
        known = self._database.known()
        with self._database.confirmed() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        is_present = row.epoch == account.epoch and row.number is not None and row.number >= known.horizon
        return CentreLink(
            account=account,
            username=row.username,
            sealed_password=row.sealed_password,
            sealed_login=row.sealed_login if is_present else None,
            renew_at=row.renew_at,
            flight=row.flight,
            flight_until=row.flight_until,
        )

    def digest(self, link: CentreLink) -> str:
        """Return the digest of *link*'s password; raises Fault when it cannot be decrypted."""
        purpose = _purpose("password", link.account.id, link.username)
        return self._encryption.decrypt(link.sealed_password, purpose)

    def login(self, link: CentreLink) -> CentreLogin | None:
        """Return the stored login of *link*, or None without one; raises Fault if it cannot be decrypted."""
        if link.sealed_login is None:
            return None
        purpose = _purpose("login", link.account.id, link.username)
        token, extension, end = orjson.loads(self._encryption.decrypt(link.sealed_login, purpose))
        return CentreLogin(token, extension, from_milliseconds(end))

    def take_off(self, link: CentreLink, now: datetime, longest: timedelta) -> str | None:
        """Begin to log *link* in, for at most *longest*; return the flight, None when another one is on.

        A flight of a clock that was ahead ends too. Nothing begins when the link changed since it was read.
        """
        flight = secrets.token_hex(16)
        is_free = (
            table.c.flight.is_(None)
            | (table.c.flight_until <= now)
            | (table.c.flight_until > now + max(longest, PAUSE))
        )
        is_same = table.c.sealed_password == link.sealed_password
        is_same &= table.c.renew_at.is_not_distinct_from(link.renew_at)  # else there is a newer login
        values = {"flight": flight, "flight_until": now + longest}
        return flight if self._update(link, is_free & is_same, values) else None

    def land(self, link: CentreLink, flight: str, login: CentreLogin, now: datetime) -> bool:
        """Store the *login* of *flight* for all workers; return False when *link* was changed meanwhile."""
        values = {
            **self._stored(link, login, now),
            "epoch": link.account.epoch,
            "number": history.last_number(),
            **_NO_FLIGHT,
        }
        return self._update(link, table.c.flight == flight, values)

    def give_up(self, link: CentreLink, flight: str) -> None:
        """End *flight* without a login."""
        self._update(link, table.c.flight == flight, _NO_FLIGHT)

    def refuse(self, link: CentreLink, flight: str, now: datetime) -> None:
        """End *flight*, which the centre refused: forget the stored login, and begin no other for a while."""
        values = {**_NO_LOGIN, "flight": _REFUSED, "flight_until": now + PAUSE}
        self._update(link, table.c.flight == flight, values)

    def replace(self, link: CentreLink, login: CentreLogin, now: datetime) -> None:
        """Store *login*, by which the centre renewed that of *link*, unless it was replaced meanwhile."""
        self._update(link, table.c.sealed_login == link.sealed_login, self._stored(link, login, now))

    def forget(self, link: CentreLink) -> None:
        """Forget the stored login of *link*, which the centre does not know any more."""
        self._update(link, table.c.sealed_login == link.sealed_login, _NO_LOGIN)

    def _stored(self, link: CentreLink, login: CentreLogin, now: datetime) -> dict[str, Any]:
        """Return the values of *login* in the row of *link*: sealed, and when it is to be renewed."""
        content = [login.token, login.extension, to_milliseconds(login.expires_at)]
        purpose = _purpose("login", link.account.id, link.username)
        sealed = self._encryption.encrypt(orjson.dumps(content).decode(), purpose)
        return {
            "sealed_login": sealed,
            "renew_at": login.expires_at - min(RENEWAL, (login.expires_at - now) / 2),
        }

    def _update(self, link: CentreLink, condition: ColumnElement[bool], values: dict[str, Any]) -> bool:
        is_this = (table.c.account == link.account.id) & condition
        with self._database.write() as connection:
            return connection.execute(update(table).where(is_this).values(values)).rowcount == 1


def _listed(row: Row[*tuple[Any, ...]]) -> Listed:
    return Listed(row.login, row.tenant, row.username, row.linked_at, row.renew_at)


def _purpose(secret: str, account: str, username: str) -> str:
    return f"ctibar:{secret}:{account}:{username}"  # an account's id has no colon

"""Accounts: people who log in, and their identities in the cloud."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    ForeignKey,
    Row,
    Select,
    String,
    Table,
    UniqueConstraint,
    insert,
    select,
    true,
    update,
)
from sqlalchemy.exc import IntegrityError

from validator.accounts import links
from validator.accounts.identity import Identity, check_login
from validator.clock import Clock
from validator.errors import OperatorError, Reason, Refusal
from validator.passwords.policy import REMEMBERED
from validator.sizes import MAX_LOGIN, MAX_TENANT, MAX_USER_ACCOUNT, MAX_USER_ID, MAX_USER_NAME
from validator.store import history
from validator.store.database import Database, Instant, metadata
from validator.tenants import RecordStatus, Tenants
from validator.tenants import table as tenants_table

table = Table(
    "accounts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("login", String(MAX_LOGIN), nullable=False),
    Column("tenant", String(MAX_TENANT), ForeignKey("tenants.id"), nullable=False),
    Column("password_hash", String(255), nullable=False),
    Column("previous_hashes", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("user_account", String(MAX_USER_ACCOUNT)),
    Column("user_id", String(MAX_USER_ID)),
    Column("user_name", String(MAX_USER_NAME)),
    Column("created_at", Instant, nullable=False),
    Column("password_changed_at", Instant, nullable=False),
    UniqueConstraint("login"),
    UniqueConstraint("tenant", "user_account"),
    UniqueConstraint("tenant", "user_id"),
)


@dataclass(frozen=True, slots=True)
class Account:
    """A person who logs in. The epoch grows whenever all tokens and sessions of the account must end."""

    id: str
    login: str
    tenant: str
    status: RecordStatus
    epoch: int
    identity: Identity
    created_at: datetime
    password_changed_at: datetime
    tenant_status: RecordStatus
    password_hash: str = field(repr=False)
    previous_hashes: tuple[str, ...] = field(repr=False)

    @property
    def is_usable(self) -> bool:
        """Whether the account and its tenant are active."""
        return self.status is self.tenant_status is RecordStatus.ACTIVE


class Accounts:
    """The table of accounts."""

    def __init__(
        self, database: Database, tenants: Tenants, clock: Clock, is_reserved: Callable[[str], bool]
    ) -> None:
        self._database, self._tenants, self._clock = database, tenants, clock
        self._is_reserved = is_reserved

    def add(self, login: str, tenant: str, password_hash: str, identity: Identity) -> Account:
        """Add an account; raises OperatorError when a value is invalid or taken."""
        login = login.lower()
        self._tenants.require(tenant)
        check_login(login)
        identity.check(self._is_reserved)
        now = self._clock.now()
        values: dict[str, Any] = {
            "id": secrets.token_hex(8),
            "login": login,
            "tenant": tenant,
            "password_hash": password_hash,
            "previous_hashes": [],
            "status": RecordStatus.ACTIVE,
            "user_account": identity.user_account,
            "user_id": identity.user_id,
            "user_name": identity.user_name,
            "created_at": now,
            "password_changed_at": now,
        }
        try:
            with self._database.write() as connection:
                values["epoch"] = history.mark(connection, history.EPOCH) + 1
                connection.execute(insert(table).values(values))
                if identity.user_account is not None:
                    links.write(connection, values["id"], tenant, identity.user_account, now)
        except IntegrityError:
            raise OperatorError(f"the login {login}, or one of its identities, exists already") from None
        return self.require(login)

    def find(self, login: str) -> Account | None:
        """Return the account with this login name, ignoring case, or None."""
        return self.find_with(login, true())[0]

    def find_with(self, login: str, condition: ColumnElement[bool]) -> tuple[Account | None, bool]:
        """Return what `find` returns, and *condition*'s value by the same statement: False for None."""
        query = accounts_query().add_columns(condition.label("condition"))
        with self._database.confirmed() as connection:
            row = connection.execute(query.where(table.c.login == folded(login))).one_or_none()
        return (None, False) if row is None else (account_of(row), bool(row.condition))

    def require(self, login: str) -> Account:
        """Return the account with this login name; raises OperatorError when there is none."""
        if (account := self.find(login)) is None:
            raise OperatorError(f"there is no account {login}")
        return account

    def list(self, tenant: str | None = None) -> list[Account]:
        """Return the accounts of *tenant*, or of all tenants, sorted by login name."""
        query = accounts_query().order_by(table.c.login)
        with self._database.read() as connection:
            rows = connection.execute(query if tenant is None else query.where(table.c.tenant == tenant))
            return [account_of(row) for row in rows]

    def set_status(self, login: str, status: RecordStatus) -> None:
        """Enable or disable an account; disabling permanently ends its tokens and sessions."""
        self._change(login, {"status": status, "epoch": table.c.epoch + int(status is RecordStatus.DISABLED)})

    def set_password(self, account: Account, password_hash: str) -> Account:
        """Replace the password, which ends all tokens and sessions of the account; return the new state.

        Raises Refusal(SESSION_ENDED) when the account changed since it was read, so that a change made with
        the old password never overrides an operator's.
        """
        previous = (account.password_hash, *account.previous_hashes)[: REMEMBERED - 1]
        now = self._clock.now()
        values = {
            "password_hash": password_hash,
            "previous_hashes": list(previous),
            "password_changed_at": now,
            "epoch": account.epoch + 1,
        }
        unchanged = (table.c.id == account.id) & (table.c.epoch == account.epoch)
        with self._database.durable_write(now) as connection:
            changed = connection.execute(update(table).where(unchanged).values(values))
        if not changed.rowcount:
            raise Refusal(Reason.SESSION_ENDED)
        return replace(
            account,
            password_hash=password_hash,
            previous_hashes=previous,
            password_changed_at=now,
            epoch=account.epoch + 1,
        )

    def renew_hash(self, account: Account, password_hash: str) -> None:
        """Store the same password's hash with newer parameters, unless the password was changed meanwhile."""
        same = (table.c.id == account.id) & (table.c.password_hash == account.password_hash)
        with self._database.write() as connection:
            connection.execute(update(table).where(same).values(password_hash=password_hash))

    def _change(self, login: str, values: dict[str, Any]) -> None:
        with self._database.durable_write(self._clock.now()) as connection:
            changed = connection.execute(update(table).where(table.c.login == folded(login)).values(values))
        if not changed.rowcount:
            raise OperatorError(f"there is no account {login}")


def folded(login: str) -> str:
    """Return the stored form of *login*; only ASCII is folded.

    Folding other characters could yield ASCII: the Kelvin sign would become a k.
    """
    return login.lower() if login.isascii() else login


def accounts_query() -> Select[Any]:
    """Return the query for accounts with the status of their tenants."""
    return select(table, tenants_table.c.status.label("tenant_status")).join(tenants_table)


def account_of(row: Row[*tuple[Any, ...]]) -> Account:
    """Return the account in a *row* of the query."""
    return Account(
        id=row.id,
        login=row.login,
        tenant=row.tenant,
        status=RecordStatus(row.status),
        epoch=row.epoch,
        identity=Identity(row.user_account, row.user_id, row.user_name),
        created_at=row.created_at,
        password_changed_at=row.password_changed_at,
        tenant_status=RecordStatus(row.tenant_status),
        password_hash=row.password_hash,
        previous_hashes=tuple(row.previous_hashes),
    )

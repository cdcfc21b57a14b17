"""Links between the cloud's accounts and accounts here; each cloud account has at most one link.

The `user_account` with which an account was added is one of its links; an operator may link more of the
cloud's accounts to the same person. A token for any of them is only as valid as the account behind it.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, ForeignKey, String, Table, delete, insert, select
from sqlalchemy.exc import IntegrityError

from validator.accounts.identity import Identity
from validator.clock import Clock
from validator.errors import OperatorError
from validator.sizes import MAX_TENANT, MAX_USER_ACCOUNT
from validator.store.database import Database, Instant, metadata

table = Table(
    "account_links",
    metadata,
    Column("tenant", String(MAX_TENANT), ForeignKey("tenants.id"), primary_key=True),
    Column("user_account", String(MAX_USER_ACCOUNT), primary_key=True),
    Column("account", String(32), ForeignKey("accounts.id"), nullable=False, index=True),
    Column("linked_at", Instant, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Link:
    """One of the cloud's accounts, and the id of the account here to which it is linked."""

    tenant: str
    user_account: str
    account: str
    linked_at: datetime


class Links:
    """The table of links."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def of(self, account: str) -> tuple[str, ...]:
        """Return every `userAccount` linked to the account with this id, sorted."""
        query = select(table.c.user_account).where(table.c.account == account).order_by(table.c.user_account)
        with self._database.read() as connection:
            return tuple(connection.execute(query).scalars())

    def list(self, tenant: str | None = None) -> list[Link]:
        """Return the links of *tenant*, or of all tenants, sorted by tenant and `userAccount`."""
        query = select(table).order_by(table.c.tenant, table.c.user_account)
        with self._database.read() as connection:
            rows = connection.execute(query if tenant is None else query.where(table.c.tenant == tenant))
            return [Link(*row) for row in rows]

    def add(self, account: str, tenant: str, user_account: str) -> None:
        """Link *user_account* to the account with this id; raises OperatorError when it is already linked."""
        Identity(user_account).check(lambda _: False)  # it has no userId
        now = self._clock.now()
        try:
            with self._database.durable_write(now) as connection:
                write(connection, account, tenant, user_account, now)
        except IntegrityError:
            raise OperatorError(f"{user_account} is linked to an account already") from None

    def remove(self, account: str, tenant: str, user_account: str) -> None:
        """Remove a link; raises OperatorError when there is none. The caller ends the link's tokens."""
        is_link = (table.c.tenant == tenant) & (table.c.user_account == user_account)
        with self._database.durable_write(self._clock.now()) as connection:
            removed = connection.execute(delete(table).where(is_link, table.c.account == account))
        if not removed.rowcount:
            raise OperatorError(f"{user_account} is not linked to this account")


def write(connection: Connection, account: str, tenant: str, user_account: str, now: datetime) -> None:
    """Write a link in the transaction of *connection*; raises IntegrityError when it exists already."""
    values = {"tenant": tenant, "user_account": user_account, "account": account, "linked_at": now}
    connection.execute(insert(table).values(values))

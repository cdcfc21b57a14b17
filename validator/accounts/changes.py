"""Changes of an account's identities, and its removal.

The caller ends the tokens of the returned identities: they may soon belong to another person.
"""

from collections.abc import Callable

from sqlalchemy import Connection, Delete, delete, select, update
from sqlalchemy.exc import IntegrityError

from validator.accounts import links, sessions
from validator.accounts.account import Account, table
from validator.accounts.identity import Identity
from validator.clock import Clock
from validator.errors import OperatorError
from validator.store import history
from validator.store.database import Database


class AccountChanges:
    """Changes an account together with its dependent rows in one transaction."""

    def __init__(self, database: Database, clock: Clock, is_reserved: Callable[[str], bool]) -> None:
        """Change accounts in *database*; *is_reserved* returns whether a userId is reserved for guests."""
        self._database, self._clock, self._is_reserved = database, clock, is_reserved

    def set_identity(self, account: Account, identity: Identity) -> None:
        """Replace the identities of *account*; raises OperatorError when one is invalid or taken."""
        identity.check(self._is_reserved)
        now = self._clock.now()
        values = {
            "user_account": identity.user_account,
            "user_id": identity.user_id,
            "user_name": identity.user_name,
        }
        old, new = account.identity.user_account, identity.user_account
        try:
            with self._database.durable_write(now) as connection:
                connection.execute(update(table).where(table.c.id == account.id).values(values))
                if old is not None and old != new:
                    connection.execute(_link(account, old))
                if new is not None and new not in _linked(connection, account):
                    links.write(connection, account.id, account.tenant, new, now)
        except IntegrityError:
            raise OperatorError("one of these identities is another account's") from None

    def remove(self, account: Account) -> tuple[str, ...]:
        """Remove *account* with its sessions and links; return every `userAccount` linked to it."""
        with self._database.durable_write(self._clock.now()) as connection:
            linked = _linked(connection, account)
            epoch = connection.execute(select(table.c.epoch).where(table.c.id == account.id)).scalar()
            history.raise_mark(connection, history.EPOCH, epoch or account.epoch)
            connection.execute(delete(sessions.table).where(sessions.table.c.account == account.id))
            connection.execute(delete(links.table).where(links.table.c.account == account.id))
            connection.execute(delete(table).where(table.c.id == account.id))
        return linked


def _linked(connection: Connection, account: Account) -> tuple[str, ...]:
    query = select(links.table.c.user_account).where(links.table.c.account == account.id)
    return tuple(connection.execute(query).scalars())


def _link(account: Account, user_account: str) -> Delete:
    return delete(links.table).where(
        links.table.c.tenant == account.tenant,
        links.table.c.user_account == user_account,
        links.table.c.account == account.id,
    )

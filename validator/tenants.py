"""Tenants: the tenant spaces of the cloud that this server serves."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, Row, String, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from validator.clock import Clock
from validator.errors import OperatorError, Reason, Refusal
from validator.sizes import MAX_TENANT
from validator.store.database import Database, Instant, metadata

MAX_NAME = 128
_ID = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_TENANT}}}", re.ASCII)


class RecordStatus(StrEnum):
    """Whether a tenant, an account, a client or a channel is active."""

    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant space: its id at the cloud, a display name, and whether it is active."""

    id: str
    name: str
    status: RecordStatus
    created_at: datetime


table = Table(
    "tenants",
    metadata,
    Column("id", String(MAX_TENANT), primary_key=True),
    Column("name", String(MAX_NAME), nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
)


class Tenants:
    """The table of tenants."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock

    def add(self, tenant_id: str, name: str) -> Tenant:
        """Add a tenant; raises OperatorError when the id is invalid or taken."""
        if not _ID.fullmatch(tenant_id):
            raise OperatorError(f"a tenant space id has 1 to {MAX_TENANT} of A-Z a-z 0-9 . _ -")
        _check_name(name)
        tenant = Tenant(tenant_id, name, RecordStatus.ACTIVE, self._clock.now())
        values = {"id": tenant.id, "name": name, "status": tenant.status, "created_at": tenant.created_at}
        try:
            with self._database.write() as connection:
                connection.execute(insert(table).values(values))
        except IntegrityError:
            raise OperatorError(f"tenant {tenant_id} exists already") from None
        return tenant

    def find(self, tenant_id: str) -> Tenant | None:
        """Return the tenant with this id, or None."""
        with self._database.read() as connection:
            row = connection.execute(select(table).where(table.c.id == tenant_id)).one_or_none()
        return None if row is None else _tenant(row)

    def check_active(self, tenant_id: str) -> None:
        """Raise Refusal unless the tenant is here and active."""
        tenant = self.find(tenant_id)
        if tenant is None:
            raise Refusal(Reason.TENANT_UNKNOWN)
        if tenant.status is not RecordStatus.ACTIVE:
            raise Refusal(Reason.TENANT_DISABLED)

    def require(self, tenant_id: str) -> Tenant:
        """Return the tenant with this id; raises OperatorError when there is none."""
        tenant = self.find(tenant_id)
        if tenant is None:
            raise OperatorError(f"there is no tenant {tenant_id}")
        return tenant

    def list(self) -> list[Tenant]:
        """Return every tenant, sorted by id."""
        with self._database.read() as connection:
            return [_tenant(row) for row in connection.execute(select(table).order_by(table.c.id))]

    def rename(self, tenant_id: str, name: str) -> None:
        """Change a tenant's display name; raises OperatorError when it is too long or the tenant unknown."""
        _check_name(name)
        self._change(tenant_id, name=name)

    def check_unused(self, tenant_id: str) -> None:
        """Raise OperatorError when the tenant still has an account, channel, customer, PIN or call record."""
        for name in _HELD:
            other = metadata.tables.get(name)
            if other is None:
                continue
            with self._database.read() as connection:
                if connection.execute(select(other.c.tenant).where(other.c.tenant == tenant_id)).first():
                    raise OperatorError(f"tenant {tenant_id} still has {name}: {_REMOVAL.get(name, _FIRST)}")

    def remove(self, tenant_id: str) -> None:
        """Remove a tenant and its copy of the cloud's list of agents.

        Raises OperatorError when it is unknown, or still has an account, channel, customer or call record.
        """
        try:
            with self._database.durable_write(self._clock.now()) as connection:
                agents = metadata.tables.get("agents")  # only a copy of the cloud's list
                if agents is not None:
                    connection.execute(delete(agents).where(agents.c.tenant == tenant_id))
                removed = connection.execute(delete(table).where(table.c.id == tenant_id))
        except IntegrityError:
            raise OperatorError(
                f"tenant {tenant_id} still has accounts, channels, customers or call records: "
                "remove them first"
            ) from None
        if not removed.rowcount:
            raise OperatorError(f"there is no tenant {tenant_id}")

    def set_status(self, tenant_id: str, status: RecordStatus) -> None:
        """Enable or disable a tenant; raises OperatorError when there is none."""
        self._change(tenant_id, status=status)

    def _change(self, tenant_id: str, **values: str) -> None:
        with self._database.durable_write(self._clock.now()) as connection:
            changed = connection.execute(update(table).where(table.c.id == tenant_id).values(values))
        if not changed.rowcount:
            raise OperatorError(f"there is no tenant {tenant_id}")


_FIRST = "remove them first"
_HELD = ("accounts", "channels", "customers", "verification_pins", "call_records", "call_quarantine")
_REMOVAL = {"verification_pins": "`validator verification remove-pins`"}


def _check_name(name: str) -> None:
    if len(name) > MAX_NAME:
        raise OperatorError(f"a tenant's name has at most {MAX_NAME} characters")


def _tenant(row: Row[*tuple[Any, ...]]) -> Tenant:
    return Tenant(row.id, row.name, RecordStatus(row.status), row.created_at)

"""Backend clients: the enterprise's servers, which may name the subjects of their tenants."""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeAlias

from sqlalchemy import JSON, Column, Connection, Row, String, Table, delete, insert, select, update

from validator.clock import Clock
from validator.errors import OperatorError, Reason, Refusal
from validator.store.database import Database, Instant, metadata
from validator.tenants import RecordStatus, Tenants
from validator.tokens.claims import Audience

MAX_NAME = 128
_SECRET_BYTES = 32

table = Table(
    "clients",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("name", String(MAX_NAME), nullable=False),
    Column("secret_digest", String(64), nullable=False),
    Column("tenants", JSON, nullable=False),
    Column("audiences", JSON, nullable=False),
    Column("status", String(16), nullable=False),
    Column("created_at", Instant, nullable=False),
)


class Service(StrEnum):
    """What a client may use beside tokens: a route that gives or takes customers' data."""

    VERIFICATION = "verification"
    IVR = "ivr"


ClientAudience: TypeAlias = Audience | Service
CLIENT_AUDIENCES: dict[str, ClientAudience] = {each.value: each for each in (*Audience, *Service)}


@dataclass(frozen=True, slots=True)
class Client:
    """A backend client, with the tenants and audiences for which it may act."""

    id: str
    name: str
    tenants: frozenset[str]
    audiences: frozenset[ClientAudience]
    status: RecordStatus
    created_at: datetime
    secret_digest: str = field(repr=False)

    def check_may(self, audience: ClientAudience | None, tenant: str) -> None:
        """Raise Refusal unless this client may act for *tenant* and *audience* (None: tokens of any)."""
        if tenant not in self.tenants:
            raise Refusal(Reason.TENANT_NOT_GRANTED)
        granted = self.audiences.intersection(Audience) if audience is None else {audience} & self.audiences
        if not granted:
            raise Refusal(Reason.AUDIENCE_NOT_GRANTED)


class Clients:
    """The table of backend clients. A secret is shown once; only its SHA-256 is stored.

    A fast digest is enough: the secret is 256 random bits, too many for brute force.
    """

    def __init__(self, database: Database, tenants: Tenants, clock: Clock) -> None:
        self._database, self._tenants, self._clock = database, tenants, clock

    def add(
        self, name: str, tenants: Collection[str], audiences: Collection[ClientAudience]
    ) -> tuple[Client, str]:
        """Add a client and return it with its secret; raises OperatorError for an unknown tenant or none."""
        self._check(name, tenants, audiences)
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        client_id = f"client-{secrets.token_hex(6)}"
        values = {
            "id": client_id,
            "name": name,
            "secret_digest": _digest(secret),
            "tenants": sorted(tenants),
            "audiences": sorted(audiences),
            "status": RecordStatus.ACTIVE,
            "created_at": self._clock.now(),
        }
        with self._database.write() as connection:
            _check_free(connection, name)
            connection.execute(insert(table).values(values))
        return self.require(client_id), secret

    def change(
        self, client: Client, name: str, tenants: Collection[str], audiences: Collection[ClientAudience]
    ) -> None:
        """Replace a client's name, tenants and audiences; raises OperatorError as `add` does."""
        self._check(name, tenants, audiences)
        values = {"name": name, "tenants": sorted(tenants), "audiences": sorted(audiences)}
        with self._database.durable_write(self._clock.now()) as connection:
            if name != client.name:
                _check_free(connection, name)
            connection.execute(update(table).where(table.c.id == client.id).values(values))

    def remove(self, client_id: str) -> None:
        """Remove a client; raises OperatorError when there is none."""
        with self._database.durable_write(self._clock.now()) as connection:
            removed = connection.execute(delete(table).where(table.c.id == client_id))
        if not removed.rowcount:
            raise OperatorError(f"there is no client {client_id}")

    def authenticate(self, presented_id: str, presented_secret: str) -> Client:
        """Return the client with this secret; raises Refusal. Unknown ids take as long (timing oracle)."""
        client = self.find(presented_id)
        expected = client.secret_digest if client else _digest("")
        is_correct = hmac.compare_digest(expected.encode(), _digest(presented_secret).encode())
        if client is None:
            raise Refusal(Reason.CLIENT_UNKNOWN)
        if not is_correct:
            raise Refusal(Reason.CLIENT_SECRET_WRONG)
        if client.status is not RecordStatus.ACTIVE:
            raise Refusal(Reason.CLIENT_DISABLED)
        return client

    def find(self, client_id: str) -> Client | None:
        """Return the client with this id, or None."""
        with self._database.confirmed() as connection:
            row = connection.execute(select(table).where(table.c.id == client_id)).one_or_none()
        return None if row is None else _client(row)

    def require(self, client_id: str) -> Client:
        """Return the client with this id; raises OperatorError when there is none."""
        client = self.find(client_id)
        if client is None:
            raise OperatorError(f"there is no client {client_id}")
        return client

    def list(self) -> list[Client]:
        """Return every client, oldest first."""
        with self._database.read() as connection:
            return [
                _client(row)
                for row in connection.execute(select(table).order_by(table.c.created_at, table.c.id))
            ]

    def rotate(self, client_id: str) -> str:
        """Give a client a new secret and return it; the old one is invalid at once."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        self._change(client_id, secret_digest=_digest(secret))
        return secret

    def set_status(self, client_id: str, status: RecordStatus) -> None:
        """Enable or disable a client."""
        self._change(client_id, status=status)

    def _check(self, name: str, tenants: Collection[str], audiences: Collection[ClientAudience]) -> None:
        if not 1 <= len(name) <= MAX_NAME:
            raise OperatorError(f"a client's name has 1 to {MAX_NAME} characters")
        if not tenants or not audiences:
            raise OperatorError("a client needs at least one tenant and one audience")
        for tenant in tenants:
            self._tenants.require(tenant)

    def _change(self, client_id: str, **values: str) -> None:
        with self._database.durable_write(self._clock.now()) as connection:
            changed = connection.execute(update(table).where(table.c.id == client_id).values(values))
        if not changed.rowcount:
            raise OperatorError(f"there is no client {client_id}")


def _check_free(connection: Connection, name: str) -> None:
    """Raise OperatorError when a client has this name: an operator could disable the wrong client."""
    if connection.execute(select(table.c.id).where(table.c.name == name)).first() is not None:
        raise OperatorError(f"a client is called {name} already: give this one another name")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _client(row: Row[*tuple[Any, ...]]) -> Client:
    return Client(
        id=row.id,
        name=row.name,
        tenants=frozenset(row.tenants),
        audiences=frozenset(CLIENT_AUDIENCES[word] for word in row.audiences),
        status=RecordStatus(row.status),
        created_at=row.created_at,
        secret_digest=row.secret_digest,
    )
